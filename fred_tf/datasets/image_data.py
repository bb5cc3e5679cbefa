"""Labelled images, in memory or on the disk, checked where they enter."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import logging

from fred_tf.datasets import names
from fred_tf.datasets.data_facts import TEST, DataFacts
from fred_tf.datasets.disk_images import DiskImages, Images
from fred_tf.disk.arrays import digest
from fred_tf.normalizations import Normalization
from fred_tf.settings import check_class_names


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Images with labels.

    Attributes:
        images: `[n, height, width, channels]`, uint8, or float32 in [0, 1];
            voxels have a depth before the height. Other floating-point types
            are converted to float32. What is too much for memory is on the
            disk, see `DiskImages`.
        labels: int32 `[n]`, not negative. Other integer types are converted.

    Raises:
        ValueError: the arrays are not as stated above.
    """

    images: Images
    labels: np.ndarray

    def __post_init__(self):
        images, labels = self.images, np.asarray(self.labels)
        if not isinstance(images, DiskImages):
            images = np.asarray(images)
        _check_layout(images)
        _check_pixels(images)
        _check_labels(labels, len(images))
        if images.dtype != np.uint8 and not isinstance(images, DiskImages):
            images = images.astype(np.float32, copy=False)
        labels = labels.astype(np.int32, copy=False)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __str__(self) -> str:
        shape = " x ".join(map(str, self.images.shape[1:]))
        where = "memory"
        if isinstance(self.images, DiskImages):
            where = "a file, of which memory holds what is read"
        size = self.images.nbytes / 1e6
        return f"{len(self):,} images, {shape}, {size:,.1f} MB in {where}"

    def only(self, members: np.ndarray) -> "Split":
        """Returns some images, by index or by truth."""
        if isinstance(self.images, DiskImages):
            return Split(self.images.only(members), self.labels[members])
        return Split(self.images[members], self.labels[members])

    def indices_of(self, label: int) -> np.ndarray:
        """Returns the ascending indices of the images of one class."""
        return np.flatnonzero(self.labels == label)

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of images and labels, see `arrays.digest`."""
        return digest(self.images, self.labels)


@dataclasses.dataclass(frozen=True, eq=False)
class ImageData:
    """A data set for image classification.

    Attributes:
        dataset: what `datasets.load` was asked for.
        train: the training split; every class occurs in it.
        test: the test split; None if there is none. A class that it lacks is
            warned of.
        class_names: one name per class, two or more; label i means
            `class_names[i]`.
        normalization: maps pixels in [0, 1] to what networks see.
        holdout: share of the training images that stand for the test split.
        preparation: what was done to the images, see `DataFacts`.
        tested_on: what stands for the test split, see `DataFacts`.
        data_dir: the folder that the data set was found in; records for
            others do not state it.

    Raises:
        ValueError: the splits do not fit each other, the class names or the
            normalisation; a name is not fit for a line, see `names`; or there
            is one class only, or one that is tested.
    """

    dataset: str
    train: Split
    test: Split | None
    class_names: tuple[str, ...]
    normalization: Normalization
    holdout: float = 0.0
    preparation: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    tested_on: str = TEST
    data_dir: pathlib.Path | None = None

    def __post_init__(self):
        object.__setattr__(self, "class_names", tuple(self.class_names))
        check(self)

    @property
    def name(self) -> str:
        """The data set, and what is held out of it."""
        return names.with_holdout(self.dataset, self.holdout)

    @property
    def scored(self) -> Split:
        """The test split.

        Raises:
            ValueError: there is none.
        """
        if self.test is None:
            raise ValueError(
                "Networks are scored on test images. Received: "
                f"{self.name!r}, which has none. Load it with test images, or "
                "with a `holdout`."
            )
        return self.test

    @property
    def tested_classes(self) -> int:
        """Number of classes that occur in the test split."""
        return len(np.unique(self.scored.labels))

    @property
    def image_shape(self) -> tuple[int, ...]:
        """`(height, width, channels)`; of voxels with the depth before."""
        return self.train.images.shape[1:]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def normalized_train(self) -> Images:
        """The normalised training images, float32.

        Only rows that are read are normalised: all of bytes would take four
        times their room.
        """
        images = self.train.images
        if not isinstance(images, DiskImages):
            images = DiskImages(images)
        return images.map(self.normalization)

    def fit_of(self, normalization: Normalization) -> Normalization:
        """Returns a normalisation of a record with all it takes to be applied.

        Args:
            normalization: of what was made from these data.

        Raises:
            ValueError: it was fitted on other images.
        """
        if normalization == self.normalization:
            return self.normalization
        if normalization.is_fitted:
            return normalization
        return normalization.fitted(self.train.images)

    @functools.cached_property
    def facts(self) -> DataFacts:
        """What records state; the first time, all images are digested."""
        return DataFacts(
            self.name,
            self.image_shape,
            self.class_names,
            self.normalization,
            self.preparation,
            train=self.train.digest,
            test=None if self.test is None else self.test.digest,
            tested_on=self.tested_on,
        )


def check_classes(class_names: tuple[str, ...], place: str) -> None:
    """Refuses names of classes that no data set can have.

    Args:
        class_names: one per class.
        place: where they are, for the message.

    Raises:
        ValueError: one is no name, or there is no other to tell it from.
    """
    check_class_names(class_names)
    if len(class_names) < 2:
        raise ValueError(
            "There must be at least two classes to tell apart. Received: "
            f"{list(class_names)} in {place}. Add another class."
        )


def check(data: ImageData) -> None:
    """Raises ValueError unless the parts of `data` fit each other."""
    names.check_name("dataset", data.dataset)
    names.check_whole("dataset", data.dataset)
    check_classes(data.class_names, repr(data.name))
    for split, name in ((data.train, "train"), (data.test, "test")):
        if split is None:
            continue
        highest = split.labels.max()
        if highest >= data.classes:
            raise ValueError(
                f"Labels must lie in [0, {data.classes}), one per class name. "
                f"Received: {highest} in the {name} split of {data.name!r}. "
                "Number the classes from 0 without gaps."
            )
    missing = np.setdiff1d(np.arange(data.classes), data.train.labels)
    if missing.size:
        raise ValueError(
            "Every class must occur in the train split. Received: no image of "
            f"{_listed(data, missing)} in {data.name!r}. Add images, or leave "
            "these classes out and number the others from 0 without gaps."
        )
    tested = data.train if data.test is None else data.test
    shapes = data.train.images.shape[1:], tested.images.shape[1:]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "Training and test images must have the same shape. Received: "
            f"{shapes[0]} and {shapes[1]} in {data.name!r}. Resize one split."
        )
    data.normalization.check(shapes[0])
    if data.test is not None:
        _check_tested(data)


def _check_tested(data: ImageData) -> None:
    """Warns of classes without test images, and refuses to test one alone."""
    missing = np.setdiff1d(np.arange(data.classes), data.scored.labels)
    if data.tested_classes < 2:
        raise ValueError(
            "The test split must have images of at least two classes. "
            f"Received: none of {_listed(data, missing)} in {data.name!r}. Add "
            "test images, or load it with a `holdout`."
        )
    if missing.size:
        logging.warning(
            "The test split of %r has NO image of %s: accuracies are over %d "
            "of %d classes.",
            data.name,
            _listed(data, missing),
            data.tested_classes,
            data.classes,
        )


def _listed(data: ImageData, labels: np.ndarray) -> str:
    return ", ".join(repr(data.class_names[label]) for label in labels)


def _check_layout(images: np.ndarray) -> None:
    shape = images.shape
    if len(shape) not in (4, 5) or 0 in shape or shape[-1] == 2:
        raise ValueError(
            "`images` must be [n, height, width, channels], or [n, depth, "
            "height, width, channels], with at least one image and with 1, 3 "
            f"or more channels. Received: shape {shape}."
        )
    if shape[1] in (1, 3) and shape[-1] not in (1, 3):
        raise ValueError(
            "`images` must have their channels last. Received: shape "
            f"{shape}, which looks like [n, channels, height, width]. "
            "Transpose with `np.moveaxis(images, 1, -1)`."
        )


def _check_pixels(images: np.ndarray) -> None:
    if images.dtype == np.uint8:
        return
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            "`images` must be uint8, or floating point in [0, 1]. Received: "
            f"dtype {images.dtype}. Make pixels from 0 to 255 uint8, and "
            "divide others by the largest value that their bits can hold, "
            "65535 of uint16."
        )
    if isinstance(images, DiskImages):
        for block in images.blocks():
            _check_pixels(block)
        return
    # NaN and infinities survive minimum and maximum.
    low, high = images.min(), images.max()
    if not np.isfinite([low, high]).all():
        raise ValueError(
            "`images` must be finite. Received: "
            f"{np.count_nonzero(~np.isfinite(images))} NaN or infinite values."
        )
    if low < 0 or high > 1:
        raise ValueError(
            "Floating-point `images` must lie in [0, 1]. Received: "
            f"{low!s} to {high!s}. Divide pixels by 255, or pass them as "
            "uint8; undo any standardisation."
        )


def _check_labels(labels: np.ndarray, images: int) -> None:
    if labels.shape != (images,):
        raise ValueError(
            f"`labels` must be [n], one per image ({images}). Received: "
            f"shape {labels.shape}. Give one for each; of one-hot rows take "
            "`labels.argmax(1)`."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"`labels` must be integers. Received: dtype {labels.dtype}. "
            "Number the classes from 0; `class_names` names them."
        )
    if labels.min() < 0 or labels.max() > np.iinfo(np.int32).max:
        raise ValueError(
            "`labels` must be numbered from 0. Received: "
            f"{labels.min()} to {labels.max()}. Below 0 are usually images "
            "without labels: leave them out."
        )
