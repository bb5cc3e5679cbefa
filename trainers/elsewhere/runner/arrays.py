"""Arrays of a pack: npz files that say what they are of, and notice damage.

NumPy believes what a file claims: sizes are allocated before they are looked
at. Here nothing is larger than the file that holds it, and a flipped bit that
changes an array, its name or its shape is found by the digest in the file.
"""

import hashlib
import math
import os
import pathlib
import re
import struct
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from . import sealed

_MOST_ARRAYS = 10_000
_MEMBER = re.compile(r"[a-z0-9_]{1,100}\.npy")
# As NumPy writes it of numbers and texts in C order, of whatever version.
_HEADER = re.compile(
    rb"\{'descr': '([<|][biufU]\d{1,4})', 'fortran_order': False, "
    rb"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\), \} *\n"
)
# What `zipfile` raises for damage, each seen.
_DAMAGE = (
    zipfile.BadZipFile,
    RuntimeError,
    ValueError,
    TypeError,
    OverflowError,
    EOFError,
    OSError,
    struct.error,
)


def digest(of: str, values: Mapping[str, np.ndarray]) -> str:
    """Returns the SHA-256 of some arrays: names, kinds, shapes and bytes."""
    summed = hashlib.sha256(of.encode())
    for name, array in sorted(values.items()):
        summed.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        summed.update(np.ascontiguousarray(array).data)
    return summed.hexdigest()


def write(file: BinaryIO | pathlib.Path, of: str, **values: Any) -> None:
    """Writes arrays into an npz.

    Args:
        file: open for writing, or its path.
        of: what they are of.
        **values: the arrays, of numbers or texts.
    """
    arrays: dict[str, Any] = {
        name: np.asarray(value, order="C") for name, value in values.items()
    }
    arrays |= {"of": np.array(of), "sha256": np.array(digest(of, arrays))}
    np.savez(file, **arrays)


def read(
    path: pathlib.Path, of: str, way_out: str = sealed.COPY
) -> dict[str, np.ndarray]:
    """Returns the arrays of an npz that `write` wrote, read-only.

    Args:
        path: the file.
        of: what they must be of.
        way_out: what to do about one that is damaged.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not plain, not as it was written, of something else,
            or claims more than it holds.
    """
    with sealed.opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            values = _members(file, size)
        except _DAMAGE as error:
            raise ValueError(
                f"{path} must be an npz as it was written. Received: {error}. "
                f"{way_out}"
            ) from error
    there, stated = str(values.pop("of", "")), values.pop("sha256", "none")
    if str(stated) != (received := digest(there, values)):
        raise ValueError(
            f"{path} must be as it was written. Received: arrays of SHA-256 "
            f"{received} that state {str(stated)!r}. {way_out}"
        )
    if there != of:
        raise ValueError(
            f"{path} must be of {of!r}. Received: of {there!r}. Take the file "
            "of this pack."
        )
    return values


def numbered(values: Sequence[Any]) -> dict[str, Any]:
    """Returns a list of arrays by names for `write`: "0", "1" and so on."""
    return {str(i): value for i, value in enumerate(values)}


def in_order(values: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Returns the list that `numbered` named.

    Raises:
        KeyError: other names are among them.
    """
    return [values[str(i)] for i in range(len(values))]


def _members(file: BinaryIO, size: int) -> dict[str, np.ndarray]:
    """Returns the arrays of a zip archive that has a size in bytes."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        names = {member.filename for member in members}
        if not len(names) == len(members) <= _MOST_ARRAYS:
            raise ValueError(f"{len(members)} members, too many or twice")
        for member in members:
            if not _MEMBER.fullmatch(member.filename):
                raise ValueError(f"a member {member.filename[:80]!r}")
            packed = member.compress_type, member.flag_bits & 1
            if packed != (zipfile.ZIP_STORED, 0):
                raise ValueError(f"{member.filename}, which is not as it is")
        if sum(member.file_size for member in members) > size:
            raise ValueError(f"members of more than its {size} bytes")
        return {
            member.filename.removesuffix(".npy"): _array(archive.read(member))
            for member in members
        }


def _array(data: bytes) -> np.ndarray:
    """Returns the array of a `.npy` file of version 1.0."""
    begin = 10 + int.from_bytes(data[8:10], "little")
    header = _HEADER.fullmatch(data[10:begin])
    if data[:8] != b"\x93NUMPY\x01\x00" or not header:
        raise ValueError("an array that is none of numbers")
    dtype = np.dtype(header[1].decode())
    shape = tuple(map(int, re.findall(rb"\d+", header[2])))
    if math.prod(shape) * dtype.itemsize != len(data) - begin:
        raise ValueError(f"an array of {len(data)} bytes that claims {shape}")
    return np.frombuffer(data, dtype, offset=begin).reshape(shape)
