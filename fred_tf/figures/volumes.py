"""Volumes to look at: from three sides, and in slices."""

import numpy as np
from matplotlib.figure import Figure

from fred_tf.figures.canvas import MAX_CLASSES, left_out
from fred_tf.figures.tiles import SIDES, contrasted, tiles
from fred_tf.synthetic_set import SyntheticSet


def views(synthetic_set: SyntheticSet, slices: int = 5) -> Figure:
    """Draws the first volume of each class, a row per class.

    It is seen from the front, from the top and from the side, each the maximum
    along that axis, and cut at evenly spaced depths. Pixels are drawn as
    `displayable` says. Of more than 20 classes the first 20 are drawn.

    Args:
        synthetic_set: volumes with one channel (drawn grey) or three (RGB).
        slices: cuts of each at most, at least 1.

    Raises:
        ValueError: `slices` is not positive, the set is empty, or has no
            volumes with one channel or three.
    """
    images = synthetic_set.images
    if images.ndim != 5 or not len(images) or images.shape[-1] not in (1, 3):
        raise ValueError(
            "Views are of volumes [n, depth, height, width, channels], n at "
            "least 1, with one channel or three. Received: "
            f"{images.shape}."
        )
    if slices < 1:
        raise ValueError(f"`slices` must be at least 1. Received: {slices}.")
    depth = images.shape[1]
    places = np.unique(
        np.linspace(0, depth - 1, min(slices, depth) + 2).round()[1:-1]
    ).astype(int)
    names = synthetic_set.class_names[:MAX_CLASSES]
    labels, first = np.unique(synthetic_set.labels, return_index=True)
    rows: list[list[np.ndarray]] = [[] for _ in names]
    for label, row in zip(labels, first):
        if label < len(names):
            rows[label] = _row(synthetic_set, row, places)
    side = max(images.shape[1:4])
    return tiles(
        rows,
        names,
        (side, side),
        [*SIDES.values(), *(f"slice {place}" for place in places)],
        left_out(synthetic_set.classes),
    )


def _row(
    synthetic_set: SyntheticSet, row: int, places: np.ndarray
) -> list[np.ndarray]:
    """Returns the tiles of one volume."""
    volume = contrasted(
        synthetic_set.normalization.undo(synthetic_set.images[row : row + 1])
    )
    shown = [volume.max(axis)[0] for axis in SIDES]
    shown += [volume[0, place] for place in places]
    return [_square(x, max(volume.shape[1:4])) for x in shown]


def _square(image: np.ndarray, side: int) -> np.ndarray:
    """Returns an image in the middle of a white square, grey or RGB."""
    height, width = image.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    square = np.ones((side, side, image.shape[-1]), image.dtype)
    square[top : top + height, left : left + width] = image
    return square[..., 0] if square.shape[-1] == 1 else square
