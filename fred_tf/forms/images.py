"""A synthetic set as a TFDS folder of TFRecord files, and back."""

import json
import os
import pathlib
import re
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from fred_tf import normalizations
from fred_tf.disk import files
from fred_tf.forms import manifest
from fred_tf.forms.encodings import ENCODINGS
from fred_tf.forms.provenance import provenance, purpose
from fred_tf.settings import check_one_of
from fred_tf.synthetic_set import SyntheticSet

KIND = "images"

_SPLIT = "train"


def write_tfrecord(
    synthetic_set: SyntheticSet,
    folder: files.Path,
    shards: int = 1,
    encoding: str = "float32",
) -> pathlib.Path:
    """Writes a folder that TFDS and plain `tf.data` read without this library.

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
    Readers other than `read_tfrecord` do not notice a file that was cut between
    two records; `manifest.json` does. No file names the folder, so it may be
    moved; as `<data_dir>/<name>/1.0.0` it serves `tfds.load(name,
    data_dir=data_dir)`.

    Args:
        synthetic_set: at least one image. Tuples in `details` become lists.
        folder: replaced as a whole if it is an earlier export.
        shards: number of TFRecord files, at most one per image.
        encoding: a name in `ENCODINGS`.

    Returns:
        `folder`.

    Raises:
        ValueError: the set is empty, `shards` is out of its range, the images
            do not fit the encoding, class names are not distinct single lines,
            or `details` is not fit for JSON.
        FileExistsError: `folder` exists and is no earlier export.
    """
    folder = pathlib.Path(folder)
    images = synthetic_set.images
    check_shards(shards, len(images))
    check_one_of("encoding", encoding, ENCODINGS)
    _check_names(synthetic_set.class_names)
    metadata = _metadata(synthetic_set, encoding)
    manifest.check_replaceable(folder)
    features, arrays = _examples(synthetic_set, encoding)
    serializer = tfds.core.example_serializer.ExampleSerializer(
        features.get_serialized_info()
    )
    with files.replacing_folder(folder) as temporary:
        template = tfds.core.ShardedFileTemplate(
            data_dir=temporary,
            dataset_name=_tfds_name(synthetic_set.dataset),
            split=_SPLIT,
            filetype_suffix="tfrecord",
        )
        lengths = {}
        for shard, rows in enumerate(
            np.array_split(np.arange(len(images)), shards)
        ):
            path = template.sharded_filepath(
                shard_index=shard, num_shards=shards
            )
            with tf.io.TFRecordWriter(os.fspath(path)) as writer:
                for row in rows:
                    example = {k: rows_of[row] for k, rows_of in arrays.items()}
                    encoded = features.encode_example(example)
                    writer.write(serializer.serialize_example(encoded))
            lengths[path.name] = len(rows)
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
            description=(
                f"{purpose(synthetic_set)} {ENCODINGS[encoding].description}"
            ),
            **provenance(synthetic_set),
        )
        manifest.write(temporary, KIND, lengths)
    return folder


def read_tfrecord(folder: files.Path) -> SyntheticSet:
    """Reads what `write_tfrecord` wrote, after checking every byte of it.

    Raises:
        FileNotFoundError: there is no export at `folder`.
        ValueError: see `verify_tfrecord`.
    """
    verify_tfrecord(folder)
    builder = tfds.builder_from_directory(os.fspath(folder))
    # One file after the other: by default TFDS interleaves shards.
    in_order = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    examples = tfds.as_numpy(
        builder.as_dataset(split=_SPLIT, batch_size=-1, read_config=in_order)
    )
    metadata = builder.info.metadata
    normalization = normalizations.from_config(metadata["normalization"])
    encoding = ENCODINGS[metadata["encoding"]]
    return SyntheticSet(
        images=encoding.decode(examples, normalization),
        labels=examples["label"],
        class_names=tuple(builder.info.features["label"].names),
        normalization=normalization,
        dataset=metadata["dataset"],
        floats_stored=metadata["floats_stored"],
        student_learning_rate=metadata["student_learning_rate"],
        details=metadata["details"],
        soft_labels=examples.get("soft_label"),
    )


def verify_tfrecord(folder: files.Path) -> None:
    """Compares every file of an export of images with its manifest.

    Raises:
        FileNotFoundError: there is no export at `folder`.
        ValueError: see `manifest.verify`.
    """
    manifest.verify(folder, KIND)


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
    """Returns a name that TFDS accepts, e.g. `fred_cifar10`."""
    return "fred_" + re.sub(r"\W+", "_", dataset, flags=re.ASCII).lower()


def _examples(synthetic_set: SyntheticSet, encoding: str):
    """Returns the features of an example, and arrays of all by name."""
    codec = ENCODINGS[encoding]
    features = {
        **codec.features(synthetic_set.images.shape[1:]),
        "label": tfds.features.ClassLabel(
            names=list(synthetic_set.class_names)
        ),
    }
    arrays = {
        **codec.encode(synthetic_set.images, synthetic_set.normalization),
        "label": synthetic_set.labels,
    }
    if synthetic_set.soft_labels is not None:
        arrays["soft_label"] = synthetic_set.soft_labels
        features["soft_label"] = tfds.features.Tensor(
            shape=[synthetic_set.classes], dtype=np.float32
        )
    return tfds.features.FeaturesDict(features), arrays


def _metadata(synthetic_set: SyntheticSet, encoding: str) -> dict[str, Any]:
    rate = synthetic_set.student_learning_rate
    metadata = {
        "format_version": manifest.FORMAT_VERSION,
        "encoding": encoding,
        "loss": ENCODINGS[encoding].loss,
        "dataset": synthetic_set.dataset,
        "images": len(synthetic_set.images),
        "normalization": synthetic_set.normalization.get_config(),
        "floats_stored": int(synthetic_set.floats_stored),
        "student_learning_rate": None if rate is None else float(rate),
        "details": dict(synthetic_set.details),
    }
    try:
        json.dumps(metadata, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`details` and `student_learning_rate` must be finite JSON values. "
            f"Received: {metadata['details']!r} and {rate!r} ({error}). "
            "Convert arrays with `.tolist()`."
        ) from error
    return metadata
