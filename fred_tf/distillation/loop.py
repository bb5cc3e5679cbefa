"""When to step, and what to do after a step."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import tqdm.auto
from absl import logging

from fred_tf.distillation.distiller import Distiller
from fred_tf.distillation.interruption import Interruption

Scalars = dict[str, float]


class NonFiniteError(RuntimeError):
    """A step whose loss, gradient or update was NaN or infinite."""


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
        NonFiniteError: a step was not finite. Nothing has changed since the
            step before, and no action saw the bad one.
    """
    shown = _progress if progress else _silence
    with shown(distiller.step, last_step) as report:
        while distiller.step < last_step:
            scalars = distiller()
            if not scalars.pop("finite"):
                raise NonFiniteError(
                    f"Outer step {distiller.step + 1} is not finite: "
                    f"{scalars}. The memory is as it was before it. Lower "
                    "`memory_learning_rate` or `student_learning_rate_step`, "
                    "or raise `references_per_step`, in a new --run_dir."
                )
            step = distiller.step
            stopping = interruption is not None and interruption.arrived()
            report(step, scalars)
            for action in actions:
                due = step % action.every == 0 or step == last_step
                if due or (stopping and action.on_stop):
                    action.call(step, scalars)
            if stopping:
                return


@contextlib.contextmanager
def _silence(first: int, last: int) -> Iterator[Callable[[int, Scalars], None]]:
    """Yields a reporter that says nothing."""
    yield lambda step, scalars: None


@contextlib.contextmanager
def _progress(
    first: int, last: int
) -> Iterator[Callable[[int, Scalars], None]]:
    """Yields a reporter: a bar where people look, plain log lines elsewhere.

    They look at terminals, and at notebooks.
    """
    if sys.stderr.isatty() or "ipykernel" in sys.modules:
        with tqdm.auto.tqdm(
            initial=first, total=last, unit="step", dynamic_ncols=True
        ) as bar:

            def on_bar(step: int, scalars: Scalars) -> None:
                bar.set_postfix(loss=f"{scalars['loss']:.4g}", refresh=False)
                bar.update(step - bar.n)

            yield on_bar
        return

    begun = time.monotonic()
    spoken = begun

    def in_log(step: int, scalars: Scalars) -> None:
        nonlocal spoken
        now = time.monotonic()
        if now - spoken < 30 and step != last:
            return
        spoken = now
        rate = (step - first) / (now - begun)
        logging.info(
            "step %d of %d, loss %.4g, %.3g steps/s, %.0f s left",
            step,
            last,
            scalars["loss"],
            rate,
            (last - step) / rate,
        )

    yield in_log
