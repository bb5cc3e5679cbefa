"""How decoded images are stored in records: exact, half as long, or to see."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from fred_tf.normalizations import Normalization

Arrays = Mapping[str, np.ndarray]


class Encoding(abc.ABC):
    """Images to the features of an example, and back.

    Attributes:
        loss: what is lost, in words for the user.
        lossy: whether anything is.
        description: what the stored images are and how pixels come of them,
            in words for the user.
    """

    loss: str
    lossy: bool = True
    description: str = (
        "They are normalised and may leave the range of real images: pixels "
        "in [0, 1] units are image * deviation + mean, both in `normalization` "
        "of the metadata."
    )

    def fits(self, shape: Sequence[int]) -> bool:
        """Says whether images of `shape` can be stored so."""
        return True

    @abc.abstractmethod
    def features(self, shape: Sequence[int]) -> dict[str, Any]:
        """Returns the TFDS features of an image of `shape`.

        Raises:
            ValueError: images of this shape cannot be stored so.
        """

    @abc.abstractmethod
    def encode(
        self, images: np.ndarray, normalization: Normalization
    ) -> Arrays:
        """Returns arrays `[n, ...]`, one per feature, of normalised images."""

    @abc.abstractmethod
    def decode(
        self, arrays: Arrays, normalization: Normalization
    ) -> np.ndarray:
        """Returns normalised float32 images `[n, height, width, channels]`."""


class Float32(Encoding):
    """Normalised images bit for bit, as a list of floats."""

    loss = "nothing"
    lossy = False

    def features(self, shape):
        return {"image": tfds.features.Tensor(shape=shape, dtype=np.float32)}

    def encode(self, images, normalization):
        return {"image": images}

    def decode(self, arrays, normalization):
        return arrays["image"]


class Float16(Encoding):
    """Normalised images in half the bytes, at 11 bits of precision."""

    loss = "a 2,048th of each value"

    def features(self, shape):
        return {
            "image": tfds.features.Tensor(
                shape=shape, dtype=np.float16, encoding="bytes"
            )
        }

    def encode(self, images, normalization):
        largest = np.abs(images).max()
        if largest > np.finfo(np.float16).max:
            raise ValueError(
                "`float16` holds values up to 65,504. Received: "
                f"{largest:.4g}. Export `float32`."
            )
        return {"image": images.astype(np.float16)}

    def decode(self, arrays, normalization):
        return arrays["image"].astype(np.float32)


class Png(Encoding):
    """Pictures of 8 bits, for viewers and for pipelines that expect uint8.

    Distilled pixels leave [0, 1]; clipping them would lose what is distilled.
    So each record has its own range: pixel = low + image / 255 * (high - low)
    in [0, 1] units, where [low, high] covers the image and [0, 1].
    """

    loss = "a 510th of each image's range of values"
    description = (
        "Each is a picture of its own range of values: pixels in [0, 1] units, "
        "which they may leave, are low + image / 255 * (high - low); nothing "
        "else is to be undone. Networks take (pixel - mean) / deviation, both "
        "in `normalization` of the metadata."
    )

    def fits(self, shape):
        return len(shape) == 3 and shape[-1] in (1, 3)

    def features(self, shape):
        if not self.fits(shape):
            raise ValueError(
                "`png` stores images [height, width, channels] with one "
                f"channel or three. Received: {tuple(shape)}. Export "
                "`float16`."
            )
        return {
            "image": tfds.features.Image(
                shape=shape, dtype=np.uint8, encoding_format="png"
            ),
            "low": np.float32,
            "high": np.float32,
        }

    def encode(self, images, normalization):
        pixels = normalization.undo(images)
        low = np.minimum(pixels.min(axis=(1, 2, 3)), 0)
        high = np.maximum(pixels.max(axis=(1, 2, 3)), 1)
        span = (high - low)[:, None, None, None]
        levels = np.rint(255 * (pixels - low[:, None, None, None]) / span)
        return {"image": levels.astype(np.uint8), "low": low, "high": high}

    def decode(self, arrays, normalization):
        low, high = (
            arrays[name][:, None, None, None] for name in ("low", "high")
        )
        pixels = low + arrays["image"].astype(np.float32) / 255 * (high - low)
        return normalization(pixels)


ENCODINGS = {"float32": Float32(), "float16": Float16(), "png": Png()}
