"""Signals that end a run, remembered or heeded at once."""

import contextlib
import signal
from collections.abc import Callable, Iterator

from absl import logging


class Stopped(BaseException):
    """A signal ended work in `Interruption.at_once`.

    Like `KeyboardInterrupt` no `Exception`, so that nothing on the way takes
    it for a failure.
    """


class Interruption:
    """Remembers a signal until the step in progress has ended.

    Attributes:
        signal: number of the signal that arrived, or None.
        share: where several processes make a step together, returns the
            largest of the numbers that each gives it; 0 stands for None.
    """

    signal: int | None = None
    share: Callable[[int], int] | None = None

    _leave = False

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
