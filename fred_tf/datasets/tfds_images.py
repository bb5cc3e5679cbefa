"""Any image-classification data set that TensorFlow Datasets can read."""

import difflib
import os
import re

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from fred_tf.datasets.dataset_spec import KNOWN
from fred_tf.datasets.image_data import Split

TEST_SPLITS = ("test", "validation")

_FEATURES = {
    "image": tfds.features.Image,
    "label": tfds.features.ClassLabel,
}


def read(
    name: str, data_dir: str | None = None, download: bool = False
) -> tuple[Split, Split, tuple[str, ...]]:
    """Returns train split, test split and class names of a TFDS data set.

    Splits `train` and `test` are read; where there is no `test` split,
    `validation` takes its place. Images keep the order in which they are
    stored. The set must have an `image` of fixed size and a class `label`.

    Args:
        name: as TFDS writes it, `name[/config][:version]`. A folder
            `<data_dir>/<name>/<version>` that TFDS prepared anywhere is read
            without the code that made it.
        data_dir: where TFDS keeps its data; None for TFDS's default.
        download: whether a missing set may be downloaded and prepared.

    Raises:
        FileNotFoundError: the set is not prepared and `download` is False; no
            network is touched.
        OSError: the prepared files are damaged.
        ValueError: there is no such name, or it is no data set of labelled
            images of one size.
    """
    builder = _prepared_builder(name, data_dir, download)
    _check_features(name, builder.info.features)
    splits = builder.info.splits
    tests = [split for split in TEST_SPLITS if split in splits]
    if "train" not in splits or not tests:
        raise ValueError(
            "A data set must have a `train` split and one of "
            f"{TEST_SPLITS}. Received: {sorted(splits)} in {name!r}."
        )
    return (
        _read_split(builder, "train"),
        _read_split(builder, tests[0]),
        tuple(builder.info.features["label"].names),
    )


def _prepared_builder(
    name: str, data_dir: str | None, download: bool
) -> tfds.core.DatasetBuilder:
    data_dir = os.path.expanduser(data_dir) if data_dir else None
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError as error:
        raise ValueError(_unknown_name(name, data_dir)) from error
    except AssertionError as error:  # There is no such version.
        raise ValueError(str(error)) from error
    if not builder.is_prepared():
        if not download:
            raise FileNotFoundError(
                f"Data set {name!r} is not prepared in {builder.data_path}. "
                "Give --download to fetch and prepare it there, or "
                "--data_dir=<folder> if it is prepared elsewhere."
            )
        tfds.disable_progress_bar()
        builder.download_and_prepare()
    return builder


def _unknown_name(name: str, data_dir: str | None) -> str:
    own = {"digits", *KNOWN, *tfds.list_builders(with_community_datasets=False)}
    base = re.split("[/:]", name)[0]
    near = difflib.get_close_matches(base, own, n=3) or sorted(KNOWN)
    return (
        "`dataset` must be `digits`, `folder:<path>`, a name that TensorFlow "
        "Datasets registers, or a data set that it prepared in "
        f"{data_dir or '~/tensorflow_datasets'}. Received: {name!r}. Did you "
        f"mean one of {near}?"
    )


def _check_features(name: str, features: tfds.features.FeatureConnector):
    found = features if isinstance(features, dict) else {}
    for key, kind in _FEATURES.items():
        if not isinstance(features, tfds.features.FeaturesDict) or not (
            isinstance(features.get(key), kind)
        ):
            raise ValueError(
                f"A data set for image classification must have an `image` "
                f"and a class `label`. Received in {name!r}: {features!r}. "
                "Write the images to files and load them as `folder:<path>`."
            )
    del found
