"""Volumes of a prepared TFDS split: `Tensor` features of one size.

They are decoded here, not by TFDS: compressed bytes may claim to be a few and
become many.
"""

import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from fred_tf.datasets import encoded_images
from fred_tf.datasets.pictures import Header

# How values of each type become those of images: bytes stay, and truth values
# and levels of 16 bits have a highest value.
_KINDS = ("bool", "uint8", "uint16", "float16", "float32", "float64")
# What TFDS calls the encoding.
_COMPRESSED = "zlib"


def is_volume(feature: Any) -> bool:
    """Returns whether a feature is a `Tensor`, and no picture.

    An `Image` of TFDS is none.
    """
    return isinstance(feature, tfds.features.Tensor) and not isinstance(
        feature, tfds.features.Image
    )


def shape_of(feature: tfds.features.Tensor) -> tuple[int, ...]:
    """Returns `[depth, height, width, channels]` of a feature.

    Without channels there is one. Three axes of which the last is as short as
    channels are, and two, are those of a picture that lies there as numbers.
    """
    shape = tuple(feature.shape)
    has_channels = len(shape) == 4 or (len(shape) == 3 and shape[-1] in (1, 3))
    return shape if has_channels else (*shape, 1)


def check(name: str, feature: tfds.features.Tensor) -> None:
    """Refuses tensors that are no images or volumes of one size.

    Raises:
        ValueError: sizes are missing or too large, axes are too few or too
            many, or values of this type have no highest.
    """
    shape, kind = feature.shape, np.dtype(feature.np_dtype).name
    if not 2 <= len(shape) <= 4 or None in shape or kind not in _KINDS:
        raise ValueError(
            "A `Tensor` that holds volumes must be [depth, height, width] or "
            "[depth, height, width, channels], of sizes that are declared and "
            f"of one of {', '.join(_KINDS)}. Received in {name!r}: {shape} of "
            f"{kind}. Write arrays to a .npz file and load them as "
            "`file:<path>`."
        )


def header(feature: tfds.features.Tensor) -> Header:
    """Returns what each volume is, as pictures say it of themselves."""
    *_, height, width, channels = shape_of(feature)
    kind = np.dtype(feature.np_dtype)
    return Header(height, width, channels == 1, kind not in (bool, np.uint8))


def decoder(
    feature: tfds.features.Tensor,
) -> Callable[[Any, str], np.ndarray]:
    """Returns what makes one volume, uint8 or float32, of what is stored.

    It is called with what lies in an example, numbers or bytes, and with what
    to call it in messages, and raises ValueError where that does not hold what
    the feature claims.
    """
    shape, kind = shape_of(feature), np.dtype(feature.np_dtype)
    size = math.prod(shape) * kind.itemsize
    compressed = feature.to_json_content().encoding == _COMPRESSED

    def decode(stored: Any, where: str) -> np.ndarray:
        if isinstance(stored, bytes):
            if compressed:
                stored = _decompressed(stored, size, where)
            if len(stored) != size:
                raise ValueError(
                    f"A volume must have {size:,} bytes. Received: "
                    f"{len(stored):,} or more in {where}."
                )
            values = np.frombuffer(stored, kind).reshape(shape)
        else:
            values = np.asarray(stored).astype(kind).reshape(shape)
        if kind.kind == "b":
            return values * np.uint8(255)
        return encoded_images.scaled(values)

    return decode


def brightened(volume: np.ndarray, highest: float) -> np.ndarray:
    """Returns a volume of a split whose bytes are all 0 or 1 as 0 and 255.

    Such bytes are truth values: occupied or not.

    Args:
        volume: of the split.
        highest: the highest value of the whole split.
    """
    if volume.dtype == np.uint8 and highest <= 1:
        return volume * np.uint8(255)
    return volume


def _decompressed(stored: bytes, size: int, where: str) -> bytes:
    """Returns `size` bytes, and one more if there are more."""
    try:
        return zlib.decompressobj().decompress(stored, size + 1)
    except zlib.error as error:
        raise ValueError(
            f"A volume must be compressed by zlib. Received: {len(stored):,} "
            f"bytes in {where} ({error})."
        ) from error
