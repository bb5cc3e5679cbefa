"""The examples of a prepared TFDS split, read no further than they are true.

What metadata and headers claim is bounded by the size of the files before
anything is allocated.
"""

import concurrent.futures
import io
import itertools
import math
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from fred_tf import progress
from fred_tf.datasets import encoded_images, pictures, tfds_volumes
from fred_tf.datasets.file_ends import ends
from fred_tf.datasets.raw_images import Raw
from fred_tf.datasets.tfds_metadata import damaged
from fred_tf.disk import files, tfrecords

# Other features of an example are not looked at; images are decoded here.
IMAGE_AND_LABEL = tfds.decode.PartialDecoding(
    {"image": True, "label": True},
    decoders={"image": tfds.decode.SkipDecoding()},
)
# Values decoded at a time, about; and images of any size.
_BATCH, _AHEAD = 1 << 26, 8
# Bytes around a record; and what compression gains at most: zlib 1,032 times,
# where a bit may stand for a colour of three bytes.
_FRAME, _MOST_COMPRESSED = 16, 1032 * 24


def raw(
    builder: tfds.core.DatasetBuilder, split: str, one_by_one: bool = False
) -> Raw:
    """Returns a split in the order in which it is stored, not decoded yet.

    Images of a declared size are decoded as TFDS does, a batch at a time; of
    16 bits they become float32 in [0, 1]. Others may have any size, and are
    decoded as pictures in files are.

    Args:
        builder: of a prepared set.
        split: its name.
        one_by_one: whether an image of a declared size that cannot be decoded
            is handed out as the error, instead of ending it all.

    Raises:
        OSError: a file is missing or damaged, or holds less than is claimed.
        ValueError: an image has too many pixels.
    """
    feature = builder.info.features["image"]
    if tfds_volumes.is_volume(feature):
        return _volumes(builder, split)
    declared = None not in feature.shape
    count = _count(builder, split, feature)
    place = f"{split!r} of {builder.data_path}"
    headers: list[pictures.Header | ValueError] = []
    if declared:
        height, width, channels = feature.shape
        deep = feature.np_dtype != np.uint8
        headers = [pictures.Header(height, width, channels == 1, deep)] * count
    labels = _labels(builder, split, count, None if declared else headers)

    def images(rows: np.ndarray) -> Iterator[np.ndarray | ValueError]:
        if declared and not one_by_one:
            return _of_one_size(builder, split, rows)
        return _one_by_one(builder, split, rows, place)

    odd = declared and feature.shape[-1] not in (1, 3)
    return Raw(
        labels,
        images,
        lambda number: f"image {number} of {place}",
        headers,
        place,
        _identity(builder, split),
        feature.shape[-1] if odd else None,
        divided=feature.np_dtype != np.float32,
    )


def _labels(
    builder: tfds.core.DatasetBuilder,
    split: str,
    count: int,
    headers: list[pictures.Header | ValueError] | None,
) -> np.ndarray:
    """Returns all labels, and adds to `headers`, if any, what images claim."""
    place = f"{split!r} of {builder.data_path}"
    examples = _examples(builder, split)
    if headers is None:
        alone = examples.map(lambda example: example["label"]).batch(1000)
        batches = math.ceil(count / 1000)
        read = progress.each(_read(builder, alone), "thousand labels", batches)
        parts = list(read)
        return np.concatenate([np.empty(0, np.int64), *parts])
    labels = np.empty(count, np.int64)
    read = progress.each(_read(builder, examples), "label", count)
    for row, example in enumerate(read):
        labels[row] = example["label"]
        headers.append(_header(example["image"], f"image {row} of {place}"))
    return labels


def _identity(builder: tfds.core.DatasetBuilder, split: str) -> dict[str, Any]:
    """Returns what tells a split from others, and from itself when changed."""
    return {
        "source": builder.info.full_name,
        "split": split,
        "files": [_told(pathlib.Path(path)) for path in _paths(builder, split)],
    }


def _told(path: pathlib.Path) -> list[Any]:
    """Returns what changes when a file does: others may share all but bytes."""
    # Data sets are often links to files elsewhere.
    with files.opened(path.resolve()) as file:
        stat, digest = os.fstat(file.fileno()), files.digest(ends(file))
    return [path.name, stat.st_size, stat.st_mtime_ns, digest]


def _volumes(builder: tfds.core.DatasetBuilder, split: str) -> Raw:
    """Returns a split of volumes, as `raw` does.

    All are decoded once to know the highest value, see
    `tfds_volumes.brightened`.
    """
    feature = builder.info.features["image"]
    count = _count(builder, split, feature)
    place = f"{split!r} of {builder.data_path}"
    decode = tfds_volumes.decoder(feature)

    def where(row: int) -> str:
        return f"image {row} of {place}"

    def decoded(
        rows: np.ndarray,
    ) -> Iterator[tuple[Any, np.ndarray | ValueError]]:
        examples = _read(builder, _examples(builder, split, rows))
        for row, example in zip(rows, examples):
            try:
                yield example["label"], decode(example["image"], where(row))
            except ValueError as error:
                yield example["label"], error

    labels, highest = np.empty(count, np.int64), 0.0
    shown = progress.each(decoded(np.arange(count)), "volume", count)
    for row, (label, volume) in enumerate(shown):
        labels[row] = label
        if isinstance(volume, np.ndarray):
            highest = max(highest, float(volume.max()))

    def images(rows: np.ndarray) -> Iterator[np.ndarray | ValueError]:
        for _, volume in decoded(rows):
            yield (
                volume
                if isinstance(volume, ValueError)
                else tfds_volumes.brightened(volume, highest)
            )

    channels = tfds_volumes.shape_of(feature)[-1]
    return Raw(
        labels,
        images,
        where,
        [tfds_volumes.header(feature)] * count,
        place,
        _identity(builder, split),
        None if channels in (1, 3) else channels,
    )


def _examples(
    builder: tfds.core.DatasetBuilder,
    split: str,
    rows: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Returns the examples of ascending rows, images as they are encoded.

    None takes all.
    """
    examples = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders=IMAGE_AND_LABEL,
        # Kept where it belongs, or not at all.
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    count = builder.info.splits[split].num_examples
    if rows is None or len(rows) == count:
        return examples
    wanted = np.zeros(count, bool)
    wanted[rows] = True
    wanted = tf.constant(wanted)
    some = examples.enumerate().filter(lambda row, _: tf.gather(wanted, row))
    return some.map(lambda _, example: example)


def _read(
    builder: tfds.core.DatasetBuilder, examples: tf.data.Dataset
) -> Iterator[Any]:
    """Yields examples as arrays; TFDS checks each record, and their number.

    Raises:
        OSError: a file is damaged.
    """
    try:
        yield from tfds.as_numpy(examples)
    except tf.errors.OpError as error:
        raise damaged(builder.data_path, error) from error


def _of_one_size(
    builder: tfds.core.DatasetBuilder, split: str, rows: np.ndarray
) -> Iterator[np.ndarray]:
    feature = builder.info.features["image"]

    def decode(example):
        encoded = encoded_images.bounded(example["image"], feature.shape)
        return feature.decode_example(encoded)

    batches = (
        _examples(builder, split, rows)
        .map(decode, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(min(1000, 1 + _BATCH // max(1, math.prod(feature.shape))))
    )
    for batch in _read(builder, batches):
        yield from encoded_images.scaled(batch)


def _one_by_one(
    builder: tfds.core.DatasetBuilder,
    split: str,
    rows: np.ndarray,
    place: str,
) -> Iterator[np.ndarray | ValueError]:
    feature = builder.info.features["image"]
    how = (
        () if None in feature.shape else (feature.shape, feature.decode_example)
    )
    decode = encoded_images.decode if how else pictures.decode

    def decoded(numbered: tuple[Any, bytes]) -> np.ndarray | ValueError:
        number, encoded = numbered
        try:
            image = decode(encoded, f"image {number} of {place}", *how)
            return encoded_images.scaled(image)
        except ValueError as error:
            return error

    examples = zip(rows, _read(builder, _examples(builder, split, rows)))
    encoded = ((row, example["image"]) for row, example in examples)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        while ahead := list(itertools.islice(encoded, _AHEAD)):
            yield from pool.map(decoded, ahead)


def _header(encoded: bytes, where: str) -> pictures.Header | ValueError:
    try:
        return pictures.header(io.BytesIO(encoded), where)
    except ValueError as error:
        return error


def _count(
    builder: tfds.core.DatasetBuilder, split: str, feature: tfds.features.Image
) -> int:
    """Returns how many images a split has, as far as its files can hold them.

    Raises:
        OSError: a file is missing, is no TFRecord file, or all are too small
            for what is claimed.
        ValueError: an image has too many pixels.
    """
    place = f"{split!r} of {builder.data_path}"
    count = builder.info.splits[split].num_examples
    there = checked_bytes(builder, split)
    claimed = count
    if None not in feature.shape:
        encoded_images.check_size(feature.shape, place)
        claimed *= math.prod(feature.shape)
    if count * _FRAME > there or claimed > there * _MOST_COMPRESSED:
        raise damaged(
            builder.data_path,
            ValueError(f"{there:,} bytes cannot hold {count:,} images"),
        )
    return count


def checked_bytes(builder: tfds.core.DatasetBuilder, split: str) -> int:
    """Returns the size of the files of a split, which TensorFlow may read.

    Raises:
        OSError: one is missing, or is no TFRecord file.
    """
    size = 0
    for path in _paths(builder, split):
        try:
            tfrecords.check(path)
            size += os.path.getsize(path)
        except (FileNotFoundError, ValueError) as error:
            raise damaged(builder.data_path, error) from error
    return size


def _paths(builder: tfds.core.DatasetBuilder, split: str) -> list[str]:
    # Data sets are often links to files elsewhere.
    return [os.path.realpath(p) for p in builder.info.splits[split].filepaths]
