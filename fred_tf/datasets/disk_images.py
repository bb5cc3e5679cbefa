"""Images that are too many for memory: decoded once into a file, read by rows.

A cache folder holds one set of prepared images, whoever uses them:

```
cache.json    a record: what images these are, how far they are, and the
              SHA-256 of them all once they are complete
images.bin    their values, one image after the other
.lock         who writes
```

What is in `images.bin` beyond what the record states is written again, so a
kill costs a block at most. Two runs that want the same images share them: the
second one waits for the first.
"""

import errno
import hashlib
import math
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import tensorflow as tf
from absl import logging

from fred_tf.disk import claims, files, folder_lock, records

KIND = "images"
# The environment variable that names the folder of all caches.
CACHE_VARIABLE = "FRED_TF_CACHE"
_RECORD, _VALUES = "cache.json", "images.bin"
# Bytes after which what is written is made safe.
_BLOCK = 64 << 20
# Seconds to wait for another process that writes the same images.
_PATIENCE = 12 * 3600.0
_NO_ROOM = f"make room, or name a folder elsewhere by {CACHE_VARIABLE}"


# An array, or `DiskImages`, which are indexed and measured as one.
Images = Any


class DiskImages:
    """An array `[n, ...]` of which only the rows that are asked for are read.

    Indexing takes what NumPy takes for the first axis and returns an array in
    memory.

    Args:
        values: the array, memory-mapped.
        rows: which of its rows, in order; None for all.
        mapped: what is done to rows that were read; keeps their shape.
    """

    def __init__(
        self,
        values: np.ndarray,
        rows: np.ndarray | None = None,
        mapped: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self._values, self._rows, self._mapped = values, rows, mapped
        count = len(values) if rows is None else len(rows)
        self.shape: tuple[int, ...] = (count, *values.shape[1:])
        self.dtype: np.dtype = values.dtype
        self.ndim: int = values.ndim

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """Bytes that all rows would take in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def __getitem__(self, key: Any) -> np.ndarray:
        if self._rows is not None:
            key = self._rows[key]
        read = np.array(self._values[key])
        return read if self._mapped is None else self._mapped(read)

    def only(self, members: np.ndarray) -> "DiskImages":
        """Returns some rows, by index or by truth, without reading them."""
        rows = (
            np.arange(len(self._values)) if self._rows is None else self._rows
        )
        return DiskImages(self._values, rows[members], self._mapped)

    def tensor(self) -> tuple[tf.Tensor, np.ndarray]:
        """Returns the whole file as a tensor, and which of its rows are these.

        The tensor is the mapped file itself: it takes no memory that the
        system cannot take back. What was `map`ped is not done to it.
        """
        rows = np.arange(len(self)) if self._rows is None else self._rows
        capsule = np.asarray(self._values).__dlpack__()
        return tf.experimental.dlpack.from_dlpack(capsule), rows

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> "DiskImages":
        """Returns these images with a function applied to what is read."""
        return DiskImages(self._values, self._rows, function)

    def min(self, axes: tuple[int, ...]) -> np.ndarray:
        """Returns the least values over some axes, the first among them."""
        return np.min([block.min(axes) for block in self.blocks()], axis=0)

    def max(self, axes: tuple[int, ...]) -> np.ndarray:
        """Returns the greatest values over some axes, the first among them."""
        return np.max([block.max(axes) for block in self.blocks()], axis=0)

    def blocks(self, size: int = 1024) -> Iterator[np.ndarray]:
        """Yields all rows, so many at a time."""
        for start in range(0, len(self), size):
            yield self[start : start + size]


def kept(
    root: files.Path,
    identity: Mapping[str, Any],
    count: int,
    shape: Sequence[int],
    dtype: np.dtype,
    images: Callable[[int], Iterator[np.ndarray | None]],
) -> tuple[DiskImages, list[int]]:
    """Returns images that lie on the disk, after writing what is missing.

    Args:
        root: folder of all caches; made if missing.
        identity: what images these are and how they are prepared, fit for
            JSON. Equal ones share a folder.
        count: how many there are.
        shape: of each.
        dtype: of their values.
        images: called with a row, yields the images from there on; None
            stands for one that is left out.

    Returns:
        The images, and the rows that were left out.

    Raises:
        ValueError: the cache is damaged, or an image has another shape.
        OSError: writing failed, or the disk has no room for it; what is there
            is kept.
    """
    told = records.plain(
        {**identity, "count": count, "shape": list(shape), "dtype": str(dtype)}
    )
    name = files.digest(repr(sorted(told.items())).encode())[:16]
    folder = pathlib.Path(root) / name
    size = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(error.errno, folder, count * size) from error
    work = folder / _RECORD, KIND, told, None
    way_out = "Delete that folder; it is made again."
    with folder_lock.exclusive(folder, _PATIENCE):
        record = records.continued(*work, way_out=way_out)
        record = record or {"row": 0, "left_out": [], "values": None}
        left_out = [
            claims.integer({"row": row}, "row", 0, count - 1)
            for row in claims.listed(record, "left_out")
        ]
        if is_new := record["values"] is None:
            _write(work, record, left_out, count, shape, size, dtype, images)
    written = count - len(left_out)
    path = folder / _VALUES
    # What has just been written has just been summed.
    sealed = record["values"] if is_new else _summed(path, written * size)
    if sealed != record["values"]:
        raise ValueError(
            f"{path} must be as it was written, of SHA-256 {record['values']}. "
            f"Received: {sealed}. {way_out}"
        )
    # Mapped "c": DLPack takes no arrays that are read-only. Nothing writes.
    values = np.memmap(path, dtype, "c", shape=(written, *shape))
    return DiskImages(values), left_out


def _unwritable(
    number: int | None, folder: pathlib.Path, needed: int, more: str = ""
) -> OSError:
    """Returns what to say of a folder that takes no images."""
    number = number or errno.EIO
    return OSError(
        number,
        f"Images that are too many for memory are written to {folder}, which "
        f"takes {needed:,} bytes. Received: {os.strerror(number)}{more}. Name "
        f"a folder on a disk with room by {CACHE_VARIABLE}.",
    )


def _check_room(folder: pathlib.Path, needed: int) -> None:
    """Refuses to write more than the disk of a folder can take."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        more = f", {free:,} bytes are free"
        raise _unwritable(errno.ENOSPC, folder, needed, more)


def _write(
    work: records.Work,
    record: dict[str, Any],
    left_out: list[int],
    count: int,
    shape: Sequence[int],
    size: int,
    dtype: np.dtype,
    images: Callable[[int], Iterator[np.ndarray | None]],
) -> None:
    """Writes what is missing of a cache, and its record."""
    row = claims.integer(record, "row", 0, count)
    path = work[0].parent / _VALUES
    path.touch()
    there, stated = path.stat().st_size, (row - len(left_out)) * size
    if there < stated:  # Made longer, it would hold images of zeros.
        logging.warning(
            "%s must have the %d bytes that %s states. Received: %d. All "
            "images are written again.",
            path,
            stated,
            _RECORD,
            there,
        )
        row = stated = 0
        left_out.clear()
    _check_room(work[0].parent, count * size - there)
    logging.info(
        "Prepared images from %d of %d on are written to %s, %d MB in all.",
        row,
        count,
        work[0].parent,
        count * size >> 20,
    )

    def keep(file: BinaryIO, values: str | None) -> None:
        file.flush()
        os.fsync(file.fileno())
        record.update(row=row, left_out=left_out, values=values)
        records.write(*work, **record)

    with open(path, "rb+") as file:
        file.truncate(stated)
        file.seek(0, os.SEEK_END)
        unsafe = 0
        for image in images(row):
            if image is None:
                left_out.append(row)
            elif image.shape != tuple(shape) or image.dtype != dtype:
                raise ValueError(
                    f"Image {row} must be of shape {tuple(shape)} and type "
                    f"{np.dtype(dtype)}, as the first one. Received: "
                    f"{image.shape}, {image.dtype}."
                )
            else:
                with files.naming(path, _NO_ROOM):
                    file.write(np.ascontiguousarray(image).data)
                unsafe += size
            row += 1
            if unsafe >= _BLOCK:
                keep(file, None)
                unsafe = 0
        if row != count:
            raise ValueError(
                f"There must be {count} images. Received: {row}. The data have "
                "changed while they were read: try again."
            )
        keep(file, None)
    written = (count - len(left_out)) * size
    record["values"] = _summed(path, written)
    records.write(*work, **record)


def _summed(path: pathlib.Path, size: int) -> str:
    """Returns the SHA-256 of a file that must have this size."""
    if not path.exists():
        return "none, for there is no such file"
    with files.opened(path) as file:
        there = os.fstat(file.fileno()).st_size
        if there != size:
            return f"none, for it has {there} bytes and not {size}"
        return hashlib.file_digest(file, "sha256").hexdigest()
