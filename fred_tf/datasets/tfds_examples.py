"""The examples of a prepared TFDS split, read no further than they are true.

What metadata and headers claim is bounded by the size of the files before
anything is allocated.
"""

import math
import os

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from fred_tf.datasets import encoded_images
from fred_tf.datasets.tfds_metadata import damaged
from fred_tf.disk import tfrecords

# Other features of an example are not looked at; images are decoded here.
IMAGE_AND_LABEL = tfds.decode.PartialDecoding(
    {"image": True, "label": True},
    decoders={"image": tfds.decode.SkipDecoding()},
)
# Values decoded at a time, about.
_BATCH = 1 << 26
# Bytes around a record; and what compression gains at most: zlib 1,032 times,
# where a bit may stand for a colour of three bytes.
_FRAME, _MOST_COMPRESSED = 16, 1032 * 24


def read_split(
    builder: tfds.core.DatasetBuilder, split: str
) -> tuple[np.ndarray, np.ndarray]:
    """Returns images and labels in the order in which they are stored.

    Images of 16 bits become float32 in [0, 1].

    Raises:
        OSError: a file is missing or damaged, or holds less than is claimed.
        ValueError: an image has too many pixels, or all do not fit into
            memory.
    """
    feature = builder.info.features["image"]
    count = _count(builder, split, feature)
    kind = feature.np_dtype
    # As `encoded_images.scaled` gives them.
    stored = np.float32 if kind == np.uint16 else kind
    try:
        images = np.empty((count, *feature.shape), stored)
    except MemoryError as error:
        raise ValueError(
            f"Images must fit into memory. Received: {count:,} of shape "
            f"{feature.shape} in {split!r} of {builder.data_path}. Choose a "
            "smaller data set."
        ) from error
    labels = np.empty(count, np.int64)

    def decode(example):
        encoded = encoded_images.bounded(example["image"], feature.shape)
        return feature.decode_example(encoded), example["label"]

    batches = (
        builder.as_dataset(
            split=split, shuffle_files=False, decoders=IMAGE_AND_LABEL
        )
        .map(decode, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(min(1000, 1 + _BATCH // max(1, math.prod(feature.shape))))
    )
    start = 0
    try:
        # TFDS checks each record, and their number when they end.
        for image_batch, label_batch in tfds.as_numpy(batches):
            stop = start + len(label_batch)
            images[start:stop] = encoded_images.scaled(image_batch)
            labels[start:stop] = label_batch
            start = stop
    except tf.errors.OpError as error:
        raise damaged(builder.data_path, error) from error
    return images, labels


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
    encoded_images.check_size(feature.shape, place)
    count = builder.info.splits[split].num_examples
    there = checked_bytes(builder, split)
    claimed = count * math.prod(feature.shape)
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
    for path in builder.info.splits[split].filepaths:
        try:
            # Data sets are often links to files elsewhere.
            tfrecords.check(os.path.realpath(path))
            size += os.path.getsize(path)
        except (FileNotFoundError, ValueError) as error:
            raise damaged(builder.data_path, error) from error
    return size
