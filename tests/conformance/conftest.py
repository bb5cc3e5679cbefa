"""A few real images in the shapes that networks ask for."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from fred_tf.datasets import ImageData, Split
from fred_tf.normalizations import Standardize

CLASSES, PER_CLASS = 2, 64


def _few(enlarge) -> ImageData:
    """Digits of two classes, enlarged; as many to train on as to test."""
    data = load_digits()
    chosen = np.concatenate(
        [np.flatnonzero(data.target == c)[:PER_CLASS] for c in range(CLASSES)]
    )
    images = enlarge(data.images[chosen, ..., None].astype(np.float32) / 16)
    split = Split(images, data.target[chosen])
    names = tuple(map(str, range(CLASSES)))
    return ImageData("few", split, split, names, Standardize.fit(images))


def _colour(images: np.ndarray) -> np.ndarray:
    """`[n, 32, 32, 3]`: blocks of 4 x 4 pixels, tinted."""
    large = images.repeat(4, axis=1).repeat(4, axis=2)
    return large * np.float32([1.0, 0.8, 0.6])


def _voxels(images: np.ndarray) -> np.ndarray:
    """`[n, 16, 16, 16, 1]`: digits that fade from front to back."""
    large = images.repeat(2, axis=1).repeat(2, axis=2)
    fade = np.linspace(1.0, 0.2, 16, dtype=np.float32)
    return large[:, None] * fade[:, None, None, None]


@pytest.fixture(scope="session")
def colour() -> ImageData:
    return _few(_colour)


@pytest.fixture(scope="session")
def voxels() -> ImageData:
    return _few(_voxels)
