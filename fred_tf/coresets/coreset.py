"""Real images as a synthetic set."""

from typing import Any

import numpy as np

from fred_tf.coresets.random_selection import select_random
from fred_tf.datasets.image_data import ImageData
from fred_tf.synthetic_set import SyntheticSet


def coreset(
    data: ImageData, indices: np.ndarray, **details: Any
) -> SyntheticSet:
    """Returns some training images as a synthetic set.

    Args:
        data: the real data.
        indices: indices into the training split, `[n]`.
        **details: what the set says of itself, fit for JSON.
    """
    images = data.normalization(data.train.images[indices])
    return SyntheticSet(
        images=images,
        labels=data.train.labels[indices],
        class_names=data.class_names,
        normalization=data.normalization,
        dataset=data.name,
        floats_stored=int(np.prod(images.shape)),
        details=details,
    )


def random_set(data: ImageData, ipc: int, seed: int) -> SyntheticSet:
    """Returns `ipc` random training images of each class.

    Args:
        data: the real data.
        ipc: images per class.
        seed: the run's integer seed.

    Raises:
        ValueError: a class has fewer than `ipc` images.
    """
    indices = select_random(
        data.train.labels, ipc, data.classes, seed, data.class_names
    )
    return coreset(data, indices, method="random")


def full_set(data: ImageData) -> SyntheticSet:
    """Returns the whole training split: the ceiling."""
    return coreset(data, np.arange(len(data.train)), method="full")
