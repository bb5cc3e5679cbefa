"""Sets that other methods made, from arrays of images and labels."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from fred_tf import datasets
from fred_tf.datasets import ImageData
from fred_tf.disk.paths import Path, checked
from fred_tf.foreign import array_file
from fred_tf.foreign.meaning import check_finite, soft_labels_of, values_of
from fred_tf.normalizations import Normalization, Standardize, unit_range
from fred_tf.synthetic_set import PROBABILITIES, SCORES, SyntheticSet

# Values of all images: 1 GiB as float32.
_MOST_VALUES = 2**28
_IN_WORDS = {
    "bytes": "pixels from 0 to 255",
    "unit": "pixels in [0, 1] units",
    "normalized": "normalised pixels",
}


@dataclasses.dataclass(frozen=True, eq=False)
class ForeignArrays:
    """Images and labels of somebody else, and what they mean.

    Attributes:
        images: `[n, height, width, channels]`, `[n, height, width]`, or volumes
            with a depth before the height; uint8 or floating point.
        labels: integers `[n]`, where i is class i of the data set; or soft
            ones, `[n, classes]`.
        values: what images hold, one of `VALUES`: `"bytes"`, pixels from 0 to
            255; `"unit"`, pixels in [0, 1] units, which distilled ones may
            leave; or `"normalized"`, as networks saw them. Of uint8 it is
            `"bytes"`; floating point has to say it.
        channels_first: whether images are `[n, channels, height, width]`.
        soft_labels: what soft labels are, one of `SOFT_LABELS`: rows that sum
            to 1 are `"probabilities"`; of others it is to be said: `"scores"`,
            which are regressed on, or `"logits"`, whose softmax is taken.
        mean, deviation: a number per channel in [0, 1] units, by which
            normalised images were standardised; if empty it was done as the
            data are normalised.
        source: what to call the arrays.

    Raises:
        ValueError: a shape, type or value is not as stated, or something is to
            be said.
    """

    images: np.ndarray
    labels: np.ndarray
    values: str | None = None
    channels_first: bool = False
    soft_labels: str | None = None
    mean: Sequence[float] = ()
    deviation: Sequence[float] = ()
    source: str = "arrays"

    @classmethod
    def read(cls, path: Path, **said: Any) -> Self:
        """Reads a `.npz` file; see `array_file.read`.

        Args:
            path: the file.
            **said: what its arrays mean: the other attributes.
        """
        images, labels = array_file.read(path)
        return cls(images, labels, **said, source=checked(path).name)

    def __post_init__(self):
        set_field = object.__setattr__
        images, labels = np.asarray(self.images), np.asarray(self.labels)
        _check_images(images, self.channels_first, self.source)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        _check_labels(labels, len(images), self.source)
        values = values_of(images, self.values, self.source)
        kind = soft_labels_of(labels, self.soft_labels, self.source)
        if self.channels_first:
            images = np.moveaxis(images, 1, -1)
        set_field(self, "images", images)
        set_field(self, "labels", labels)
        set_field(self, "values", values)
        set_field(self, "soft_labels", kind)
        for name in ("mean", "deviation"):
            set_field(self, name, _numbers(name, getattr(self, name)))
        if (self.mean or self.deviation) and values != "normalized":
            raise ValueError(
                "`mean` and `deviation` are of images whose `values` are "
                f"'normalized'. Received: {values!r}. Leave them out."
            )

    def as_set(self, data: ImageData) -> SyntheticSet:
        """Returns the set as it stands for some data, normalised.

        Args:
            data: what is to score it; label i means its class i.

        Raises:
            ValueError: shape or classes are not those of the data.
        """
        images = self._of_shape(data)
        own: Normalization = data.normalization
        if self.mean or self.deviation:
            own = Standardize(tuple(self.mean), tuple(self.deviation))
        if self.values == "bytes" and images.dtype != np.uint8:
            images = images.astype(np.float32) / np.float32(255)
        if self.values != "normalized":
            images = own(unit_range(images))
        labels, soft = self._of_classes(data)
        return SyntheticSet(
            images=images,
            labels=labels,
            class_names=data.class_names,
            normalization=own,
            dataset=data.name,
            floats_stored=images.size + (0 if soft is None else soft.size),
            details={
                "method": "foreign",
                "source": self.source,
                "meaning": self.told,
            },
            soft_labels=soft,
            label_kind=SCORES if self.soft_labels == SCORES else PROBABILITIES,
        )

    @property
    def told(self) -> str:
        """What the arrays are taken for, in words."""
        low, high = float(self.images.min()), float(self.images.max())
        means = _IN_WORDS[str(self.values)]
        if self.mean:
            means += f" by mean {self.mean} and deviation {self.deviation}"
        return (
            f"{self.images.dtype} {means}, {low:.3g} to {high:.3g}; labels are "
            f"{self.soft_labels or 'classes'}"
        )

    def _of_shape(self, data: ImageData) -> np.ndarray:
        """Returns the images, with an axis for channels where it lacks."""
        images, wanted = self.images, data.image_shape
        if wanted[-1] == 1 and images.shape[1:] == wanted[:-1]:
            images = images[..., None]
        if images.shape[1:] == wanted:
            return images
        way_out = "Give the data set that they stand for."
        if (*images.shape[2:], images.shape[1]) == wanted:
            way_out = (
                "Their channels seem to be first: say so by `channels_first` "
                "(--channels_first)."
            )
        raise ValueError(
            f"Images must be {list(wanted)}, as those of {data.name!r}. "
            f"Received: {list(images.shape[1:])} in {self.source}. {way_out}"
        )

    def _of_classes(
        self, data: ImageData
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns classes, and soft labels where there are any."""
        if self.soft_labels is None:
            found = np.unique(self.labels)
            if not np.array_equal(found, np.arange(data.classes)):
                raise ValueError(
                    f"`labels` must be the classes 0 to {data.classes - 1} of "
                    f"{data.name!r}, each at least once. Received: "
                    f"{len(found)} classes from {found[0]} to {found[-1]} in "
                    f"{self.source}. Give the data set that they stand for; "
                    "`preparation.classes` chooses some of its classes."
                )
            return self.labels, None
        if self.labels.shape[1] != data.classes:
            raise ValueError(
                f"Soft labels must be [n, {data.classes}], a number for each "
                f"class of {data.name!r}. Received: {self.labels.shape} in "
                f"{self.source}. Give the data set that they stand for."
            )
        soft = self.labels.astype(np.float64)
        if self.soft_labels == "logits":
            soft = np.exp(soft - soft.max(-1, keepdims=True))
            soft /= soft.sum(-1, keepdims=True)
        return soft.argmax(-1), soft.astype(np.float32)


def foreign_set(
    source: Path | tuple[Any, Any], data: ImageData | Any, **said: Any
) -> SyntheticSet:
    """Returns a set of somebody else, to be scored as others are.

    ```python
    theirs = fred_tf.foreign_set("theirs.npz", data, values="unit")
    print(fred_tf.evaluate(theirs, data, "dm"))
    ```

    Args:
        source: a `.npz` file, or `(images, labels)`.
        data: from `load_data`, or what that takes; the set stands for it.
        **said: what the arrays mean: `values`, `channels_first`,
            `soft_labels`, `mean` and `deviation` of `ForeignArrays`.

    Raises:
        FileNotFoundError: there is no such file.
        TypeError: an argument is of another kind.
        ValueError: the file is none of arrays, see `array_file.read`; or they
            do not fit the data, or say too little, see `ForeignArrays`.
    """
    if isinstance(source, tuple | list):
        if len(source) != 2:
            raise ValueError(
                "`source` must be a pair of images and labels. Received: "
                f"{len(source)} of {type(source).__name__}. Give "
                "`(images, labels)`, or a `.npz` file."
            )
        arrays = ForeignArrays(*source, **said)
    elif not isinstance(source, Path):
        raise TypeError(
            "`source` must be a `.npz` file, or a pair of images and labels. "
            f"Received: {type(source).__name__}. Give its path, or `(images, "
            "labels)`."
        )
    else:
        arrays = ForeignArrays.read(source, **said)
    return arrays.as_set(datasets.as_data(data))


def _numbers(name: str, given: Sequence[float]) -> tuple[float, ...]:
    """Returns what was given of each channel as Python's own numbers."""
    try:
        return tuple(map(float, given))
    except (TypeError, ValueError):
        raise TypeError(
            f"`{name}` must be a list with a number for each channel. "
            f"Received: {given!r:.80}. Give one, e.g. [0.5]."
        ) from None


def _check_images(
    images: np.ndarray, channels_first: bool, source: str
) -> None:
    if images.ndim not in (3, 4, 5) or not images.size:
        raise ValueError(
            "`images` must be [n, height, width, channels] or [n, height, "
            "width], of volumes with a depth before. Received: shape "
            f"{images.shape} in {source}."
        )
    if images.size > _MOST_VALUES:
        raise ValueError(
            f"`images` must have at most {_MOST_VALUES:,} values. Received: "
            f"{images.size:,} in {source}. Score a part of them."
        )
    if channels_first and images.ndim < 4:
        raise ValueError(
            "`channels_first` is of images with an axis for channels. "
            f"Received: shape {images.shape} in {source}. Leave it out."
        )


def _check_labels(labels: np.ndarray, count: int, source: str) -> None:
    hard = labels.ndim == 1 and labels.dtype.kind in "iu"
    soft = labels.ndim == 2 and labels.dtype.kind in "iuf"
    if not (hard or soft) or len(labels) != count:
        raise ValueError(
            "`labels` must be integers [n], or numbers [n, classes], a row for "
            f"each image ({count}). Received: {labels.dtype} {labels.shape} in "
            f"{source}. Convert classes with `labels.astype('int64')`."
        )
    check_finite("labels", labels, source)
