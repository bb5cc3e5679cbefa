"""Arrays in `.npz` archives of others, read within stated bounds.

NumPy's own reader parses headers as Python and unpacks whatever an archive
claims. Here each array has a header that `np.save` writes, is as long as that
says and no longer than it may be, and nothing is unpickled.
"""

import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO, cast

import numpy as np

from fred_tf.disk import arrays, files

# Bytes of an archive, and of each array in it once it is unpacked, at most.
MOST = arrays.MOST
# Arrays of an archive, at most.
_MOST_MEMBERS = 1_000
_SUFFIX = ".npy"
# The first array of an export, which says what the others are; arrays of others
# have none.
ABOUT = "about"
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile and zlib raise for archives that are damaged or forged.
_DAMAGED = (
    ValueError,
    LookupError,
    ArithmeticError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    zlib.error,
    struct.error,
    zipfile.BadZipFile,
)


def read(
    path: files.Path,
    choose: Callable[[Sequence[str]], Iterable[str]],
    way_out: str,
    most: int = MOST,
) -> list[np.ndarray]:
    """Reads some arrays of an archive, packed by deflate or not.

    Args:
        path: the archive.
        choose: called with the names of the arrays that are there, returns
            those to read.
        way_out: what to do about an archive that cannot be read.
        most: bytes of the archive and of each array, at most.

    Returns:
        The arrays of these names, in that order, read-only.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: see `within`; the message names the file.
    """
    try:
        return within(path, choose, most)
    except ValueError as error:
        raise ValueError(
            f"{path} must be a `.npz` file of plain numbers, as `np.savez` "
            f"writes it. Received: {str(error).rstrip('.')}. {way_out}"
        ) from error


def within(
    path: files.Path,
    choose: Callable[[Sequence[str]], Iterable[str]],
    most: int = MOST,
) -> list[np.ndarray]:
    """Does what `read` does, for who says more about a file that is refused.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is none that `np.savez` writes of plain numbers, is too
            large, or `choose` refuses it.
    """
    try:
        with files.opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise ValueError(f"{size:,} bytes, at most {most:,} are read")
            with zipfile.ZipFile(file) as archive:
                members = _members(archive)
                return [
                    _array(archive, members[name], most)
                    for name in choose(list(members))
                ]
    except _DAMAGED as error:
        raise ValueError(str(error)) from error


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Returns the arrays of an archive by name."""
    entries = archive.infolist()
    members = {entry.filename: entry for entry in entries}
    if len(members) < len(entries) or len(entries) > _MOST_MEMBERS:
        raise ValueError(
            f"{len(entries)} entries of {len(members)} names, of which there "
            f"may be {_MOST_MEMBERS}, each once"
        )
    return {
        name.removesuffix(_SUFFIX): entry
        for name, entry in members.items()
        if name.endswith(_SUFFIX)
    }


def _array(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int
) -> np.ndarray:
    name = entry.filename.removesuffix(_SUFFIX)
    if entry.compress_type not in _PACKED or entry.flag_bits & 1:
        raise ValueError(f"`{name}`, which is encrypted, or packed otherwise")
    with archive.open(entry) as member:
        try:
            return arrays.within(cast(BinaryIO, member), entry.file_size, most)
        except ValueError as error:
            raise ValueError(f"`{name}`, which {error}") from error
