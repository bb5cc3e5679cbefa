"""The frames of TFRecord files, looked at before TensorFlow reads them.

TensorFlow believes the length that a frame states, once its checksum is right,
and a record of 2^62 bytes ends the process. A frame is

    length  uint64, little-endian
    crc     uint32, of the length
    data    `length` bytes
    crc     uint32, of the data

Lengths alone are checked here, without reading the data; TensorFlow compares
the checksums.
"""

import os
import struct

from fred_tf.disk import files

# Bytes of one record, at most: TensorFlow holds it whole. An image of 2^22
# float32 values takes 16 MiB, the coefficients of a class seldom more.
MOST_BYTES = 2**28
# Records of one file, at most. A data set of millions of images has thousands
# of files.
MOST_RECORDS = 2**24

_HEAD, _TAIL = struct.Struct("<QI"), 4
# Bytes of a frame beside its data.
FRAME = _HEAD.size + _TAIL


def framed(path: files.Path, most: int = MOST_BYTES) -> tuple[int, str]:
    """Returns how many whole frames a file begins with, and what comes then.

    Args:
        path: the file.
        most: bytes that a record may have.

    Returns:
        The number of frames, and what is wrong with the next; an empty text
        where the file ends after the last.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a plain file.
    """
    with files.opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        place = count = 0
        while place < size:
            if count == MOST_RECORDS:
                return count, f"it follows {MOST_RECORDS:,} others"
            file.seek(place)
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return count, "it is cut short"
            length, _ = _HEAD.unpack(head)
            place += _HEAD.size + length + _TAIL
            if place > size:
                return count, f"it claims {length:,} bytes, more than there are"
            if length > most:
                return count, f"it has {length:,} bytes, more than {most:,}"
            count += 1
    return count, ""


def check(path: files.Path, most: int = MOST_BYTES) -> int:
    """Returns the number of records of a file that TensorFlow may read.

    Args:
        path: the file.
        most: bytes that a record may have.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a plain file; or a record reaches beyond its end,
            is too long, or comes after too many.
    """
    count, fault = framed(path, most)
    if fault:
        raise ValueError(
            f"{path} must be a TFRecord file. Received: one whose record "
            f"{count}, counted from 0, is damaged: {fault}. Restore it from a "
            "copy, or get it from a source that you trust."
        )
    return count
