"""Images that are in memory already: NumPy arrays."""

from typing import Any

import numpy as np

from fred_tf.datasets.image_data import Split

# Of pictures, with colours and what lies beside them.
_MOST_CHANNELS = 5

Splits = tuple[Split, Split | None, tuple[str, ...]]


def is_pair(source: Any) -> bool:
    """Returns whether `source` is `(images, labels)`, arrays of any kind."""
    return (
        isinstance(source, tuple | list)
        and len(source) == 2
        and all(hasattr(part, "shape") for part in source)
    )


def takes(source: Any) -> bool:
    """Returns whether `source` is one pair of arrays, or two."""
    return is_pair(source) or (
        isinstance(source, tuple | list)
        and len(source) == 2
        and all(map(is_pair, source))
    )


def read(source: Any) -> Splits:
    """Returns train split, test split (or None) and class names of arrays.

    Args:
        source: `(images, labels)`, or `((images, labels), (images, labels))`
            of which the second are test images. Images are `[n, ..., channels]`
            or `[n, height, width]`, uint8, truth values or floating point in
            [0, 1]; labels are integers from 0, `[n]` or `[n, 1]`. Classes are
            named by their numbers. Volumes may lack their channel, see
            `with_channels`.

    Raises:
        ValueError: the arrays are not like this, see `Split`; or there are
            more classes than training images.
    """
    pairs = [source] if is_pair(source) else list(source)
    train, *tests = [_split(*pair) for pair in pairs]
    classes = 1 + max(int(split.labels.max()) for split in (train, *tests))
    if classes > len(train):
        raise ValueError(
            "Classes must be numbered from 0 without gaps, and each occur in "
            f"the train split. Received: label {classes - 1} beside "
            f"{len(train)} images. Number them anew."
        )
    return train, tests[0] if tests else None, tuple(map(str, range(classes)))


def with_channels(images: np.ndarray) -> np.ndarray:
    """Returns images of one channel that have no axis for it with that axis.

    Four axes may be those of `[n, height, width, channels]`, or of `[n, depth,
    height, width]`: they are volumes where the last two are equal and more than
    any picture has channels.
    """
    shape = images.shape
    lacking = len(shape) == 3 or (
        len(shape) == 4
        and shape[1] not in (1, 3)  # Channels first, which is refused.
        and shape[3] == shape[2] > _MOST_CHANNELS
    )
    return images[..., None] if lacking else images


def is_occupancy(images: np.ndarray) -> bool:
    """Returns whether bytes are truth values: volumes of 0 and 1 alone."""
    return (
        images.ndim == 5
        and images.dtype == np.uint8
        and images.size > 0
        and images.max() <= 1
    )


def _split(images: Any, labels: Any) -> Split:
    images, labels = with_channels(np.asarray(images)), np.asarray(labels)
    if images.dtype == bool or is_occupancy(images):
        images = images.astype(np.uint8) * np.uint8(255)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    return Split(images, labels)
