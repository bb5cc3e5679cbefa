"""The minutes that a row of RESULTS.md took, over all times it was begun."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

from fred_tf.disk import claims, files, records
from trainers.results.hardware import hardware

KIND = "clock"
# Seconds: what a process that is killed has counted for nothing, at most.
_EVERY = 60.0


class Clock:
    """Sums the time that parts of a row take, in a record of its own.

    Args:
        path: the file; written once a minute while a part goes on, and when it
            ends, however it ends.
        row: name of the row.

    Attributes:
        hardware: what the minutes were spent on, each once; not what earlier
            versions spent them on, which did not say it.

    Raises:
        ValueError: the file is the clock of another row, or damaged.
    """

    def __init__(self, path: files.Path, row: str):
        self._work = path, KIND, {"row": row}, None
        way_out = f"Delete {path} to count from zero."
        record = records.continued(*self._work, way_out=way_out) or {}
        with records.stating(path, way_out):
            told = {"minutes": {}, "hardware": [], **record}
            spent = claims.mapping(told, "minutes")
            self._spent = {
                part: claims.number(spent, part, 0, sys.float_info.max)
                for part in spent
            }
            self.hardware = [
                claims.text({"hardware": one}, "hardware", 1000)
                for one in claims.listed(told, "hardware")
            ]

    @contextlib.contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Counts the time inside a `with` block as spent on `part`."""
        begun, before = time.monotonic(), self._spent.get(part, 0)
        self.hardware = list(dict.fromkeys([*self.hardware, hardware()]))
        ended = threading.Event()

        def write() -> None:
            minutes = (time.monotonic() - begun) / 60
            self._spent[part] = before + minutes
            records.write(
                *self._work, minutes=self._spent, hardware=self.hardware
            )

        def keep() -> None:
            while not ended.wait(_EVERY):
                with contextlib.suppress(OSError):  # The end tries again.
                    write()

        keeping = threading.Thread(target=keep, daemon=True)
        keeping.start()
        try:
            yield
        finally:
            ended.set()
            keeping.join()
            write()

    def minutes(self) -> dict[str, float]:
        """Returns the minutes by part, to a tenth."""
        return {part: round(spent, 1) for part, spent in self._spent.items()}
