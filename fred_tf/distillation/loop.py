"""When to step, and what to do after a step."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from fred_tf.distillation.distiller import Distiller
from fred_tf.distillation.interruption import Interruption
from fred_tf.distillation.outliers import TROUBLES
from fred_tf.progress import Report, seconds_left, shown

Scalars = dict[str, float]


class DivergedError(RuntimeError):
    """A run that is lost, see `outliers.py`.

    Attributes:
        step: the outer step that said so.
        reason: what is wrong with it.
        last_good: outer steps after which the run was last known to be good.
        way_out: what to do, in sentences; said by who knows more of the run.
    """

    def __init__(self, step: int, trouble: int, last_good: int):
        self.step, self.last_good = step, last_good
        self.reason, self.way_out = TROUBLES[trouble], ""
        super().__init__(
            f"Outer step {step} {self.reason}. The run was last known to be "
            f"good after step {last_good}."
        )

    def __str__(self) -> str:
        return " ".join(filter(None, (super().__str__(), self.way_out)))


class Action(NamedTuple):
    """Something to do with the scalars of every `every`-th step.

    The last step is always one of them, whatever `every` is; so is the step
    at which a signal stops the run, unless `on_stop` is False. What takes long
    comes `after_save`: were it cut short, the step would still be kept.
    """

    every: int
    call: Callable[[int, Scalars], None]
    on_stop: bool = True
    after_save: bool = False

    def is_due(self, step: int, last_step: int) -> bool:
        """Returns whether it belongs to a step, stopped there or not."""
        return step % self.every == 0 or step == last_step

    def times(self, step: int, last_step: int) -> int:
        """Returns how often it is due after a step."""
        extra = last_step % self.every > 0
        return last_step // self.every - step // self.every + extra


def run(
    distiller: Distiller,
    last_step: int,
    actions: Sequence[Action],
    interruption: Interruption | None = None,
    progress: bool = True,
) -> None:
    """Makes outer steps until `last_step`, with actions after each.

    Args:
        distiller: continues from its own step.
        last_step: number of outer steps to reach.
        actions: called in order after a step that is due, with the number of
            steps made and the step's scalars.
        interruption: once it holds a signal, the current step is the last.
        progress: whether to show how far the run is.

    Raises:
        DivergedError: the run is lost. No action sees the step that says so.
    """
    steps, pauses = list[float](), [list[float]() for _ in actions]

    def left() -> float | None:
        """Returns the seconds that steps and actions are to take yet."""
        made = distiller.step
        to_come = [action.times(made - 1, last_step) for action in actions]
        return seconds_left(steps, last_step - made, zip(pauses, to_come))

    with _shown(distiller.step, last_step, progress) as report:
        while distiller.step < last_step:
            number = distiller.step + 1
            with _timed(steps):
                scalars = distiller()
            last_good = int(scalars.pop("last_good"))
            if trouble := int(scalars.pop("trouble")):
                raise DivergedError(number, trouble, last_good)
            step = distiller.step
            stopping = interruption is not None and interruption.arrived()
            report(step, _told(scalars), left)
            for action, taken in zip(actions, pauses):
                due = action.is_due(step, last_step)
                if due or (stopping and action.on_stop):
                    with _timed(taken):
                        action.call(step, scalars)
            if stopping:
                return


@contextlib.contextmanager
def _timed(durations: list[float]) -> Iterator[None]:
    """Adds the seconds that the block takes."""
    begun = time.monotonic()
    yield
    durations.append(time.monotonic() - begun)


@contextlib.contextmanager
def _shown(step: int, last_step: int, progress: bool) -> Iterator[Report]:
    """Yields what shows how far a run is, or nothing."""
    if not progress:
        yield lambda *_: None
        return
    with shown("step", last_step, step, lasting=True) as report:
        if step < last_step:
            report(step, "the next takes longest")  # It is traced.
        yield report


def _told(scalars: Scalars) -> str:
    """Returns what people are told of a step on the way."""
    told = f"loss {scalars['loss']:.4g}"
    if skipped := int(scalars["skipped"]):
        told += f", {skipped} skipped"
    return f"{told}, usual gradient {scalars['usual_gradient_norm']:.3g}"
