"""What tells a file from others of its name, size and time, read in no time."""

import os
from typing import BinaryIO

# Bytes at each end of a file.
_END = 1 << 11


def ends(file: BinaryIO) -> bytes:
    """Returns the bytes at both ends of a file, which is then at its start."""
    file.seek(0)
    first = file.read(_END)
    file.seek(max(0, file.seek(0, os.SEEK_END) - _END))
    last = file.read(_END)
    file.seek(0)
    return first + last
