"""Arrays in `.npy` files: sealed, and read without believing their headers.

NumPy notices no flipped byte, parses headers as Python and allocates what they
claim. Here a file ends in the SHA-256 of all before, which NumPy's own reader
passes over, and its header must be one that `np.save` writes, of an array as
large as the file.
"""

import hashlib
import io
import math
import pathlib
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np

from fred_tf.disk import files

# Bytes of a file that is read as a whole, at most.
MOST = 1 << 30

_BEGINNING = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '([<>|][biuf][1248])', 'fortran_order': (False|True), "
    rb"'shape': \(((?:\d{1,18},? ?)*)\), \} *\n"
)
_SEAL = b"sha256:"
_SEALED = len(_SEAL) + 65

# Rows that are made contiguous at a time, of arrays that are not.
_ROWS = 1024


def digest(*arrays: np.ndarray) -> str:
    """Returns the SHA-256 of the types, shapes and bytes of some arrays.

    Bytes count in little-endian order, whatever the machine's is.
    """
    summed = hashlib.sha256()
    for array in arrays:
        dtype = array.dtype.newbyteorder("<")
        summed.update(f"{dtype.name} {array.shape} ".encode())
        for start in range(0, len(array), _ROWS):
            rows = array[start : start + _ROWS]
            summed.update(np.ascontiguousarray(rows, dtype).data)
    return summed.hexdigest()


def bytes_digest(array: np.ndarray) -> str:
    """Returns the SHA-256 of an array's bytes alone, which are not copied.

    That of `array.tobytes()`, which takes as much memory again.
    """
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


class Arrays(Mapping[int, np.ndarray]):
    """Arrays by number in ascending order, each read when it is asked for.

    Args:
        paths: their files by number.
        way_out: what to do about one that cannot be read.
    """

    def __init__(self, paths: Mapping[int, pathlib.Path], way_out: str):
        self._paths, self._way_out = dict(sorted(paths.items())), way_out

    def __getitem__(self, number: int) -> np.ndarray:
        return read(self._paths[number], self._way_out)

    def __iter__(self) -> Iterator[int]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def header(file: BinaryIO) -> tuple[np.dtype, tuple[int, ...], int]:
    """Reads the header of a `.npy` file.

    Args:
        file: an open file, at its beginning.

    Returns:
        The type and the shape that it claims, and where its values begin.

    Raises:
        ValueError: it is none that `np.save` writes of plain numbers in the
            usual order; who knows the file adds its path.
    """
    kind, shape, start, reverse = _header(file)
    if reverse:
        raise ValueError(
            "must hold its values in the usual order, the last axis first. "
            "Received: one with the first axis first."
        )
    return kind, shape, start


def _header(file: BinaryIO) -> tuple[np.dtype, tuple[int, ...], int, bool]:
    """Returns what `header` does, and whether the first axis comes first."""
    beginning = file.read(10)
    length = int.from_bytes(beginning[8:], "little")
    match = _HEADER.fullmatch(file.read(length))
    if beginning[:8] != _BEGINNING or not match:
        raise ValueError(
            "must be a `.npy` file of plain numbers. Received: "
            f"{beginning!r} and what is no header of one."
        )
    kind, sizes = match[1].decode(), re.findall(rb"\d+", match[3])
    reverse = match[2] == b"True"
    try:
        return np.dtype(kind), tuple(map(int, sizes)), 10 + length, reverse
    except TypeError:
        raise ValueError(
            f"must be of a type that NumPy has. Received: {kind}."
        ) from None


def within(file: BinaryIO, length: int, most: int = MOST) -> np.ndarray:
    """Reads an array of others, and no more than its header says.

    Args:
        file: a `.npy` file at its beginning, which may be packed in another.
        length: bytes that it is said to have.
        most: bytes of values, at most.

    Returns:
        The array, read-only, its values in the order in which they lie.

    Raises:
        ValueError: it is none that `np.save` writes of plain numbers, is too
            large, or of another length; who knows the file adds its name.
    """
    kind, shape, start, reverse = _header(file)
    size = kind.itemsize * math.prod(shape)
    if size > most or length != start + size:
        raise ValueError(
            f"must be as long as its header says. Received: {shape} of {kind} "
            f"in {length:,} bytes, of which {start + size:,} would be read, at "
            f"most {most:,}."
        )
    # One byte more, so that the end is reached and a checksum compared.
    values = file.read(size + 1)
    if len(values) != size:
        raise ValueError(
            f"must be as long as its header says. Received: {len(values):,} "
            f"bytes of {size:,}."
        )
    return np.ndarray(shape, kind, values, order="F" if reverse else "C")


def write(path: files.Path, array: np.ndarray) -> None:
    """Writes an array of plain numbers, all of it or nothing.

    Raises:
        OSError: writing failed, e.g. the disk is full; `path` is as it was.
    """
    written = io.BytesIO()
    np.save(written, np.asarray(array, order="C"), allow_pickle=False)
    data = written.getvalue()
    seal = _SEAL + files.digest(data).encode() + b"\n"
    with files.replacing_file(path) as temporary:
        temporary.write_bytes(data + seal)


def read(path: files.Path, way_out: str) -> np.ndarray:
    """Reads what `write` wrote; earlier versions wrote no seal.

    Args:
        path: the file.
        way_out: what to do about one that cannot be read.

    Returns:
        The array, read-only.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not as it was written; the message names it.
    """
    data = files.read_bytes(path, MOST)
    try:
        return unpacked(_unsealed(data))
    except ValueError as error:
        raise ValueError(f"{path} {error} {way_out}") from error


def _unsealed(data: bytes) -> bytes:
    rest, seal = data[:-_SEALED], data[-_SEALED:]
    if not seal.startswith(_SEAL):
        return data
    found = files.digest(rest)
    if seal != _SEAL + found.encode() + b"\n":
        raise ValueError(
            f"must be as it was written. Received: one of SHA-256 {found} "
            f"that states {seal[len(_SEAL) :]!r}."
        )
    return rest


def unpacked(data: bytes) -> np.ndarray:
    """Returns the array, read-only, of the bytes of a `.npy` file, unsealed.

    Raises:
        ValueError: they are none that `np.save` writes of plain numbers; who
            knows the file adds its path.
    """
    kind, shape, start = header(io.BytesIO(data))
    # Of a damaged seal, these are the bytes too many.
    if len(data) - start != kind.itemsize * math.prod(shape):
        raise ValueError(
            f"must hold the {shape} {kind} values of its header and no more. "
            f"Received: {len(data) - start} bytes of them."
        )
    return np.ndarray(shape, kind, data, start)
