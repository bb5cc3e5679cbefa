"""Real images as one picture of so many bytes: what bytes hold otherwise.

A file for each image would say the same 330 bytes before every one of them,
several times what a small image takes, so that all of a set lie side by side in
one: a header, and what JPEG or PNG makes of the rest. Classes follow each other
and have as many images, which is all that labels take. Nothing else is counted,
neither names nor a manifest.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf.coresets.coreset import coreset
from fred_tf.coresets.random_selection import Choice, select_random
from fred_tf.datasets.image_data import ImageData
from fred_tf.settings import check_least, check_one_of
from fred_tf.synthetic_set import SyntheticSet

ENCODINGS = ("jpeg", "png")
_FORMATS = {1: "grayscale", 3: "rgb"}


@dataclasses.dataclass(frozen=True)
class SheetSettings:
    """How real images are stored.

    Attributes:
        budget_bytes: of the file, at most.
        encoding: `"jpeg"`, or `"png"`, which loses nothing.
        quality: of JPEG, from 1 to 100.
        size: pixels of the longest side, to which images are shrunk before and
            from which they are enlarged when they are read; 0 leaves them.

    Raises:
        ValueError: a value is out of its range.
    """

    budget_bytes: int
    encoding: str = "jpeg"
    quality: int = 75
    size: int = 0

    def __post_init__(self):
        check_least("budget_bytes", self.budget_bytes, 1)
        check_one_of("encoding", self.encoding, ENCODINGS)
        check_least("quality", self.quality, 1, 100)
        check_least("size", self.size, 0)

    @property
    def called(self) -> str:
        """What tables and pictures call it."""
        named = self.encoding.upper()
        if self.encoding == "jpeg":
            named += f" of quality {self.quality}"
        return f"{named} of {self.size} pixels" if self.size else named

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as JSON values."""
        return dataclasses.asdict(self)


def encode(images: np.ndarray, settings: SheetSettings) -> bytes:
    """Returns images as a picture, row by row in a square.

    Args:
        images: uint8, or floats in [0, 1], `[n, height, width, channels]`.
        settings: the settings.

    Raises:
        ValueError: they are no pictures of one channel or three.
    """
    if images.ndim != 4 or images.shape[-1] not in _FORMATS:
        raise ValueError(
            "A sheet holds images [n, height, width, channels] of one channel "
            f"or three. Received: {images.shape}. Leave this baseline out."
        )
    levels = _resized(images, _stored_size(images.shape[1:], settings))
    columns = math.ceil(math.sqrt(len(levels)))
    rows = math.ceil(len(levels) / columns)
    height, width, channels = levels.shape[1:]
    # What is left of the last row is black.
    grid = np.zeros((rows * columns, height, width, channels), np.uint8)
    grid[: len(levels)] = levels
    sheet = grid.reshape(rows, columns, height, width, channels)
    sheet = sheet.swapaxes(1, 2).reshape(rows * height, columns * width, -1)
    if settings.encoding == "png":
        return tf.io.encode_png(sheet, compression=9).numpy()
    ways = (
        tf.io.encode_jpeg(
            sheet,
            format=_FORMATS[channels],
            quality=settings.quality,
            progressive=progressive,
            optimize_size=True,
        ).numpy()
        for progressive in (False, True)
    )
    return min(ways, key=len)


def decode(
    data: bytes,
    count: int,
    image_shape: Sequence[int],
    settings: SheetSettings,
) -> np.ndarray:
    """Returns the images of a picture, uint8 `[count, *image_shape]`.

    Args:
        data: what `encode` returned.
        count: of images.
        image_shape: `[height, width, channels]`.
        settings: the settings.
    """
    if settings.encoding == "png":
        sheet = tf.io.decode_png(data).numpy()
    else:  # By the exact transform, whichever the library prefers.
        sheet = tf.io.decode_jpeg(data, dct_method="INTEGER_ACCURATE").numpy()
    height, width = _stored_size(image_shape, settings)
    rows, columns = sheet.shape[0] // height, sheet.shape[1] // width
    grid = sheet.reshape(rows, height, columns, width, -1).swapaxes(1, 2)
    levels = grid.reshape(rows * columns, height, width, -1)[:count]
    return _resized(levels, (image_shape[0], image_shape[1]))


def check(data: ImageData, settings: SheetSettings, seed: int) -> None:
    """Refuses bytes that hold none of the images, before any are chosen.

    Args:
        data: the real data.
        settings: the settings.
        seed: of the random images that `most_within` begins with.

    Raises:
        ValueError: the images are no pictures, or the bytes do not hold a
            random one of each class.
    """
    images = data.train.images[_by_chance(data, 1, seed)]
    size = len(encode(images, settings))
    if size > settings.budget_bytes:
        raise _too_few(size, settings)


def most_within(
    data: ImageData,
    settings: SheetSettings,
    choose: Choice | None,
    seed: int,
) -> np.ndarray:
    """Returns as many images of each class as the bytes hold.

    Args:
        data: the real data.
        settings: the settings.
        choose: which images; random ones if None.
        seed: the run's integer seed, of random ones: about as many of others
            fit, which may be slow to choose.

    Returns:
        Indices into the training split, `[classes * n]`.

    Raises:
        ValueError: they do not hold one image of each class.
    """
    by_chance = functools.partial(_by_chance, data, seed=seed)
    random = _most_within(data, settings, by_chance, 1)
    if choose is None:
        return random
    start = 5 * len(random) // (4 * data.classes) + 1
    return _most_within(data, settings, choose, start)


def stored(
    data: ImageData,
    indices: np.ndarray,
    settings: SheetSettings,
    **details: Any,
) -> tuple[SyntheticSet, bytes]:
    """Returns real images as they are read back, and their file.

    Args:
        data: the real data.
        indices: into the training split, class by class.
        settings: the settings.
        **details: what the set says of itself, fit for JSON.
    """
    whole = coreset(data, indices, **details)
    packed = encode(data.train.images[indices], settings)
    levels = decode(packed, len(indices), data.image_shape, settings)
    images = data.normalization(levels)
    return dataclasses.replace(whole, images=images), packed


def _most_within(
    data: ImageData, settings: SheetSettings, choose: Choice, start: int
) -> np.ndarray:
    """Returns `most_within`, beginning with a guess.

    More images take more bytes, but for a few: what is returned fits, and a
    set of some images more might.
    """
    smallest = int(np.bincount(data.train.labels).min())

    def size(of: np.ndarray) -> int:
        return len(encode(data.train.images[of.ravel()], settings))

    count = min(start, smallest)
    while True:
        indices = choose(count).reshape(data.classes, count)
        if count == smallest or size(indices) > settings.budget_bytes:
            break
        count = min(2 * count, smallest)
    low, high = 0, count
    while low < high:
        middle = (low + high + 1) // 2
        if size(indices[:, :middle]) <= settings.budget_bytes:
            low = middle
        else:
            high = middle - 1
    if not low:
        raise _too_few(size(indices[:, :1]), settings)
    return indices[:, :low].ravel()


def _by_chance(data: ImageData, count: int, seed: int) -> np.ndarray:
    names = data.class_names
    return select_random(data.train.labels, count, data.classes, seed, names)


def _too_few(size: int, settings: SheetSettings) -> ValueError:
    return ValueError(
        f"A picture must hold an image of each class, {size:,} bytes as "
        f"{settings.called}. Received: {settings.budget_bytes:,} bytes. Raise "
        "`--stored_bytes`, in Python `budget_bytes`, or lower quality or size."
    )


def _stored_size(
    image_shape: Sequence[int], settings: SheetSettings
) -> tuple[int, int]:
    """Returns height and width of an image on the sheet."""
    height, width = image_shape[:2]
    longest = max(height, width)
    size = min(settings.size or longest, longest)
    return max(1, height * size // longest), max(1, width * size // longest)


def _resized(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns images of another size, uint8, by means or cubic curves."""
    if images.dtype != np.uint8:
        images = 255 * images
    if images.shape[1:3] != size:
        shrinks = size < images.shape[1:3]
        method = "area" if shrinks else "bicubic"
        images = tf.image.resize(images, size, method).numpy()
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)
