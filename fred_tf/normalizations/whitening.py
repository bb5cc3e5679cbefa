"""The matrices of whitenings: computed of images, or carried by an export.

`zca.py` has the formulas, and the words D, m, e that are used here.
"""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from fred_tf.normalizations.normalization import unit_range
from fred_tf.normalizations.standardize import Standardize

# Images that are looked at, or mapped, at a time.
BLOCK = 1024
# Mean variance of standardised pixels below which nothing but rounding varies.
_NO_VARIANCE = 1e-12
# Of a product of a matrix and its inverse, to one.
_TOLERANCE = 1e-3


@dataclasses.dataclass(frozen=True, eq=False)
class Whitening:
    """What is subtracted, `[d]`, and the matrices `[d, d]`, float32.

    Rows of pixels are multiplied from the right: by `whiten`, to whiten them,
    and by `color`, its inverse, to undo that.
    """

    center: np.ndarray
    whiten: np.ndarray
    color: np.ndarray

    @functools.cached_property
    def tensors(self) -> tuple[tf.Tensor, ...]:
        """The same as tensors, which graphs capture instead of copying."""
        with tf.init_scope():
            return tuple(
                tf.convert_to_tensor(array)
                for array in (self.center, self.whiten, self.color)
            )


def computed(
    images: np.ndarray,
    standardized: bool,
    centered: bool,
    relative: bool,
    epsilon: float,
) -> Whitening:
    """Computes the matrices in float64, a block of images at a time.

    Args:
        images: `[n, ..., channels]`, uint8 or float in [0, 1], finite; two or
            more.
        standardized: whether D is the deviations of channels, else 1.
        centered: whether m is the mean of each pixel, else of each channel.
        relative: whether e is of the mean variance, and that divided by n.
        epsilon: e.

    Raises:
        ValueError: images do not vary, and the recipe divides by how they do.
    """
    count, size = len(images), images[0].size
    mean = sum(block.sum(0) for block in _blocks(images)) / count
    center, deviation = np.zeros(size), np.ones(size)
    if standardized:
        channels = Standardize.fit(images)
        repeats = size // images.shape[-1]
        center = np.tile(channels.mean, repeats)
        deviation = np.tile(channels.deviation, repeats)
    if centered:
        center = mean
    covariance = np.zeros((size, size))
    for block in _blocks(images):
        block = (block - center) / deviation
        covariance += block.T @ block
    covariance /= count if relative else count - 1
    scale = np.trace(covariance) / size
    if relative and scale < _NO_VARIANCE:
        raise ValueError(
            "A whitening is fitted on images that differ. Received: "
            f"{count} images alike. Take `standardize`."
        )
    values, vectors = np.linalg.eigh(covariance)
    # Rounding leaves eigenvalues of 0 slightly below it.
    values = np.maximum(values, 0)
    values += epsilon * scale if relative else epsilon
    if not centered:
        values[: max(size - count, 0)] = 1  # In ascending order.
    roots = np.sqrt(values)
    whiten = (vectors / roots) @ vectors.T / deviation[:, None]
    color = (vectors * roots) @ vectors.T * deviation
    return _whitening(center, whiten, color)


def carried(center: np.ndarray, matrix: np.ndarray, size: int) -> Whitening:
    """Returns the matrices of which an export carries one.

    Args:
        center: what is subtracted, `[size]`.
        matrix: what whitens, `[size, size]`.
        size: values of an image.

    Raises:
        ValueError: they are of other shapes, not finite, or singular.
    """
    shapes = center.shape, matrix.shape
    finite = np.isfinite(center).all() and np.isfinite(matrix).all()
    if shapes != ((size,), (size, size)) or not finite:
        raise ValueError(
            f"`center` and `matrix` of a whitening must be finite, [{size}] "
            f"and [{size}, {size}]. Received: {list(shapes[0])} and "
            f"{list(shapes[1])}{'' if finite else ', not all finite'}."
        )
    whiten = np.asarray(matrix, np.float64)
    try:
        color = np.linalg.inv(whiten)
    except np.linalg.LinAlgError:
        color = np.full_like(whiten, np.inf)
    # What comes of a matrix that is nearly singular is no inverse.
    with np.errstate(all="ignore"):
        off = np.abs(whiten @ color - np.eye(size)).max()
    if not off < _TOLERANCE:
        raise ValueError(
            "`matrix` of a whitening must have an inverse. Received: one that "
            "is singular, or nearly so."
        )
    return _whitening(center, matrix, color)


def check_finite(images: np.ndarray) -> None:
    """Raises ValueError unless all values are finite."""
    if images.dtype.kind != "f":
        return
    starts = range(0, len(images), BLOCK)
    if all(np.isfinite(images[s : s + BLOCK]).all() for s in starts):
        return
    raise ValueError(
        "Images to fit a whitening on must be finite. Received: "
        f"{np.count_nonzero(~np.isfinite(images))} NaN or infinite values."
    )


def _whitening(*arrays: np.ndarray) -> Whitening:
    return Whitening(*(array.astype(np.float32) for array in arrays))


def _blocks(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yields rows of float64 pixels in [0, 1]."""
    for start in range(0, len(images), BLOCK):
        block = unit_range(images[start : start + BLOCK])
        yield block.reshape(len(block), -1).astype(np.float64)
