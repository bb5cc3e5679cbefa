"""How decoded images are stored in records: exact, half as long, or to see.

TFDS writes them by `features`, and others read them so. We parse what TFDS
wrote by `spec` and `parsed`, since it would import the classes that the file of
the features names.
"""

import abc
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from fred_tf.normalizations import Normalization

Arrays = Mapping[str, np.ndarray]


class Encoding(abc.ABC):
    """Images to the features of an example, and back.

    Attributes:
        loss: what is lost, in words for the user.
        lossy: whether anything is.
        description: what the stored images are and how pixels come of them,
            in words for the user; `{doing}` and `{undoing}` stand for those of
            the normalisation.
        arrays: Python that makes `images` as networks see them, or `pixels`,
            of `stored`, the features of all records; for people to copy.
    """

    loss: str
    lossy: bool = True
    description: str = (
        "They are normalised and may leave the range of real images: pixels "
        "in [0, 1] units are {undoing} of the metadata."
    )
    arrays: str = 'images = np.float32(stored["image"])'

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
    def spec(self, shape: Sequence[int]) -> dict[str, Any]:
        """Returns these features for `tf.io.parse_example`."""

    @abc.abstractmethod
    def parsed(
        self, examples: Mapping[str, tf.Tensor], shape: Sequence[int]
    ) -> Arrays:
        """Returns the arrays of `encode` from examples parsed by `spec`.

        Raises:
            ValueError, tf.errors.OpError: they are not of images of `shape`.
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

    def spec(self, shape):
        return {"image": tf.io.FixedLenFeature(shape, tf.float32)}

    def parsed(self, examples, shape):
        return {"image": examples["image"].numpy()}

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

    def spec(self, shape):
        return {"image": tf.io.FixedLenFeature([], tf.string)}

    def parsed(self, examples, shape):
        raw = b"".join(examples["image"].numpy())
        return {"image": np.frombuffer(raw, np.float16).reshape(-1, *shape)}

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


# What pictures of their own ranges are; `{where}` is where the ranges are said.
RANGED = (
    "Each is a picture of its own range of values: pixels in [0, 1] units, "
    "which they may leave, are low + image / 255 * (high - low){where}; "
    "nothing else is to be undone. Networks take {doing}"
)


class Png(Encoding):
    """Pictures of 8 bits, for viewers and for pipelines that expect uint8.

    Distilled pixels leave [0, 1]; clipping them would lose what is distilled.
    So each record has its own range: pixel = low + image / 255 * (high - low)
    in [0, 1] units, where [low, high] covers the image and [0, 1].
    """

    loss = "a 510th of each image's range of values"
    description = RANGED.replace("{where}", "") + " of the metadata."
    arrays = """\
low, high = (stored[name][:, None, None, None] for name in ("low", "high"))
pixels = low + np.float32(stored["image"]) / 255 * (high - low)"""

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

    def spec(self, shape):
        return {
            "image": tf.io.FixedLenFeature([], tf.string),
            "low": tf.io.FixedLenFeature([], tf.float32),
            "high": tf.io.FixedLenFeature([], tf.float32),
        }

    def parsed(self, examples, shape):
        return {
            "image": unpictured(examples["image"].numpy(), shape),
            "low": examples["low"].numpy(),
            "high": examples["high"].numpy(),
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


# What a PNG file begins with (RFC 2083): its mark, then the chunk IHDR of
# width, height, bits, the kind of colours, and three numbers of methods.
_PNG = struct.Struct(">8sI4sIIBBBBB")
_COLOURS = {1: 0, 3: 2}


def pictures(levels: np.ndarray) -> list[bytes]:
    """Returns a PNG file of each of `levels`, uint8 `[n, height, ...]`."""
    return [tf.io.encode_png(image).numpy() for image in levels]


def unpictured(files: Iterable[bytes], shape: Sequence[int]) -> np.ndarray:
    """Undoes `pictures`, of files that whoever may have made.

    Raises:
        ValueError, tf.errors.OpError: one is no PNG of 8 bits and `shape`.
    """
    levels = []
    for picture in files:
        _check_png(picture, shape)
        levels.append(tf.io.decode_png(picture, shape[-1]).numpy())
    return np.stack(levels)


def _check_png(picture: bytes, shape: Sequence[int]) -> None:
    """Refuses a picture of another shape before anything decodes it."""
    height, width, channels = shape
    mark = b"\x89PNG\r\n\x1a\n"
    colours = _COLOURS[channels]
    wanted = (mark, 13, b"IHDR", width, height, 8, colours, 0, 0, 0)
    found = _PNG.unpack_from(picture) if len(picture) >= _PNG.size else None
    if found != wanted:
        raise ValueError(
            f"A picture must be a PNG of 8 bits and shape {list(shape)}. "
            f"Received: one that begins with {found}."
        )


ENCODINGS = {"float32": Float32(), "float16": Float16(), "png": Png()}
