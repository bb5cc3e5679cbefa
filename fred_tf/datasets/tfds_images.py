"""Any image-classification data set that TensorFlow Datasets can read."""

import difflib
import os
import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging
from google.protobuf import json_format
from tensorflow_datasets.core.utils import file_utils

from fred_tf import progress
from fred_tf.datasets import (
    encoded_images,
    tfds_examples,
    tfds_metadata,
    tfds_volumes,
)
from fred_tf.datasets.dataset_spec import KNOWN, base_name, classes_of
from fred_tf.datasets.image_data import Split
from fred_tf.datasets.names import FILE, FOLDER
from fred_tf.datasets.preparation import Preparation
from fred_tf.datasets.raw_images import Found, Raw, collected
from fred_tf.datasets.tfds_examples import IMAGE_AND_LABEL, checked_bytes
from fred_tf.datasets.tfds_metadata import damaged
from fred_tf.disk.files import Path
from fred_tf.settings import MOST_CLASSES

TEST_SPLITS = ("test", "validation")

_DEFAULT = "~/tensorflow_datasets"

_FEATURES = {
    "image": tfds.features.Image,
    "label": tfds.features.ClassLabel,
}

# name[/config][:version]. TFDS would also take a namespace and fetch the code
# of that data set from the network, or arguments like `data_dir=`.
_NAME = re.compile(rf"([a-z0-9_]+)(/{tfds_metadata.CONFIG})?(:[\d.*]+)?")


def read(
    name: str,
    data_dir: Path | None = None,
    download: bool = False,
    one_by_one: bool = False,
) -> Found:
    """Returns the splits of a TFDS data set, not decoded yet.

    Splits `train` and `test` are read; where there is no `test` split, or one
    without labels, `validation` takes its place, and where that is no better
    there is none. Images keep the order in which they are stored; they may be
    of any sizes. The set must have an `image` and a class `label`.

    Args:
        name: as TFDS writes it, `name[/config][:version]`. A prepared folder
            `<data_dir>/<name>[/<config>]/<version>` is read without the code
            that made it, so own data sets work, too.
        data_dir: where TFDS keeps its data; None for TFDS's default.
        download: whether a missing set may be downloaded and prepared.
        one_by_one: see `tfds_examples.raw`.

    Raises:
        FileNotFoundError: the set is not prepared and `download` is False; no
            network is touched.
        OSError: the prepared files are damaged.
        ValueError: there is no such name, it is no data set of labelled
            images, or what is prepared is not to be trusted, see
            `tfds_metadata.check`.
    """
    builder = _builder(name, data_dir)
    _check_features(name, builder.info.features)
    _prepare(name, builder, download)
    splits = builder.info.splits
    if "train" not in splits:
        raise ValueError(
            "A data set must have a `train` split. Received: "
            f"{sorted(splits)} in {name!r}. Score sets of other data on it "
            "with `trainers.evaluate --test_on`."
        )
    train = tfds_examples.raw(builder, "train", one_by_one)
    tests = [split for split in TEST_SPLITS if split in splits]
    tested_on, test = _labelled(builder, tests, one_by_one)
    return Found(
        train,
        test,
        tuple(builder.info.features["label"].names),
        tested_on,
    )


def _labelled(
    builder: tfds.core.DatasetBuilder, tests: Sequence[str], one_by_one: bool
) -> tuple[str, Raw | None]:
    """Returns the first split with labels; competitions keep theirs."""
    for split in tests:
        raw = tfds_examples.raw(builder, split, one_by_one)
        lowest = raw.labels.min(initial=0)
        if lowest >= 0:
            if split != TEST_SPLITS[0]:
                logging.warning(
                    "%s has no `test` split with labels: accuracies are on its "
                    "split `%s`.",
                    builder.info.name,
                    split,
                )
            return split, raw
        logging.warning(
            "The split `%s` of %s has no labels (%d) and is not used.",
            split,
            builder.info.name,
            lowest,
        )
    return TEST_SPLITS[0], None


def is_prepared(name: str, data_dir: Path | None = None) -> bool:
    """Returns whether a data set can be read without a download.

    Raises:
        OSError, ValueError: what is prepared is damaged or not to be trusted.
    """
    try:
        return _builder(name, data_dir).is_prepared()
    except (FileNotFoundError, tfds.core.DatasetNotFoundError):
        return False


def read_test(
    name: str,
    data_dir: Path | None,
    class_names: Sequence[str],
    download: bool = False,
) -> Split:
    """Returns the test split of a TFDS data set without others.

    Args:
        name: as for `read`.
        data_dir: as for `read`.
        class_names: what its classes must be called, in this order. Where
            TFDS has no names for them, `dataset_spec.classes_of` may.
        download: as for `read`.

    Raises:
        ValueError: its classes are others, or it has no test images with
            labels; see also `read`.
    """
    builder = _builder(name, data_dir)
    _check_features(name, builder.info.features)
    _prepare(name, builder, download)
    known = classes_of(name, builder.info.features["label"].names)
    if list(known) != list(class_names):
        raise ValueError(
            f"{name!r} must have the classes {list(class_names)}. Received: "
            f"{list(known)}. Load the data set that it belongs to."
        )
    splits = builder.info.splits
    tests = [split for split in TEST_SPLITS if split in splits]
    _, raw = _labelled(builder, tests, one_by_one=False)
    if raw is None:
        raise ValueError(
            f"Networks are scored on a split of {list(TEST_SPLITS)} that has "
            f"labels. Received: {sorted(splits)} in {name!r}. Name another set."
        )
    return collected(raw, Preparation(), None, raw.deep)


def read_classes(
    name: str,
    data_dir: Path | None,
    class_names: Sequence[str],
    image_shape: Sequence[int],
    antialias: bool = True,
) -> Split:
    """Returns the test images of some classes of a prepared TFDS data set.

    Only these images are decoded. They are resized without regard to their
    aspect, as the sets of ImageNet's classes are.

    Args:
        name: as for `read`.
        data_dir: as for `read`.
        class_names: the classes; labels are places in this list.
        image_shape: `[height, width, 3]`.
        antialias: whether making smaller averages over what it skips.

    Raises:
        ValueError: the set lacks a class.
    """
    builder = _builder(name, data_dir)
    _prepare(name, builder, download=False)
    known = builder.info.features["label"].names
    if missing := sorted(set(class_names) - set(known)):
        raise ValueError(
            f"{name!r} must have the classes {list(class_names)}. It lacks "
            f"{missing}."
        )
    places = np.full(len(known), -1)
    for place, class_name in enumerate(class_names):
        places[known.index(class_name)] = place
    places = tf.constant(places)
    split = next(s for s in TEST_SPLITS if s in builder.info.splits)

    def read(row, example):
        image = tf.io.decode_image(
            encoded_images.bounded(example["image"]),
            channels=3,
            expand_animations=False,
        )
        image = tf.image.resize(image, image_shape[:2], antialias=antialias)
        image = tf.cast(tf.round(image), tf.uint8)
        return row, image, tf.gather(places, example["label"])

    checked_bytes(builder, split)
    raw = builder.as_dataset(
        split=split, shuffle_files=False, decoders=IMAGE_AND_LABEL
    )
    wanted = raw.enumerate().filter(
        lambda _, e: tf.gather(places, e["label"]) >= 0
    )
    count, parts = builder.info.splits[split].num_examples, []
    try:
        with progress.shown("image", count) as report:
            for rows, *part in tfds.as_numpy(wanted.map(read).batch(100)):
                parts.append(part)
                report(int(rows[-1]) + 1)
    except tf.errors.OpError as error:
        raise damaged(builder.data_path, error) from error
    images, labels = zip(*parts)
    return Split(np.concatenate(images), np.concatenate(labels))


def _builder(name: str, data_dir: Path | None) -> tfds.core.DatasetBuilder:
    data_dir = os.path.expanduser(data_dir) if data_dir else None
    if not _NAME.fullmatch(name):
        raise ValueError(_unknown_name(name, data_dir))
    for folder in file_utils.list_data_dirs(data_dir):
        tfds_metadata.check(folder, base_name(name))
    try:
        return tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        folder = os.path.join(data_dir or "", base_name(name))
        if data_dir and os.path.isdir(folder):
            raise FileNotFoundError(
                f"{folder} must hold [<config>/]<version>/ with features.json "
                f"and dataset_info.json for {name!r}. Received: "
                f"{sorted(os.listdir(folder))}."
            ) from error
        raise ValueError(_unknown_name(name, data_dir)) from error
    except AssertionError as error:  # There is no such version.
        raise ValueError(str(error)) from error
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise damaged(f"{name} in {data_dir or _DEFAULT}", error) from error


def _prepare(
    name: str, builder: tfds.core.DatasetBuilder, download: bool
) -> None:
    if builder.is_prepared():
        return
    if not download:
        raise FileNotFoundError(
            f"Data set {name!r} is not prepared in {builder.data_path}. Give "
            "--download to fetch and prepare it there, or --data_dir=<folder> "
            "if it is prepared elsewhere."
        )
    logging.info("%r is prepared in %s.", name, builder.data_path)
    if not progress.is_watched():
        tfds.disable_progress_bar()
    builder.download_and_prepare()


def _unknown_name(name: str, data_dir: Path | None) -> str:
    known = {"digits", *KNOWN}
    known.update(tfds.list_builders(with_community_datasets=False))
    if data_dir and os.path.isdir(data_dir):
        known.update(os.listdir(data_dir))
    base = base_name(name).lower()
    near = difflib.get_close_matches(base, known, n=3) or sorted(KNOWN)
    if os.path.exists(path := os.path.expanduser(name)):
        near = [f"{FOLDER if os.path.isdir(path) else FILE}{name}"]
    return (
        "`dataset` must be `digits`, `folder:<path>`, `file:<path>`, a name "
        "that TensorFlow Datasets knows, or a data set prepared in "
        f"{data_dir or _DEFAULT}; arrays are handed over in Python. "
        f"Received: {name!r}. Did you mean one of {near}?"
    )


def _check_features(
    name: str, features: tfds.features.FeatureConnector
) -> None:
    is_dict = isinstance(features, tfds.features.FeaturesDict)
    by_name = dict(features.items()) if is_dict else {"": features}
    for key, kind in _FEATURES.items():
        if key == "image" and tfds_volumes.is_volume(by_name.get(key)):
            tfds_volumes.check(name, by_name[key])
        elif not isinstance(by_name.get(key), kind):
            kinds = {k: type(value).__name__ for k, value in by_name.items()}
            raise ValueError(
                "A data set for image classification must have a feature "
                f"{key!r} of type {kind.__name__}. Received in {name!r}: "
                f"{kinds}. Write the images to files and load them as "
                "`folder:<path>`."
            )
    image = by_name["image"]
    if None in image.shape and image.np_dtype == np.float32:
        raise ValueError(
            "Images of float32 must all be of a declared size, since their "
            f"files do not say of what type they are. Received in {name!r}: "
            f"{image.shape}. Write them as uint8 or uint16, or with a size."
        )
    classes = by_name["label"].num_classes
    if classes is None or not 0 < classes <= MOST_CLASSES:
        raise ValueError(
            f"A data set must have from 1 to {MOST_CLASSES:,} classes. "
            f"Received in {name!r}: {classes}. Write the images to files and "
            "load them as `folder:<path>`."
        )
