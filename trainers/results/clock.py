"""The minutes that a row of RESULTS.md took, over all times it was begun."""

import contextlib
import sys
import time
from collections.abc import Iterator

from fred_tf.disk import claims, files, records

KIND = "clock"


class Clock:
    """Sums the time that parts of a row take, in a record of its own.

    Args:
        path: the file; written whenever a part ends, however it ends.
        row: name of the row.

    Raises:
        ValueError: the file is the clock of another row, or damaged.
    """

    def __init__(self, path: files.Path, row: str):
        self._work = path, KIND, {"row": row}, None
        way_out = f"Delete {path} to count from zero."
        record = records.continued(*self._work, way_out=way_out)
        with records.stating(path, way_out):
            spent = claims.mapping(record or {"minutes": {}}, "minutes")
            self._spent = {
                part: claims.number(spent, part, 0, sys.float_info.max)
                for part in spent
            }

    @contextlib.contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Counts the time inside a `with` block as spent on `part`."""
        begun = time.monotonic()
        try:
            yield
        finally:
            minutes = (time.monotonic() - begun) / 60
            self._spent[part] = self._spent.get(part, 0) + minutes
            records.write(*self._work, minutes=self._spent)

    def minutes(self) -> dict[str, float]:
        """Returns the minutes by part, to a tenth."""
        return {part: round(spent, 1) for part, spent in self._spent.items()}
