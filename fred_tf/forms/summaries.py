"""The files of an export that tell of its forms: README.md and sizes.md."""

import contextlib
import pathlib

from fred_tf.disk import replaceable
from fred_tf.forms import readme

# `python -m export` writes it; whoever replaces a form makes it untrue.
SIZES = "sizes.md"
SIZES_MARK = "| form | bytes on disk | of them records | floats / records | "
_MARKS = {readme.NAME: readme.MARK, SIZES: SIZES_MARK}


def check_replaceable(folder: pathlib.Path) -> None:
    """Refuses a folder where such a file is of no export.

    Raises:
        FileExistsError: see `replaceable.check_file`.
    """
    for name, mark in _MARKS.items():
        replaceable.check_file(folder / name, mark.encode())


def remove(folder: pathlib.Path) -> None:
    """Removes them, before forms are replaced; those of others stay."""
    for name, mark in _MARKS.items():
        with contextlib.suppress(FileExistsError):
            replaceable.check_file(folder / name, mark.encode())
            (folder / name).unlink(missing_ok=True)
