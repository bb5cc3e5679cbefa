"""What forms share that are folders of records as TFDS lays them out."""

import abc
import pathlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from fred_tf.disk import claims, files, records
from fred_tf.forms import facts, limits, manifest, tfds_features
from fred_tf.forms.encodings import ENCODINGS
from fred_tf.forms.form import SetForm
from fred_tf.forms.provenance import provenance, purpose
from fred_tf.forms.tfds_features import MOST_TEXT, PICTURE
from fred_tf.settings import argument
from fred_tf.synthetic_set import SyntheticSet

_SPLIT = "train"
_LONGEST_NAME = 100
# What the metadata tell under `numbers`.
_NUMBERS = "floats_stored", "student_learning_rate", "views"


class TfdsForm(SetForm):
    """Records of decoded images, beside what TFDS reads of them.

    A record is a `tf.train.Example`. Its features are those that
    `features.json` tells: an `image` as `encoding` has it, a `label`, and a
    `soft_label` float32 `[classes]` where the set has them.

    `info.metadata` holds `encoding`, `loss` (what is lost by it, in words),
    `dataset`, `normalization` (its config), `numbers` (`format_version`,
    `images`, `floats_stored`, `student_learning_rate`, `views`) and `details`:
    of a run its `config`, whose `evaluation`, `network` and `augmentation` are
    the recipe to train by, and its `evaluations`, the accuracies measured so
    far.
    No file names the folder, so it may be moved.

    The set to write has at least one image. `shards` is a number of files of
    records, at most one per image. `read` imports and runs nothing that a file
    names; TFDS imports the classes that `features.json` names, so `verify` what
    comes from others first.

    Attributes:
        encoding: how an image is written, a name in `ENCODINGS`; of no matter
            for reading.
        suffix: what TFDS calls the format of the files of records.
        has_pictures: whether a `picture` to look at lies beside the floats of
            images in grey or colours.
    """

    options = ("shards",)
    soft_arrays = 'soft_labels = stored["soft_label"]'
    encoding: str
    suffix: ClassVar[str]
    has_pictures: ClassVar[bool]

    @abc.abstractmethod
    def write_records(
        self, path: pathlib.Path, stored: Iterable[bytes]
    ) -> None:
        """Writes a file of records.

        Raises:
            ImportError: a package that this takes is not installed.
        """

    @abc.abstractmethod
    def read_records(
        self, paths: Sequence[pathlib.Path], count: int
    ) -> Sequence[bytes] | tf.Tensor:
        """Returns the records of files.

        Raises:
            ValueError: they are not `count`, see `check_count`; or a file is
                damaged.
        """

    def fits(self, decoded, memory):
        return ENCODINGS[self.encoding].fits(decoded.images.shape[1:])

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
                filetype_suffix=self.suffix,
            )
            lengths = dict(self._written(template, features, arrays, shards))
            stored = sum((temporary / name).stat().st_size for name in lengths)
            limits.check_written(decoded.images.shape, stored)
            split = tfds.core.SplitInfo(
                name=_SPLIT,
                shard_lengths=list(lengths.values()),
                num_bytes=stored,
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
            return self._decoded(path, shards)

    def _examples(self, decoded: SyntheticSet):
        """Returns the features of an example, and arrays of all by name."""
        codec = ENCODINGS[self.encoding]
        arrays = {
            **codec.encode(decoded.images, decoded.normalization),
            "label": decoded.labels,
        }
        soft, shape = decoded.soft_labels, decoded.images.shape[1:]
        if soft is not None:
            arrays["soft_label"] = soft
        if (
            self.has_pictures
            and self.encoding != "png"
            and ENCODINGS["png"].fits(shape)
            and decoded.normalization.is_fitted
        ):
            shown = np.clip(decoded.pixels(), 0, 1)
            arrays[PICTURE] = np.rint(255 * shown).astype(np.uint8)
        features = tfds_features.of(codec, shape, decoded.class_names, arrays)
        return features, arrays

    def _described(self, decoded: SyntheticSet) -> str:
        own = decoded.normalization
        description = ENCODINGS[self.encoding].description
        return description.format(doing=own.doing, undoing=own.undoing)

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
            "loss": ENCODINGS[self.encoding].loss,
            "dataset": said.pop("dataset"),
            "numbers": numbers,
            **said,
        }

    def _written(
        self, template, features, arrays, shards
    ) -> Iterator[tuple[str, int]]:
        """Writes the files of records; yields their names and lengths."""
        serializer = tfds.core.example_serializer.ExampleSerializer(
            features.get_serialized_info()
        )

        def serialized(row: int) -> bytes:
            example = {name: part[row] for name, part in arrays.items()}
            stored = serializer.serialize_example(
                features.encode_example(example)
            )
            # Whose features are in another order in each process.
            made = tf.train.Example.FromString(stored)
            return made.SerializeToString(deterministic=True)

        everything = np.arange(len(arrays["label"]))
        for shard, rows in enumerate(np.array_split(everything, shards)):
            path = template.sharded_filepath(
                shard_index=shard, num_shards=shards
            )
            self.write_records(pathlib.Path(path), map(serialized, rows))
            yield path.name, len(rows)

    def _decoded(
        self, folder: pathlib.Path, shards: list[pathlib.Path]
    ) -> SyntheticSet:
        """Returns the set of a folder whose files are as its manifest says."""
        said = _told(folder)
        class_names = said["class_names"]
        codec = ENCODINGS[claims.one_of(said, "encoding", ENCODINGS)]
        shape, soft = tfds_features.read(folder, codec, class_names)
        count = limits.count(said, "images")
        limits.check_decoded(
            shape, count, sum(x.stat().st_size for x in shards)
        )
        spec = {
            **codec.spec(shape),
            "label": tf.io.FixedLenFeature([], tf.int64),
        }
        if soft:
            spec["soft_label"] = tf.io.FixedLenFeature(
                [len(class_names)], tf.float32
            )
        stored = self.read_records(shards, count)
        examples = tf.io.parse_example(stored, spec)
        arrays = codec.parsed(examples, shape)
        return facts.restored(
            said,
            facts.decoded(codec, arrays, said, folder),
            examples["label"].numpy(),
            examples["soft_label"].numpy() if soft else None,
            folder,
        )


def _told(folder: pathlib.Path) -> dict[str, Any]:
    """Returns what a folder says of its set, `class_names` among it."""
    text = files.read_json(folder / "metadata.json", MOST_TEXT)
    said = claims.an_object(text, "metadata")
    numbers = claims.mapping(said, "numbers")
    if twice := sorted(said.keys() & numbers.keys()):
        raise ValueError(
            "`metadata` tells each fact once, numbers under `numbers`. "
            f"Received twice: {', '.join(twice)[:80]}."
        )
    said.update(numbers)
    names = files.read_bytes(folder / "label.labels.txt", MOST_TEXT)
    said["class_names"] = names.decode().splitlines()
    return said


def check_shards(shards: int, images: int) -> None:
    """Refuses a number of files that these images cannot fill.

    Raises:
        TypeError: `shards` is no whole number.
        ValueError: it is below 1 or above `images`.
    """
    shards = argument("shards", shards, int)
    if not 1 <= shards <= images:
        raise ValueError(
            "`shards` must be between 1 and the number of images "
            f"({images}). Received: {shards}. Give a number in that range; 1 "
            "suits most distilled sets."
        )


def check_count(records: int, images: int) -> None:
    """Refuses files that have other than a record for each image.

    Raises:
        ValueError: they have.
    """
    if records != images:
        raise ValueError(f"{records:,} records are of {images:,} images")


def _tfds_name(dataset: str) -> str:
    """Returns a name that TFDS accepts, e.g. `fred_cifar10`.

    It is part of names of files, so that a long path ends in a digest.
    """
    name = "fred_" + re.sub(r"\W+", "_", dataset, flags=re.ASCII).lower()
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}_{files.digest(dataset.encode())[:8]}"
