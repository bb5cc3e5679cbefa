"""How what others made is changed, and read with suspicion."""

import os
import pathlib
import pickle
import struct
from collections.abc import Callable, Mapping
from typing import Any

from fred_tf import forms
from tests.faults import folders
from tests.faults.rows import Row

# Changes a folder, or a file.
Change = Callable[[pathlib.Path], Any]
ERRORS = (ValueError, OSError)


class Harmed(Exception):
    """What was read did something, besides being read."""


def unchanged(path: pathlib.Path) -> None:
    """Changes nothing: what is read so must be accepted."""


def innocent(folder: pathlib.Path, read: Callable[[], Any]) -> None:
    """Reads something; code in the working folder must not run meanwhile."""
    mark = folder / "has_run"
    (folder / "evil.py").write_text(
        f"open({str(mark)!r}, 'w').close()\nclass Evil: pass\n"
    )
    try:
        read()
    finally:
        if mark.exists():
            raise Harmed("Code of the folder has run.")


def export(
    place: str, manifest: str = "manifest.json"
) -> Callable[[Change], Change]:
    """Reads an export that somebody has changed, and sealed again.

    Args:
        place: of its form in the folder.
        manifest: the name of what seals it.
    """

    def of(change: Change) -> Change:
        def call(folder):
            path = folder / place
            change(path)
            inside = path if path.is_dir() else path.parent
            folders.reseal(inside, manifest)
            innocent(folder, lambda: forms.read(path))

        return call

    return of


def rows(
    of: Callable[[Change], Change],
    word: str,
    changes: Mapping[str, Change],
    heavy: Mapping[str, Change] = {},
) -> list[Row]:
    """Returns a row for each change.

    Args:
        of: makes the call of a change.
        word: what the message must name.
        changes: by what they are.
        heavy: those that take all memory, or the process, if believed.
    """
    return [
        Row(name, of(change), word, ERRORS, name in heavy)
        for name, change in {**changes, **heavy}.items()
    ]


def json(name: str, change: Callable[[Any], Any]) -> Change:
    """Changes a JSON file of a folder, as `folders.edit` does."""
    return lambda path: folders.edit(path / name, change)


def update(**values: Any) -> Callable[[dict[str, Any]], None]:
    """Changes some keys of a JSON object."""
    return lambda there: there.update(values)


def without(key: str) -> Callable[[dict[str, Any]], None]:
    """Drops a key of a JSON object."""

    def change(there):
        del there[key]

    return change


def link(name: str) -> Change:
    """Puts a link in the place of a file of a folder."""
    return lambda path: folders.links(path / name, path.parent / "elsewhere")


def text(name: str, content: str = "x") -> Change:
    """Writes a text into a file of a folder."""
    return lambda path: (path / name).write_text(content)


class Evil:
    """An object that runs a command when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch has_run",)


def pickled() -> bytes:
    """Returns a `.npy` file of such an object."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    header = header.ljust(117) + b"\n"
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header))
    return start + header + pickle.dumps([Evil()])
