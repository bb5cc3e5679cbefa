"""A synthetic set as a TFDS folder of TFRecord files, and back."""

import json
import os
import pathlib
import re
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from export import check_replaceable
from fred_tf import files, normalizations
from fred_tf.synthetic_set import SyntheticSet

FORMAT_VERSION = 1
MANIFEST = "manifest.json"

_SPLIT = "train"
_CITATION = """\
@inproceedings{shin2023frequency,
  title     = {Frequency Domain-Based Dataset Distillation},
  author    = {Shin, Donghyeok and Shin, Seungjae and Moon, Il-Chul},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2023}
}"""
_HOMEPAGE = "https://arxiv.org/abs/2311.08819"


def write_tfrecord(
    synthetic_set: SyntheticSet, folder: files.Path, shards: int = 1
) -> pathlib.Path:
    """Writes a folder that TFDS and plain `tf.data` read without this library.

    ```python
    builder = tfds.builder_from_directory(folder)
    dataset = builder.as_dataset(split="train", as_supervised=True)
    builder.info.metadata["normalization"]  # how to get pixels back
    ```

    Images are stored bit for bit as they are: float32, normalised, not
    clipped. Each record is a `tf.train.Example` for

    ```python
    spec = {
        "image": tf.io.FixedLenFeature([height, width, channels], tf.float32),
        "label": tf.io.FixedLenFeature([], tf.int64),
    }
    records = tf.data.TFRecordDataset(sorted(glob(f"{folder}/*.tfrecord-*")))
    dataset = records.map(lambda r: tf.io.parse_single_example(r, spec))
    ```

    `info.metadata` holds `format_version`, `dataset`, `images` (their number),
    `normalization` (its config), `floats_stored`, `student_learning_rate` and
    `details`. Readers other than `read_tfrecord` do not notice a file that was
    cut between two records; `manifest.json` has the SHA-256 of every file. No
    file names the folder, so it may be moved; as `<data_dir>/<name>/1.0.0` it
    serves `tfds.load(name, data_dir=data_dir)`.

    Args:
        synthetic_set: at least one image. Tuples in `details` become lists.
        folder: replaced as a whole if it is an earlier export.
        shards: number of TFRecord files, at most one per image.

    Returns:
        `folder`.

    Raises:
        ValueError: the set is empty, `shards` is out of its range, class names
            are not distinct single lines, or `details` is not fit for JSON.
        FileExistsError: `folder` exists and is no earlier export.
    """
    folder = pathlib.Path(folder)
    images, labels = synthetic_set.images, synthetic_set.labels
    if not 1 <= shards <= len(images):
        raise ValueError(
            "`shards` must be between 1 and the number of images "
            f"({len(images)}). Received: {shards}."
        )
    _check_names(synthetic_set.class_names)
    metadata = _metadata(synthetic_set)
    check_replaceable(folder, MANIFEST)
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Tensor(
                shape=images.shape[1:], dtype=np.float32
            ),
            "label": tfds.features.ClassLabel(
                names=list(synthetic_set.class_names)
            ),
        }
    )
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
                    example = {"image": images[row], "label": labels[row]}
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
                f"{len(images)} synthetic images that stand for the training "
                f"split of {synthetic_set.dataset}. They are normalised and "
                "may leave the range of real images; the metadata says how to "
                "undo the normalisation."
            ),
            license=(
                f"The images derive from {synthetic_set.dataset}, whose terms "
                "apply."
            ),
            citation=_CITATION,
            homepage=_HOMEPAGE,
        )
        files.write_json(temporary / MANIFEST, _manifest(temporary, lengths))
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
    return SyntheticSet(
        images=examples["image"],
        labels=examples["label"],
        class_names=tuple(builder.info.features["label"].names),
        normalization=normalizations.from_config(metadata["normalization"]),
        dataset=metadata["dataset"],
        floats_stored=metadata["floats_stored"],
        student_learning_rate=metadata["student_learning_rate"],
        details=metadata["details"],
    )


def verify_tfrecord(folder: files.Path) -> None:
    """Compares every file of an export with its manifest.

    Raises:
        FileNotFoundError: there is no export at `folder`.
        ValueError: the manifest is unreadable or of another format version, or
            files are missing, damaged, exchanged or too many; each is named.
    """
    folder = pathlib.Path(folder)
    expected = _read_manifest(folder)
    shards = {path.name for path in folder.glob("*.tfrecord*")}
    faults = [
        f"{name} is not in the manifest"
        for name in sorted(shards - expected.keys())
    ]
    origins = {entry.get("sha256"): name for name, entry in expected.items()}
    for name, entry in sorted(expected.items()):
        path = folder / name
        # A name that leads out of the folder, or a link, is not ours.
        if name != path.name or path.is_symlink():
            faults.append(f"{name!r} is not a plain file of this folder")
        elif not path.is_file():
            faults.append(f"{name} is missing")
        elif (digest := files.sha256(path)) != entry.get("sha256"):
            fault = f"{name} has SHA-256 {digest}, not {entry.get('sha256')}"
            if "examples" in entry:
                fault += (
                    f", and {_whole_records(path)} whole records of "
                    f"{entry['examples']}"
                )
            if digest in origins:
                fault += f"; it is a copy of {origins[digest]}"
            faults.append(fault)
    if faults:
        raise ValueError(
            f"Files of an export must be as its {MANIFEST} says. In {folder}: "
            f"{'; '.join(faults)}. Restore them from a copy, or write the "
            "export again with `python -m export`."
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


def _metadata(synthetic_set: SyntheticSet) -> dict[str, Any]:
    rate = synthetic_set.student_learning_rate
    metadata = {
        "format_version": FORMAT_VERSION,
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


def _manifest(folder: pathlib.Path, lengths: dict[str, int]) -> dict[str, Any]:
    """Returns hashes of all files and the record counts of the shards."""
    entries = {}
    for path in sorted(folder.iterdir()):
        entries[path.name] = {"sha256": files.sha256(path)}
        if path.name in lengths:
            entries[path.name]["examples"] = lengths[path.name]
    return {"format_version": FORMAT_VERSION, "files": entries}


def _read_manifest(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Returns the entries of a manifest by file name."""
    path = folder / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no export: {path} does not exist. Write one with "
            "`python -m export`."
        )
    manifest = files.read_json(path)
    if not isinstance(manifest, dict):
        manifest = {}
    version = manifest.get("format_version")
    if version != FORMAT_VERSION:
        raise ValueError(
            f"This release reads exports of `format_version` {FORMAT_VERSION}. "
            f"Received: {version!r} in {path}. Read it with the release that "
            "wrote it, or write the export again."
        )
    entries = manifest.get("files")
    if not isinstance(entries, dict) or not all(
        isinstance(entry, dict) for entry in entries.values()
    ):
        raise ValueError(
            f"{path} must map file names to their hashes under `files`. "
            f"Received: {entries!r}. Restore it from a copy, or write the "
            "export again with `python -m export`."
        )
    return entries


def _whole_records(path: pathlib.Path) -> int:
    """Returns how many records can be read before the end or a fault."""
    count = 0
    try:
        for _ in tf.data.TFRecordDataset(os.fspath(path)):
            count += 1
    except tf.errors.DataLossError:
        pass
    return count
