"""When to step, and when to log, save and evaluate."""

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import tqdm
from absl import logging

from fred_tf.distillation.distiller import Distiller

Scalars = dict[str, float]


class NonFiniteError(RuntimeError):
    """A step whose loss, gradient or update was NaN or infinite."""


class Stopped(BaseException):
    """A signal ended work in `Interruption.at_once`.

    Like `KeyboardInterrupt` no `Exception`, so that nothing on the way takes
    it for a failure.
    """


class Action(NamedTuple):
    """Something to do with the scalars of every `every`-th step.

    The last step is always one of them, whatever `every` is; so is the step
    at which a signal stops the run, unless `on_stop` is False.
    """

    every: int
    call: Callable[[int, Scalars], None]
    on_stop: bool = True


class Interruption:
    """Remembers a signal until the step in progress has ended.

    Attributes:
        signal: number of the signal that arrived, or None.
        share: where several processes make a step together, returns the
            largest of the numbers that each gives it; 0 stands for None.
    """

    share: Callable[[int], int] | None = None

    _leave = False

    def __init__(self):
        self.signal: int | None = None

    def arrived(self) -> int | None:
        """Returns the signal that ends the run, here or in any process.

        Processes that share their signals must all ask, once in each step.
        """
        if self.share is None:
            return self.signal
        number = self.share(self.signal or 0)
        # Only set: one that arrived during the exchange waits for the next.
        if number:
            self.signal = number
        return number or None

    @property
    def exit_code(self) -> int:
        """What a shell reports for a process ended by that signal."""
        return 128 + self.signal if self.signal else 0

    @contextlib.contextmanager
    def watching(self) -> Iterator["Interruption"]:
        """Catches SIGTERM and SIGINT; a second one ends the process at once."""

        def remember(number, frame):
            self.signal = number
            signal.signal(number, signal.SIG_DFL)
            if self._leave:
                logging.warning("Stopping here (signal %d).", number)
                raise Stopped
            logging.warning("Stopping after this step (signal %d).", number)

        signals = (signal.SIGTERM, signal.SIGINT)
        before = {s: signal.signal(s, remember) for s in signals}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Lets a signal end the block where it is, rather than be remembered.

        For work that keeps what it has done by itself. A call of TensorFlow in
        progress ends first.

        Raises:
            Stopped: by a signal, or by one that had arrived before.
        """
        if self.signal:
            raise Stopped
        try:
            self._leave = True
            yield
        finally:
            self._leave = False


def run(
    distiller: Distiller,
    last_step: int,
    actions: Sequence[Action],
    interruption: Interruption | None = None,
) -> None:
    """Makes outer steps until `last_step`, with actions after each.

    Args:
        distiller: continues from its own step.
        last_step: number of outer steps to reach.
        actions: called in order after a step that is due, with the number of
            steps made and the step's scalars.
        interruption: once it holds a signal, the current step is the last.

    Raises:
        NonFiniteError: a step was not finite. Nothing has changed since the
            step before, and no action saw the bad one.
    """
    with _progress(distiller.step, last_step) as report:
        while distiller.step < last_step:
            scalars = distiller()
            if not scalars.pop("finite"):
                raise NonFiniteError(
                    f"Outer step {distiller.step + 1} is not finite: "
                    f"{scalars}. The memory is as it was before it. Lower "
                    "`memory_learning_rate` or `student_learning_rate_step`, "
                    "or raise `segments_per_step` or `batches_per_step`, in a "
                    "new --run_dir."
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
def _progress(
    first: int, last: int
) -> Iterator[Callable[[int, Scalars], None]]:
    """Yields a reporter: a bar on a terminal, plain log lines elsewhere."""
    if sys.stderr.isatty():
        with tqdm.tqdm(
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
