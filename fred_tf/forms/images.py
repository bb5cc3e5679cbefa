"""A synthetic set as a TFDS folder of TFRecord files, and back."""

import os
import pathlib
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from google.protobuf import json_format

from fred_tf.disk import claims, files, records, tfrecords
from fred_tf.forms import facts, limits, manifest
from fred_tf.forms.encodings import ENCODINGS, Encoding
from fred_tf.forms.form import SetForm
from fred_tf.forms.provenance import provenance, purpose
from fred_tf.settings import check_one_of
from fred_tf.synthetic_set import SyntheticSet

_SPLIT = "train"
# Bytes of a file that describes the records, at most.
_MOST_TEXT = 2**24
_SIZE = re.compile("[0-9]{1,9}")
_LONGEST_NAME = 100
# A feature for viewers alone, and what the metadata tell under `numbers`.
_PICTURE = "picture"
_NUMBERS = "floats_stored", "student_learning_rate", "views"
# How others read all records at once.
_ARRAYS = """\
import numpy as np
import tensorflow_datasets as tfds

builder = tfds.builder_from_directory(PATH)
stored = tfds.as_numpy(builder.as_dataset(split="train", batch_size=-1))
labels = stored["label"]"""


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

    A set with soft labels has them as `soft_label` float32 `[classes]`. Beside
    floats of images in grey or colours is a `picture` of each, clipped to [0,
    1], for `tfds.show_examples(builder.as_dataset("train"), builder.info)`.
    `info.metadata` holds `encoding`, `loss` (what is lost by it, in words),
    `dataset`, `normalization` (its config), `numbers` (`format_version`,
    `images`, `floats_stored`, `student_learning_rate`) and `details`: of a run
    its `config`, whose `evaluation`, `network` and `augmentation` are the
    recipe to train by, and its `evaluations`, the accuracies measured so far.
    Readers other than `read` do not notice a file that was cut between two
    records; `manifest.json` does. No file names the folder, so it may be moved;
    as `<data_dir>/<name>/1.0.0` it serves `tfds.load(name,
    data_dir=data_dir)`.

    The set to write has at least one image. `shards` is a number of TFRecord
    files, at most one per image. `read` imports and runs nothing that a file
    names; TFDS imports the classes that `features.json` names, so `verify` what
    comes from others first.

    Args:
        encoding: a name in `ENCODINGS`; of no matter for reading.

    Raises:
        ValueError: `encoding` is unknown.
    """

    kind = "images"
    options = ("shards",)
    loading = """\
import tensorflow_datasets as tfds

builder = tfds.builder_from_directory(PATH)
dataset = builder.as_dataset(split="train", as_supervised=True)
print(builder.info.description)  # what its pixels mean
builder.info.metadata["normalization"]  # how to get other images into it

from fred_tf import forms  # or so, with every byte checked

synthetic_set = forms.read(PATH)"""
    soft_arrays = 'soft_labels = stored["soft_label"]'

    def __init__(self, encoding: str = "float32"):
        check_one_of("encoding", encoding, ENCODINGS)
        self.encoding = encoding
        self.name = self.path = f"images_{encoding}"
        self._codec = ENCODINGS[encoding]
        self.lossy = self._codec.lossy
        self.arrays = f"{_ARRAYS}\n{self._codec.arrays}"
        self.gives_pixels = "pixels" in self._codec.arrays

    def fits(self, decoded, memory):
        return self._codec.fits(decoded.images.shape[1:])

    def write(self, decoded, memory, path, shards: int = 1):
        path = pathlib.Path(path)
        check_shards(shards, len(decoded.images))
        metadata = self._metadata(decoded)
        self.check_replaceable(path)
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
                description=f"{purpose(decoded)} {self._described(decoded)}",
                **provenance(decoded),
            )
            manifest.write(temporary, self.kind, lengths)
        return path

    def read(self, path):
        path = pathlib.Path(path)
        entries = manifest.verify(path, self.kind)["files"]
        with facts.believed(path):
            shards = [
                path / n for n in sorted(entries) if "records" in entries[n]
            ]
            return _decoded(path, shards)

    def _examples(self, decoded: SyntheticSet):
        """Returns the features of an example, and arrays of all by name."""
        arrays = {
            **self._codec.encode(decoded.images, decoded.normalization),
            "label": decoded.labels,
        }
        soft, shape = decoded.soft_labels, decoded.images.shape[1:]
        if soft is not None:
            arrays["soft_label"] = soft
        if (
            self.encoding != "png"
            and ENCODINGS["png"].fits(shape)
            and decoded.normalization.is_fitted
        ):
            shown = np.clip(decoded.pixels(), 0, 1)
            arrays[_PICTURE] = np.rint(255 * shown).astype(np.uint8)
        features = _features(self._codec, shape, decoded.class_names, arrays)
        return features, arrays

    def _described(self, decoded: SyntheticSet) -> str:
        own = decoded.normalization
        return self._codec.description.format(
            doing=own.doing, undoing=own.undoing
        )

    def _metadata(self, decoded: SyntheticSet) -> dict[str, Any]:
        said = facts.of(decoded)
        del said["class_names"]  # They are a feature's.
        # TFDS looks into each value for what would be the edges of a graph: a
        # number at the top would end `tfds.show_examples`.
        numbers = {
            "format_version": records.FORMAT_VERSION,
            "images": len(decoded.images),
            **{name: said.pop(name) for name in _NUMBERS if name in said},
        }
        return {
            "encoding": self.encoding,
            "loss": self._codec.loss,
            "dataset": said.pop("dataset"),
            "numbers": numbers,
            **said,
        }


def _features(
    codec: Encoding,
    shape: Sequence[int],
    names: Sequence[str],
    there: Collection[str],
) -> tfds.features.FeaturesDict:
    """Returns the features of an example; some only where they are `there`."""
    features = {
        **codec.features(shape),
        "label": tfds.features.ClassLabel(names=list(names)),
    }
    if _PICTURE in there:
        features[_PICTURE] = tfds.features.Image(
            shape=shape, dtype=np.uint8, encoding_format="png"
        )
    if "soft_label" in there:
        features["soft_label"] = tfds.features.Tensor(
            shape=[len(names)], dtype=np.float32
        )
    return tfds.features.FeaturesDict(features)


def _decoded(folder: pathlib.Path, shards: list[pathlib.Path]) -> SyntheticSet:
    """Returns the set of a folder whose files are as its manifest says."""
    said = claims.an_object(
        files.read_json(folder / "metadata.json", _MOST_TEXT), "metadata"
    )
    names = files.read_bytes(folder / "label.labels.txt", _MOST_TEXT)
    said.update(claims.mapping(said, "numbers"))
    said["class_names"] = class_names = names.decode().splitlines()
    codec = ENCODINGS[claims.one_of(said, "encoding", ENCODINGS)]
    shape, soft = _shape(folder, codec, class_names)
    count = limits.count(said, "images")
    limits.check_decoded(shape, count, sum(x.stat().st_size for x in shards))
    records = sum(tfrecords.check(shard) for shard in shards)
    if records != count:
        raise ValueError(f"{records:,} records are of {count:,} images")
    spec = {**codec.spec(shape), "label": tf.io.FixedLenFeature([], tf.int64)}
    if soft:
        spec["soft_label"] = tf.io.FixedLenFeature(
            [len(class_names)], tf.float32
        )
    stored = tf.data.TFRecordDataset([os.fspath(shard) for shard in shards])
    examples = tf.io.parse_example(next(iter(stored.batch(count))), spec)
    arrays = codec.parsed(examples, shape)
    return facts.restored(
        said,
        codec.decode(arrays, facts.normalization(said, folder)),
        examples["label"].numpy(),
        examples["soft_label"].numpy() if soft else None,
        folder,
    )


def _shape(
    folder: pathlib.Path, codec: Encoding, class_names: list[str]
) -> tuple[tuple[int, ...], bool]:
    """Returns the shape of an image, and whether there are soft labels.

    TFDS would import the classes that `features.json` names. Here it only has
    to say what `_features` says of the same sizes.
    """
    path = folder / "features.json"
    whole = {"content": files.read_json(path, _MOST_TEXT)}
    stored = whole
    for name in ("content", "featuresDict", "features"):
        stored = claims.mapping(stored, name)
    image = claims.mapping(stored, "image")
    kind = "tensor" if "tensor" in image else "image"
    shape = claims.mapping(claims.mapping(image, kind), "shape")
    # In this JSON integers of 64 bits are texts.
    sizes = [
        int(size) if _SIZE.fullmatch(str(size)) else size
        for size in claims.listed(shape, "dimensions")
    ]
    checked = limits.image_shape({"image_shape": sizes})
    wanted = json_format.MessageToDict(
        _features(codec, checked, class_names, stored).to_proto()
    )
    if _without_modules(whole) != _without_modules({"content": wanted}):
        raise ValueError(
            f"{path} must describe images {list(checked)} and labels of "
            f"{len(class_names)} classes as TFDS does. Received: "
            f"{stored!r:.200}"
        )
    return checked, "soft_label" in stored


def _without_modules(told: Any) -> Any:
    """Returns a description of features without the modules of TFDS."""
    if isinstance(told, dict):
        return {name: _without_modules(value) for name, value in told.items()}
    if isinstance(told, str) and told.startswith("tensorflow_datasets."):
        return told.rpartition(".")[-1]
    return told


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


def _tfds_name(dataset: str) -> str:
    """Returns a name that TFDS accepts, e.g. `fred_cifar10`.

    It is part of names of files, so that a long path ends in a digest.
    """
    name = "fred_" + re.sub(r"\W+", "_", dataset, flags=re.ASCII).lower()
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}_{files.digest(dataset.encode())[:8]}"
