"""A synthetic set as a TFDS folder of TFRecord files, and back."""

import os
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from fred_tf import normalizations
from fred_tf.disk import files, records
from fred_tf.forms import facts, manifest
from fred_tf.forms.encodings import ENCODINGS
from fred_tf.forms.form import SetForm
from fred_tf.forms.provenance import provenance, purpose
from fred_tf.settings import check_one_of
from fred_tf.synthetic_set import SyntheticSet

_SPLIT = "train"
_LONGEST_NAME = 100


class Images(SetForm):
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

    A set with soft labels has them as `soft_label` float32 `[classes]`.
    `info.metadata` holds `format_version`, `encoding`, `loss` (what is lost by
    it, in words), `dataset`, `images` (their number), `normalization` (its
    config), `floats_stored`, `student_learning_rate` and `details`: of a run
    its `config`, whose `evaluation`, `network` and `augmentation` are the
    recipe to train by, and its `evaluations`, the accuracies measured so far.
    Readers other than `read` do not notice a file that was cut between two
    records; `manifest.json` does. No file names the folder, so it may be moved;
    as `<data_dir>/<name>/1.0.0` it serves `tfds.load(name,
    data_dir=data_dir)`.

    The set to write has at least one image, and class names that are distinct
    single lines. `shards` is a number of TFRecord files, at most one per image.

    Args:
        encoding: a name in `ENCODINGS`; of no matter for reading.

    Raises:
        ValueError: `encoding` is unknown.
    """

    kind = "images"
    sharded = True
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
        self._codec = ENCODINGS[encoding]
        self.lossy = self._codec.lossy

    def fits(self, decoded, memory):
        return self._codec.fits(decoded.images.shape[1:])

    def write(self, decoded, memory, path, shards: int = 1):
        path = pathlib.Path(path)
        check_shards(shards, len(decoded.images))
        _check_names(decoded.class_names)
        metadata = self._metadata(decoded)
        manifest.check_replaceable(path)
        features, arrays = self._examples(decoded)
        with files.replacing_folder(path) as temporary:
            template = tfds.core.ShardedFileTemplate(
                data_dir=temporary,
                dataset_name=_tfds_name(decoded.dataset),
                split=_SPLIT,
                filetype_suffix="tfrecord",
            )
            lengths = dict(_records(template, features, arrays, shards))
            split = tfds.core.SplitInfo(
                name=_SPLIT,
                shard_lengths=list(lengths.values()),
                num_bytes=sum((temporary / n).stat().st_size for n in lengths),
                filename_template=template,
            )
            tfds.folder_dataset.write_metadata(
                data_dir=temporary,
                features=features,
                split_infos=[split],
                filename_template=template,
                version="1.0.0",
                check_data=False,
                supervised_keys=("image", "label"),
                metadata=tfds.core.MetadataDict(metadata),
                description=f"{purpose(decoded)} {self._codec.description}",
                **provenance(decoded),
            )
            manifest.write(temporary, self.kind, lengths)
        return path

    def read(self, path):
        self.verify(path)
        builder = tfds.builder_from_directory(os.fspath(path))
        # One file after the other: by default TFDS interleaves shards.
        in_order = tfds.ReadConfig(
            interleave_cycle_length=1, try_autocache=False
        )
        arrays = tfds.as_numpy(
            builder.as_dataset(
                split=_SPLIT, batch_size=-1, read_config=in_order
            )
        )
        said = {
            **builder.info.metadata,
            "class_names": builder.info.features["label"].names,
        }
        with facts.believed(path):
            codec = ENCODINGS[said["encoding"]]
            normalization = normalizations.from_config(said["normalization"])
            images = codec.decode(arrays, normalization)
            return facts.restored(
                said, images, arrays["label"], arrays.get("soft_label")
            )

    def _examples(self, decoded: SyntheticSet):
        """Returns the features of an example, and arrays of all by name."""
        codec = self._codec
        features = {
            **codec.features(decoded.images.shape[1:]),
            "label": tfds.features.ClassLabel(names=list(decoded.class_names)),
        }
        arrays = {
            **codec.encode(decoded.images, decoded.normalization),
            "label": decoded.labels,
        }
        if decoded.soft_labels is not None:
            arrays["soft_label"] = decoded.soft_labels
            features["soft_label"] = tfds.features.Tensor(
                shape=[decoded.classes], dtype=np.float32
            )
        return tfds.features.FeaturesDict(features), arrays

    def _metadata(self, decoded: SyntheticSet) -> dict[str, Any]:
        said = facts.of(decoded)
        del said["class_names"]  # They are a feature's.
        return {
            "format_version": records.FORMAT_VERSION,
            "encoding": self.encoding,
            "loss": self._codec.loss,
            "dataset": said.pop("dataset"),
            "images": len(decoded.images),
            **said,
        }


def _records(template, features, arrays, shards) -> Iterator[tuple[str, int]]:
    """Writes the files of records; yields their names and lengths."""
    serializer = tfds.core.example_serializer.ExampleSerializer(
        features.get_serialized_info()
    )
    everything = np.arange(len(arrays["label"]))
    for shard, rows in enumerate(np.array_split(everything, shards)):
        path = template.sharded_filepath(shard_index=shard, num_shards=shards)
        with tf.io.TFRecordWriter(os.fspath(path)) as writer:
            for row in rows:
                example = {name: part[row] for name, part in arrays.items()}
                encoded = features.encode_example(example)
                writer.write(serializer.serialize_example(encoded))
        yield path.name, len(rows)


def check_shards(shards: int, images: int) -> None:
    """Refuses a number of files that these images cannot fill.

    Raises:
        ValueError: `shards` is below 1 or above `images`.
    """
    if not 1 <= shards <= images:
        raise ValueError(
            "`shards` must be between 1 and the number of images "
            f"({images}). Received: {shards}. Give a number in that range; 1 "
            "suits most distilled sets."
        )


def _check_names(names: tuple[str, ...]) -> None:
    """Refuses names that the line-wise file of TFDS would not give back."""
    odd = [name for name in names if name.splitlines() != [name.strip()]]
    odd += [name for name in names if names.count(name) > 1]
    if odd:
        raise ValueError(
            "`class_names` must be distinct single lines without outer spaces. "
            f"Received: {odd[0]!r}. Rename the class."
        )


def _tfds_name(dataset: str) -> str:
    """Returns a name that TFDS accepts, e.g. `fred_cifar10`.

    It is part of names of files, so that a long path ends in a digest.
    """
    name = "fred_" + re.sub(r"\W+", "_", dataset, flags=re.ASCII).lower()
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}_{files.digest(dataset.encode())[:8]}"
