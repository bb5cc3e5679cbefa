"""How large a set of somebody else's may be, before anything is made of it.

A few bytes may claim images of any size, and as many as they like. What an
export claims is bounded here by these maxima and by the bytes that it has;
everything that follows from the sizes is then bounded, too.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fred_tf.disk import claims

# Values of one image: 2048 x 2048 grey, 1182 x 1182 in colours, voxels of 161.
MOST_OF_AN_IMAGE = 2**22
# Pixels along an axis: transforms multiply by a matrix of its square.
MOST_OF_AN_AXIS = 4096
# Values of all decoded images, 1 GiB as float32; decoding takes a few times as
# much. The largest preset, 50 images per class of CIFAR-100, has 2^25.3.
MOST_VALUES = 2**28
# Coefficients of 4 bits that keep a hundredth of the frequencies decode to 200
# values a byte. Whatever its bytes, a set may have the free values, 64 MiB.
VALUES_PER_BYTE = 256
FREE_VALUES = 2**24
# Bytes of a file with a memory, which is read whole: its floats and tables.
MOST_STORED = 4 * MOST_VALUES + 2**28


class TooLargeError(ValueError):
    """A set is more than a form, or any form, may hold."""


def check_images(shape: Sequence[int]) -> None:
    """Refuses to write images that no reader takes.

    Args:
        shape: `[n, height, width, channels]` of all.

    Raises:
        TooLargeError: there are too many, or too large ones.
    """
    with _too_large("the size of images, `preparation.image_size`"):
        one = image_shape({"image_shape": list(shape[1:])})
        check_decoded(one, shape[0], 4 * math.prod(shape))


def check_written(
    shape: Sequence[int], stored: int, what: str = "images"
) -> None:
    """Refuses to write so few bytes that no reader takes the images of them.

    Args:
        shape: `[n, height, width, channels]` of all.
        stored, what: see `check_decoded`.

    Raises:
        TooLargeError: they are too few.
    """
    with _too_large("choose a form of more bytes"):
        check_decoded(shape[1:], shape[0], stored, what)


@contextlib.contextmanager
def _too_large(instead: str) -> Iterator[None]:
    """Says of what readers refuse what else than a lower `ipc` would do."""
    try:
        yield
    except ValueError as error:
        raise TooLargeError(
            f"A form holds images that its readers take. {error} Lower `ipc`, "
            f"or {instead}."
        ) from error


def image_shape(said: Mapping[str, Any]) -> tuple[int, ...]:
    """Returns the `image_shape` that an export states.

    Raises:
        ValueError: it is no shape of an image, or of one too large.
    """
    shape = claims.shape(said, "image_shape", range(2, 6), MOST_OF_AN_IMAGE)
    if max(shape) > MOST_OF_AN_AXIS:
        raise ValueError(
            f"`image_shape` must have sizes of at most {MOST_OF_AN_AXIS}. "
            f"Received: {list(shape)}."
        )
    return shape


def count(said: Mapping[str, Any], name: str) -> int:
    """Returns a number of images or instances, at least 1."""
    return claims.integer(said, name, 1, MOST_VALUES)


def check_decoded(
    shape: Sequence[int], images: int, stored: int, what: str = "images"
) -> None:
    """Refuses images that so few bytes do not hold, or nobody would.

    Args:
        shape: of an image.
        images: how many there are to be.
        stored: bytes of what they are decoded from.
        what: they are, if not images.

    Raises:
        ValueError: there are too many, or too large ones.
    """
    most = min(MOST_VALUES, FREE_VALUES + VALUES_PER_BYTE * stored)
    if images * math.prod(shape) > most:
        raise ValueError(
            f"{stored:,} bytes must decode to at most {most:,} values. "
            f"Received: {images:,} {what} {list(shape)}."
        )
