"""Files with one bit flipped, one after the other."""

import pathlib
from collections.abc import Iterable, Iterator


def flips(
    path: pathlib.Path, every: int = 1, places: Iterable[int] | None = None
) -> Iterator[int]:
    """Yields bytes' positions while a bit of each is flipped, each alone.

    Args:
        path: the file, which is as it was afterwards.
        every: takes one byte of so many.
        places: which bytes instead.
    """
    whole = path.read_bytes()
    if places is None:
        places = range(0, len(whole), every)
    try:
        for place in places:
            changed = bytearray(whole)
            changed[place] ^= 1 << place % 8
            path.write_bytes(changed)
            yield place
    finally:
        path.write_bytes(whole)
