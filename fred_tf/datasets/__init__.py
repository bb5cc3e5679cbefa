"""Real images: where they come from and how they are handed out."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from absl import logging

from fred_tf.datasets import names
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.datasets.data_facts import HELD_OUT, DataFacts
from fred_tf.datasets.dataset_spec import KNOWN, DatasetSpec, base_name
from fred_tf.datasets.disk_images import DiskImages
from fred_tf.datasets.holdout import held_out
from fred_tf.datasets.image_data import ImageData, Split
from fred_tf.datasets.preparation import Preparation
from fred_tf.datasets.preparing import Prepared, prepared
from fred_tf.datasets.sources import (
    IN_MEMORY,
    SOURCES,
    Asked,
    Source,
    source_of,
)
from fred_tf.disk import paths
from fred_tf.disk.files import Path
from fred_tf.normalizations import NORMALIZATIONS, Normalization
from fred_tf.settings import argument, check_one_of, check_share, check_type

__all__ = [
    "KNOWN",
    "ClassBatches",
    "DataFacts",
    "DatasetSpec",
    "ImageData",
    "Preparation",
    "SOURCES",
    "Source",
    "Split",
    "load",
]

# Nothing is done to images.
AS_THEY_ARE = Preparation()
# What no byte of a set exceeds that looks as if it were of fewer bits.
_DARK = 64


def as_data(data: ImageData | Any) -> ImageData:
    """Returns data that are loaded as they are, and `load`s anything else."""
    return data if isinstance(data, ImageData) else load(data)


def load(
    source: Any,
    data_dir: Path | None = None,
    download: bool = False,
    holdout: float = 0.0,
    name: str | None = None,
    normalization: str = "standardize",
    class_names: Sequence[str] | np.ndarray | None = None,
    preparation: Preparation = AS_THEY_ARE,
) -> ImageData:
    """Reads a data set; what is too much for memory stays on the disk.

    ```python
    load("digits")  # comes with scikit-learn
    load("folder:photos", preparation=Preparation(64))  # photos/<class>/*
    load("cifar10", data_dir="~/tensorflow_datasets")
    load((images, labels))  # or ((images, labels), (images, labels)) with test
    load(dataset)  # a tf.data.Dataset of (image, label), or a pair with test
    ```

    Sets in `KNOWN` are standardised with its constants while images are as they
    come; all else is fitted on the training split without what is held out.

    Args:
        source: `digits`, `folder:<path>`, `file:<path>`, a TensorFlow Datasets
            name `name[/config][:version]`, arrays, or `tf.data` pipelines.
        data_dir: where paths begin, and TensorFlow Datasets keeps its data;
            None for the working folder, and its default
            ~/tensorflow_datasets.
        download: whether TensorFlow Datasets may download a missing set.
        holdout: share of the training images of each class that replaces the
            test split, to choose settings by; 0 leaves the splits as they are.
        name: what data in memory are called; others have their own.
        normalization: a name in `NORMALIZATIONS`.
        class_names: what the classes of data in memory are called, in the
            order of their labels; by default their numbers.
        preparation: what is done to the images: size, colour, classes.

    Raises:
        FileNotFoundError: the files are missing; no network is touched unless
            `download` is True.
        OSError: the files are damaged.
        ValueError: the name is unknown, or of other data; `paths.checked`
            refuses `data_dir`; or the data do not suit image classification,
            see `tfds_images.read`, `image_folder.read`, `arrays.read`,
            `preparing.prepared`, `Split` and `ImageData`.
        TypeError: a source or an argument is of another kind.
    """
    holdout = _share(holdout)
    check_type("preparation", preparation, Preparation)
    check_one_of("normalization", normalization, NORMALIZATIONS)
    called, reader = _called(name), source_of(source)
    folder = paths.optional_folder(data_dir, "data_dir")
    if isinstance(source, str):
        _refuse_names(source, name=name, class_names=class_names)
        called, folder = names.located(source, data_dir)
        source = called
    found = reader.read(Asked(source, folder, download, preparation))
    named = _class_names(class_names, found.class_names)
    found = dataclasses.replace(found, class_names=named)
    done = prepared(found, preparation, hold_back=not holdout)
    train, test, tested_on = done.train, done.test, done.tested_on
    if holdout:  # Instead of a test split, whatever that is like.
        train, test = held_out(train, done.class_names, holdout)
        tested_on = HELD_OUT
    fitted = _published(source, _known(called, done, preparation), done)
    if fitted is None or fitted.name != normalization:
        fitted = NORMALIZATIONS[normalization].fit(train.images)
    _tell(called, train, test)
    return ImageData(
        called,
        train,
        test,
        done.class_names,
        fitted,
        holdout,
        preparation=done.preparation,
        tested_on=tested_on,
        data_dir=folder,
    )


def _share(holdout: float) -> float:
    """Returns a share that is held out, as Python's own."""
    share = argument("holdout", holdout, float)
    check_share("holdout", share, "a share of the training images")
    return share


def _called(name: str | None) -> str:
    """Returns what data in memory are called."""
    if name is not None:
        check_type("name", name, str)
    return name or IN_MEMORY


def _tell(name: str, train: Split, test: Split | None) -> None:
    logging.info("%s, to train on: %s.", name, train)
    if test is not None:
        logging.info("%s, to test on: %s.", name, test)
    # One bright image is enough: mostly the first block tells.
    blocks = DiskImages(train.images).blocks()
    if train.images.dtype == np.uint8 and all(b.max() < _DARK for b in blocks):
        logging.warning(
            "%s holds images of bytes whose brightest value is below %d of "
            "255: they are hardly more than black. If they are of fewer bits, "
            "e.g. 0 and 1, multiply them.",
            name,
            _DARK,
        )


def _known(
    name: str, done: Prepared, preparation: Preparation
) -> DatasetSpec | None:
    """Returns what is known of a data set by its name, which it must be.

    Raises:
        ValueError: the set is called like a known one, and is another.
    """
    spec = KNOWN.get(base_name(name))
    if spec is None:
        return None
    wanted = preparation.known(spec.image_shape, spec.classes)
    given = done.train.images.shape[1:], len(done.class_names)
    if given != wanted:
        raise ValueError(
            f"{name!r} must have images {wanted[0]} of {wanted[1]} classes. "
            f"Received: {given[0]} of {given[1]}. Give a data set of your own "
            "another name."
        )
    return spec


def _published(
    source: Any, spec: DatasetSpec | None, done: Prepared
) -> Normalization | None:
    """Returns the published constants of a set, if they are of its images."""
    # Looking for damage changes nothing where there is none.
    as_is = not set(done.preparation) - {"skip_corrupt"}
    is_named = isinstance(source, str)
    return spec.normalization if spec and is_named and as_is else None


def _refuse_names(source: str, **given: Any) -> None:
    """Refuses arguments that only data in memory take."""
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"`{name}` is for data in memory; others have their own. "
                f"Received: {value!r} for {source!r}. Leave it out."
            )


def _class_names(
    given: Sequence[str] | np.ndarray | None, own: tuple[str, ...]
) -> tuple[str, ...]:
    """Returns the names of classes, given ones of data in memory."""
    if given is None:
        return own
    # Sets have no order.
    listed = isinstance(given, Sequence) or getattr(given, "ndim", 0) == 1
    if not listed or isinstance(given, str) or len(given) < len(own):
        raise ValueError(
            f"`class_names` must name each of {len(own)} classes, in the order "
            f"of their labels. Received: {given!r}. Give a list with a name "
            "for each."
        )
    # NumPy has text of its own, which does not stand in code as a name does.
    return tuple(str(x) if isinstance(x, str) else x for x in given)
