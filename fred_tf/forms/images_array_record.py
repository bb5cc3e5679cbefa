"""A synthetic set as ArrayRecord files, which are read in any order."""

import contextlib
import os
from typing import Any

from fred_tf.disk import array_records
from fred_tf.forms import limits
from fred_tf.forms.tfds_form import TfdsForm, check_count


class ImagesArrayRecord(TfdsForm):
    """A folder that TFDS and Grain read without this library, in any order.

    ```python
    builder = tfds.builder_from_directory(folder)
    source = builder.as_data_source(split="train")
    source[7]["image"], source[7]["label"], len(source)
    grain.MapDataset.source(source).shuffle(seed=0).batch(256)
    ```

    Images, labels and all that is said of them are as in `images_float32`, bit
    for bit. There is no `picture`, which would be decoded each time: TFDS gives
    records as data sources only, and then without TensorFlow. As
    `<data_dir>/<name>/1.0.0` it serves `tfds.data_source(name,
    data_dir=data_dir)`. Nothing is packed, and a file has 128 KiB at least.

    `write` needs the package `array_record`, which TensorFlow Datasets brings
    on Linux; `read` does not, see `disk/array_records.py`.
    """

    name = path = kind = "images_array_record"
    by_default = False
    encoding = "float32"
    suffix = "array_record"
    has_pictures = False
    loading = """\
import tensorflow_datasets as tfds

builder = tfds.builder_from_directory(PATH)
source = builder.as_data_source(split="train")  # Grain takes it as it is.
print(builder.info.description)  # what its pixels mean
source[len(source) - 1]["image"]

from fred_tf import forms  # or so, with every byte checked

synthetic_set = forms.read(PATH)"""
    arrays = """\
import numpy as np
import tensorflow_datasets as tfds

builder = tfds.builder_from_directory(PATH)
source = builder.as_data_source(split="train")
examples = [source[number] for number in range(len(source))]
stored = {
    name: np.stack([example[name] for example in examples])
    for name in examples[0]
}
images, labels = stored["image"], stored["label"]"""

    def write_records(self, path, stored):
        package = _package()
        writer = package.ArrayRecordWriter(
            os.fspath(path), array_records.OPTIONS
        )
        with contextlib.closing(writer):
            for record in stored:
                writer.write(record)

    def read_records(self, paths, count):
        stored = [
            record
            for path in paths
            for record in array_records.records(path, limits.MOST_STORED)
        ]
        check_count(len(stored), count)
        return stored


def _package() -> Any:
    """Returns what writes ArrayRecord files.

    Raises:
        ImportError: it is not installed.
    """
    try:
        from array_record.python import array_record_module
    except ImportError as error:
        raise ImportError(
            "`images_array_record` needs the package `array_record`. Received: "
            f"{error}. Install it with `pip install array_record`, or export "
            "`images_float32`."
        ) from error
    return array_record_module
