"""Signals that end a run, remembered or heeded at once."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

from absl import logging

STOPPED = "Stopped; the same command continues."

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Seconds that work which keeps what it has done gets to end by itself.
_PATIENCE = 5.0


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
        """Catches SIGTERM and SIGINT; a second one ends the process at once.

        So does the first one inside `at_once`, where the block does not end
        within seconds: Python heeds signals between its own instructions only,
        and a call of TensorFlow in progress may take long.
        """

        def remember(number, frame):
            self.signal = number
            signal.signal(number, signal.SIG_DFL)
            if self._leave:
                raise Stopped
            logging.warning("Stopping after this step (signal %d).", number)

        before = {s: signal.signal(s, remember) for s in _SIGNALS}
        try:
            with _heard(self._end_if_deaf):
                yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end_if_deaf(self, arrivals: socket.socket) -> None:
        """Ends the process where its main thread does not; in another thread.

        All that matters is on the disk whenever a process ends.
        """
        first: int | None = None
        while True:
            try:
                arrived = arrivals.recv(1)
            except TimeoutError:
                if self._leave and first is not None:
                    logging.warning(STOPPED)
                    os._exit(128 + first)
                continue
            if not arrived:
                return
            if arrived[0] in _SIGNALS:
                if first is not None:
                    os._exit(128 + arrived[0])
                first = arrived[0]
                arrivals.settimeout(_PATIENCE)

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Lets a signal end the block where it is, rather than be remembered.

        For work that keeps what it has done by itself.

        Raises:
            Stopped: by a signal, or by one that had arrived before.
        """
        try:
            self._leave = True
            if self.signal:
                raise Stopped
            yield
        finally:
            self._leave = False


@contextlib.contextmanager
def _heard(listen: Callable[[socket.socket], None]) -> Iterator[None]:
    """Lets a thread read the numbers of signals, as bytes, as they arrive."""
    arrivals, written = socket.socketpair()
    written.setblocking(False)
    before = signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=listen, args=[arrivals], daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        written.close()
        thread.join()
        arrivals.close()
