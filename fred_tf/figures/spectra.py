"""Where images keep their energy: the numbers behind the figures.

All of it in the coefficients of an orthonormal transform, where energy is that
of the pixels (Parseval).
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from fred_tf.parameterizations.frequency_mask import explained_variance_ratio
from fred_tf.transforms import Transform

_BLOCK = 2048


def _blocks(images: np.ndarray, transform: Transform) -> Iterator[np.ndarray]:
    """Yields the coefficients of some images at a time, in float64."""
    for start in range(0, len(images), _BLOCK):
        block = tf.convert_to_tensor(images[start : start + _BLOCK], tf.float32)
        yield transform(block).numpy().astype(np.float64)


def energy(images: np.ndarray, transform: Transform) -> np.ndarray:
    """Returns the mean squared coefficient at each frequency.

    Args:
        images: normalised, `[n, ..., channels]`.
        transform: an orthonormal one.

    Returns:
        float64 `[...]`, the mean over images and channels.
    """
    blocks = _blocks(images, transform)
    sums = ((block**2).mean(-1).sum(0) for block in blocks)
    return sum(sums, np.zeros(())) / len(images)


def explained_variance(
    images: np.ndarray, labels: np.ndarray, transform: Transform
) -> np.ndarray:
    """Returns the explained variance ratio, averaged over classes.

    Args:
        images: normalised, `[n, ..., channels]`.
        labels: int `[n]`; classes of one image are left out.
        transform: what the ratio is taken in.

    Returns:
        float64 `[...]`; see `explained_variance_ratio`.

    Raises:
        ValueError: no class has two images.
    """
    ratios = []
    for label in np.unique(labels):
        of_class = images[labels == label]
        if len(of_class) > 1:
            blocks = np.concatenate(list(_blocks(of_class, transform)))
            ratios.append(explained_variance_ratio(blocks))
    if not ratios:
        raise ValueError(
            "Variance needs a class with at least 2 images. Received: one "
            "image per class. Raise `ipc`."
        )
    return np.mean(ratios, axis=0)


def kept_share(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns how much of a quantity the best positions hold together.

    Args:
        shares: non-negative, of any shape.

    Returns:
        Shares of the positions, in (0, 1], and of the quantity, ascending;
        both float64 `[positions]`.
    """
    ordered = np.sort(np.ravel(shares))[::-1]
    count = len(ordered)
    total = max(ordered.sum(), np.finfo(np.float64).tiny)
    return np.arange(1, count + 1) / count, np.cumsum(ordered) / total


def by_frequency(
    values: np.ndarray, transform: Transform, bins: int = 24
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean of a map over rings of equal frequency.

    Args:
        values: `[...]`, one per position.
        transform: says how high each frequency is.
        bins: rings; empty ones are left out.

    Returns:
        Frequency relative to the highest, in [0, 1], and mean value; both
        float64 `[rings]`.
    """
    height = transform.frequencies(values.shape)
    relative = (height / height.max()).ravel()
    ring = np.minimum((relative * bins).astype(int), bins - 1)
    count = np.bincount(ring, minlength=bins)
    total = np.bincount(ring, np.ravel(values), minlength=bins)
    place = np.bincount(ring, relative, minlength=bins)
    some = count > 0
    return place[some] / count[some], total[some] / count[some]


def band(
    images: np.ndarray, transform: Transform, lowest: float, highest: float
) -> np.ndarray:
    """Returns images with only a share of their frequencies.

    Args:
        images: `[n, ..., channels]`.
        transform: invertible.
        lowest: share of the positions that are dropped as lower, in [0, 1].
        highest: share of the positions up to which they are kept, in [0, 1].
    """
    shape = images.shape[1:-1]
    height = transform.frequencies(shape).ravel()
    rank = np.empty(len(height), int)
    rank[np.argsort(height, kind="stable")] = np.arange(len(height))
    inside = (rank >= lowest * len(height)) & (rank < highest * len(height))
    mask = inside.reshape(*shape, 1).astype(np.float32)
    coefficients = transform(tf.convert_to_tensor(images, tf.float32))
    return transform.inverse(coefficients * mask).numpy()
