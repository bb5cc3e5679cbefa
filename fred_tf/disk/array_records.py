"""The records of ArrayRecord files in which nothing is packed.

The package `array_record` unpacks whatever a file claims, more than a gigabyte
out of 128 KiB. Here only bytes that lie in a file as they are become records,
and no package is needed. Such a file is one of Riegeli: blocks of 64 KiB, which
begin with 24 bytes that nobody misses who reads from the start. What is left of
them, joined, is a row of chunks; numbers are little-endian:

    hash      uint64, of the rest of this head
    size      uint64, bytes of `data`
    hash      uint64, of `data`
    kind      uint8: `s` begins a file, `r` is of records
    records   uint56, how many
    unpacked  uint64, bytes of them
    data      `size` bytes

Each record is a chunk of its own, so that any is found at once; the first chunk
of several records is the index, of one for the file and one for each of them,
and comes after the last. The data of a record that is not packed are

    packed    uint8, 0
    width     varint, bytes of the next
    length    varint, bytes of the record
    record    `length` bytes

Hashes are left alone: who needs to know whether bytes are as they were written
has a digest of the file.
"""

import itertools
import struct
from collections.abc import Iterator

from fred_tf.disk import files

# How the package is to write files that are read here.
OPTIONS = "group_size:1,uncompressed"

_BLOCK, _BLOCK_HEAD = 2**16, 24
_HEAD = struct.Struct("<8xQ8xB7s8x")
_SIGNATURE, _RECORDS = b"sr"


def records(path: files.Path, most: int) -> list[bytes]:
    """Returns the records of a file.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a plain file, has too many bytes, packs records
            or shares a chunk among several, or is damaged.
    """
    stored = files.read_bytes(path, most)
    chunks = b"".join(
        stored[block + _BLOCK_HEAD : block + _BLOCK]
        for block in range(0, len(stored), _BLOCK)
    )
    found: list[bytes] = []
    try:
        for data in _data(chunks):
            found.append(_record(data))
    except (ValueError, IndexError, struct.error) as error:
        raise ValueError(
            f"{path} must be an ArrayRecord file that packs nothing. Received: "
            f"one whose record {len(found)}, counted from 0, cannot be read: "
            f"{error}. Restore it from a copy, or write it by the options "
            f"{OPTIONS!r}."
        ) from error
    return found


def _data(chunks: bytes) -> Iterator[bytes]:
    """Yields the data of each chunk before the index."""
    size, kind, _ = _HEAD.unpack_from(chunks)
    if (size, kind) != (0, _SIGNATURE):
        raise ValueError("the file does not begin as one of Riegeli")
    place = _HEAD.size
    for found in itertools.count():
        size, kind, counted = _HEAD.unpack_from(chunks, place)
        count = int.from_bytes(counted, "little")
        if kind == _RECORDS and count == found + 1 > 1:
            return
        if (kind, count) != (_RECORDS, 1):
            raise ValueError(
                f"a chunk of kind {kind} and {count:,} records is neither one "
                "nor the index"
            )
        place += _HEAD.size
        if size > len(chunks) - place:
            raise ValueError(f"it claims {size:,} bytes, more than there are")
        yield chunks[place : place + size]
        place += size


def _record(data: bytes) -> bytes:
    """Returns the record that is the data of a chunk."""
    width, place = _varint(data, 1)
    length, start = _varint(data, place)
    if data[0] or start - place != width or len(data) - start != length:
        raise ValueError("it is packed, or not as long as it says")
    return data[start:]


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Returns a number, seven bits a byte, and the place after it."""
    value = 0
    for shift in range(0, 63, 7):
        value |= (data[place] & 127) << shift
        place += 1
        if data[place - 1] < 128:
            return value, place
    raise ValueError("a number has more than 63 bits")
