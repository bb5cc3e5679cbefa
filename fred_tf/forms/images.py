"""A synthetic set as a TFDS folder of TFRecord files, and back."""

import os

import tensorflow as tf

from fred_tf.disk import tfrecords
from fred_tf.forms.encodings import ENCODINGS
from fred_tf.forms.tfds_form import TfdsForm, check_count
from fred_tf.settings import check_one_of

# How others read all records at once.
_ARRAYS = """\
import numpy as np
import tensorflow_datasets as tfds

builder = tfds.builder_from_directory(PATH)
stored = tfds.as_numpy(builder.as_dataset(split="train", batch_size=-1))
labels = stored["label"]"""


class Images(TfdsForm):
    """A folder that TFDS and plain `tf.data` read without this library.

    ```python
    builder = tfds.builder_from_directory(folder)
    dataset = builder.as_dataset(split="train", as_supervised=True)
    builder.info.metadata["normalization"]  # how to get pixels back
    ```

    `float32` stores images bit for bit as they are: normalised, not clipped.
    `float16` takes half the bytes; `png` can be looked at, see `Png` for its
    two more features. Each record is a `tf.train.Example` for

    ```python
    spec = {
        "image": tf.io.FixedLenFeature([height, width, channels], tf.float32),
        "label": tf.io.FixedLenFeature([], tf.int64),
    }  # "image" of float16 and png: FixedLenFeature([], tf.string)
    records = tf.data.TFRecordDataset(sorted(glob(f"{folder}/*.tfrecord-*")))
    dataset = records.map(lambda r: tf.io.parse_single_example(r, spec))
    # float16: tf.io.decode_raw(image, tf.float16); png: tf.io.decode_png(image)
    ```

    A `picture`, clipped to [0, 1], is for `tfds.show_examples(
    builder.as_dataset("train"), builder.info)`. Readers other than `read` do
    not notice a file that was cut between two records; `manifest.json` does. As
    `<data_dir>/<name>/1.0.0` it serves `tfds.load(name, data_dir=data_dir)`.

    Args:
        encoding: a name in `ENCODINGS`; of no matter for reading.

    Raises:
        ValueError: `encoding` is unknown.
    """

    kind = "images"
    suffix = "tfrecord"
    has_pictures = True
    loading = """\
import tensorflow_datasets as tfds

builder = tfds.builder_from_directory(PATH)
dataset = builder.as_dataset(split="train", as_supervised=True)
print(builder.info.description)  # what its pixels mean
builder.info.metadata["normalization"]  # how to get other images into it

from fred_tf import forms  # or so, with every byte checked

synthetic_set = forms.read(PATH)"""

    def __init__(self, encoding: str = "float32"):
        check_one_of("encoding", encoding, ENCODINGS)
        self.encoding = encoding
        self.name = self.path = f"images_{encoding}"
        codec = ENCODINGS[encoding]
        self.lossy = codec.lossy
        self.arrays = f"{_ARRAYS}\n{codec.arrays}"
        self.gives_pixels = "pixels" in codec.arrays

    def write_records(self, path, stored):
        with tf.io.TFRecordWriter(os.fspath(path)) as writer:
            for record in stored:
                writer.write(record)

    def read_records(self, paths, count):
        check_count(sum(map(tfrecords.check, paths)), count)
        stored = tf.data.TFRecordDataset([os.fspath(path) for path in paths])
        return next(iter(stored.batch(count)))
