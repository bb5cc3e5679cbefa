"""How many instances a budget of floats buys; integers only.

The budget of `ipc` images per class is `ipc * height * width * channels`
floats per class (Shin et al. 2023, arXiv 2311.08819). A frequency memory
keeps `coefficients_per_channel` floats per channel of each instance, so the
same budget holds more instances. Classes, index tables and learned step sizes
are not counted, as in the paper.

Learned labels are counted: a number per class of every instance. The budget is
then that of `ipc` whole images with such labels, `ipc * (height * width *
channels + classes)` floats per class, so that pixels keep their `ipc` images,
and a memory of more images pays for the labels of each.
"""

import math
from collections.abc import Sequence

# Memories fill their budget; some leave a little of it.
_MOST_TIMES = 16


def _check_ipc(ipc: int) -> None:
    if ipc < 1:
        raise ValueError(
            f"`ipc` (images per class) must be at least 1. Received: {ipc}."
        )


def positions(image_shape: Sequence[int]) -> int:
    """Returns the number of pixels (or voxels) of one channel."""
    return math.prod(image_shape[:-1])


def floats_per_class(
    image_shape: Sequence[int], ipc: int, label_floats: int = 0
) -> int:
    """Returns the floats that `ipc` whole images of one class occupy.

    Args:
        image_shape: `[height, width, channels]`, or more spatial axes.
        ipc: images per class, at least 1.
        label_floats: of the label of each; 0 where labels are not learned.
    """
    _check_ipc(ipc)
    return ipc * (math.prod(image_shape) + label_floats)


def bytes_of(image_shape: Sequence[int], ipc: int, classes: int) -> int:
    """Returns the bytes that a budget takes in float32."""
    return 4 * classes * floats_per_class(image_shape, ipc)


def is_held(wanted: int, stored: int) -> bool:
    """Returns whether so many stored bytes may be a memory of a budget.

    Args:
        wanted: bytes of the budget in float32.
        stored: bytes that there are.
    """
    return wanted <= _MOST_TIMES * stored


def instances_per_class(
    image_shape: Sequence[int],
    ipc: int,
    coefficients_per_channel: int,
    label_floats: int = 0,
) -> int:
    """Returns n = floor(ipc * height * width / coefficients_per_channel).

    With learned labels, each instance has its own beside its coefficients.

    Raises:
        ValueError: more coefficients than positions, fewer than 1, or an
            `ipc` below 1.
    """
    _check_ipc(ipc)
    check_coefficients(image_shape, coefficients_per_channel)
    each = coefficients_per_channel * image_shape[-1] + label_floats
    return floats_per_class(image_shape, ipc, label_floats) // each


def coefficients_of(
    image_shape: Sequence[int], ipc: int, images: int, label_floats: int = 0
) -> int:
    """Returns how many coefficients leave a budget room for so few images.

    With learned labels they are the fewest that do, below 1 where labels alone
    fill the budget. Without, some more as a rule, which runs on disk are made
    with: no image is left over in part. May be more than the positions.

    Args:
        image_shape: `[height, width, channels]`, or more spatial axes.
        ipc: images per class, at least 1.
        images: that it holds at most, at least 1.
        label_floats: of the label of each.
    """
    if not label_floats:
        return math.ceil(ipc * positions(image_shape) / images)
    floats = floats_per_class(image_shape, ipc, label_floats)
    each = floats // (images + 1) + 1
    return -((label_floats - each) // image_shape[-1])


def check_coefficients(
    image_shape: Sequence[int], coefficients_per_channel: int
) -> None:
    """Refuses to keep more entries than a channel has, or none.

    Raises:
        ValueError: more coefficients than positions, or fewer than 1.
    """
    available = positions(image_shape)
    if not 1 <= coefficients_per_channel <= available:
        extent = " * ".join(map(str, image_shape[:-1]))
        raise ValueError(
            "`coefficients_per_channel` must be between 1 and the positions "
            f"of the image ({extent} = {available}). Received: "
            f"{coefficients_per_channel}."
        )
