"""What is done to images before anything else sees them: size and colour."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf.datasets.class_lists import names
from fred_tf.datasets.pictures import on_white
from fred_tf.settings import check_one_of, check_types

RESIZES = ("crop", "squash")
COLOURS = ("as_is", "grey", "rgb")
# What counts only where images are resized.
_OF_RESIZING = ("resize", "antialias", "enlarge")


@dataclasses.dataclass(frozen=True)
class Preparation:
    """How images of any size become images of one size.

    Resizing is bilinear with pixel centres at halves, as in PyTorch. The
    subsets A to E of ImageNet in the papers are made with `crop`, those from
    Nette to Squawk with `squash`, both without antialiasing (Cazenavette et al.
    2022; Shin et al. 2023, code). 8 bits stay 8 bits, rounded.

    Attributes:
        image_size: side of the square that images become; 0 leaves them as
            they are, and they must all have the same size.
        resize: `crop` brings the shorter side to `image_size` and takes the
            middle; `squash` takes the whole picture and loses its aspect.
        antialias: whether making smaller averages over what it skips.
        enlarge: whether smaller images may be made larger; if not, they are
            refused.
        colour: `as_is` keeps grey images grey, unless some have colour, when
            all become RGB; `grey` and `rgb` make them so.
        classes: which classes, joined by commas, in this order: names, or
            indices among those of the data set; or the name of a list in
            `CLASS_LISTS`. Empty takes all.
        skip_corrupt: whether images that cannot be decoded are left out, and
            counted, instead of being refused.
    """

    image_size: int = 0
    resize: str = "crop"
    antialias: bool = True
    enlarge: bool = False
    colour: str = "as_is"
    classes: str = ""
    skip_corrupt: bool = False

    def __post_init__(self):
        check_types(self)
        if not 0 <= self.image_size <= 4096:
            raise ValueError(
                "`image_size` must lie in [0, 4096]; 0 leaves images as they "
                f"are. Received: {self.image_size}."
            )
        check_one_of("resize", self.resize, RESIZES)
        check_one_of("colour", self.colour, COLOURS)
        given = self.to_json()
        idle = {name: given[name] for name in _OF_RESIZING if name in given}
        if idle and not self.image_size:
            raise ValueError(
                f"{', '.join(f'`{name}`' for name in _OF_RESIZING)} count only "
                "where images are brought to an `image_size`. Received: "
                f"{idle} without it. Give `image_size`, or leave them out."
            )

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "Preparation":
        """Returns what facts of data say was done; undoes `to_json`.

        What they say besides, e.g. how many images were left out, is passed
        over.
        """
        fields = {field.name for field in dataclasses.fields(cls)}
        return cls(**{k: v for k, v in described.items() if k in fields})

    def to_json(self) -> dict[str, Any]:
        """Returns what differs from leaving images as they are."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }

    def known(
        self, image_shape: Sequence[int], classes: int
    ) -> tuple[tuple[int, ...], int]:
        """Returns the shape of images and number of classes that will be.

        Args:
            image_shape: `(height, width, channels)` before.
            classes: how many there are before.
        """
        side, (height, width, channels) = self.image_size, image_shape
        if self.colour != "as_is":
            channels = 1 if self.colour == "grey" else 3
        return (
            (side or height, side or width, channels),
            len(names(self.classes)) or classes,
        )

    def check(self, height: int, width: int, where: object) -> None:
        """Refuses an image that is smaller than what is asked for.

        Raises:
            ValueError: it is.
        """
        if min(height, width) < self.image_size and not self.enlarge:
            raise ValueError(
                "Images must be at least as large as `image_size` "
                f"({self.image_size}). Received: {height} x {width} in "
                f"{where}. Lower `image_size`, or allow `enlarge`."
            )

    def __call__(
        self,
        image: np.ndarray,
        channels: int | None = None,
        where: object = "an image",
    ) -> np.ndarray:
        """Returns one image as it is to be.

        Args:
            image: `[height, width, channels]`, uint8 or float32 in [0, 1].
            channels: 1 or 3, what all images are to have; None leaves them.
            where: what to call it in messages.

        Raises:
            ValueError: it is smaller than `image_size`, or has more channels
                than become grey or RGB.
        """
        if channels is not None:
            image = _coloured(image, channels, where)
        if not self.image_size:
            return image
        height, width = image.shape[:2]
        self.check(height, width, where)
        size = resized_to(height, width, self.image_size, self.resize)
        if size != (height, width):
            image = _resized(image, size, self.antialias)
        return _middle(image, self.image_size)

    def channels(self, grey: Sequence[bool]) -> int:
        """Returns how many channels all images are to have.

        Args:
            grey: of each image, whether it has one channel.
        """
        if self.colour == "as_is":
            return 1 if all(grey) else 3
        return 1 if self.colour == "grey" else 3


def resized_to(
    height: int, width: int, side: int, resize: str
) -> tuple[int, int]:
    """Returns the height and width to resize to, before the middle is taken."""
    if resize == "squash":
        return side, side
    shorter = min(height, width)
    # As torchvision: the longer side is rounded down.
    return (
        max(side, math.floor(side * height / shorter)),
        max(side, math.floor(side * width / shorter)),
    )


def _resized(
    image: np.ndarray, size: tuple[int, int], antialias: bool
) -> np.ndarray:
    pixels = tf.image.resize(image, size, antialias=antialias).numpy()
    if image.dtype == np.uint8:
        return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return np.clip(pixels, 0, 1)


def _middle(image: np.ndarray, side: int) -> np.ndarray:
    # As torchvision: halves go to the even number.
    top, left = (round((n - side) / 2) for n in image.shape[:2])
    return image[top : top + side, left : left + side]


# ITU-R BT.601, as in most image libraries.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def _coloured(image: np.ndarray, channels: int, where: object) -> np.ndarray:
    image = on_white(image)
    if image.shape[-1] == channels:
        return image
    if image.shape[-1] not in (1, 3):
        raise ValueError(
            "Images that are made grey or RGB must have from 1 to 4 channels, "
            f"the last of 2 or 4 an alpha. Received: {image.shape[-1]} in "
            f"{where}. Take `colour` 'as_is'."
        )
    if channels == 3:
        return np.repeat(image, 3, axis=-1)
    grey = (image.astype(np.float32) @ _LUMA)[..., None]
    if image.dtype == np.uint8:
        grey = np.rint(grey).astype(np.uint8)
    return grey
