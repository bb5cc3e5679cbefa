"""Choices of real images by the features of a trained network."""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from fred_tf import progress
from fred_tf.datasets.image_data import ImageData
from fred_tf.networks import Functional
from fred_tf.normalizations import Normalization

# Of one class: (features [n, d], count) to indices [count].
Selection = Callable[[np.ndarray, int], np.ndarray]


def class_features(
    network: Functional,
    parameters: Sequence[tf.Tensor],
    statistics: Sequence[tf.Tensor],
    data: ImageData,
    label: int,
    batch_size: int = 500,
    seen_as: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
) -> np.ndarray:
    """Returns the features of all training images of a class.

    Args:
        network: the architecture.
        parameters: its trained parameters.
        statistics: its statistics.
        data: the real data.
        label: the class.
        batch_size: images embedded at a time.
        seen_as: what becomes of these once they are normalised.

    Returns:
        float32 `[n, features]`, in the order of `data.train.indices_of`.
    """
    embed = _embedder(network, data.normalization, seen_as)
    images = data.train.images[data.train.indices_of(label)]
    blocks = range(0, len(images), batch_size)
    return np.concatenate(
        [
            embed(
                list(parameters),
                list(statistics),
                tf.convert_to_tensor(images[b : b + batch_size]),
            ).numpy()
            for b in blocks
        ]
    )


@functools.lru_cache(maxsize=16)
def _embedder(
    network: Functional,
    normalization: Normalization,
    seen_as: Callable[[tf.Tensor], tf.Tensor],
):
    @tf.function(autograph=False, reduce_retracing=True)
    def embed(parameters, statistics, images):
        images = seen_as(normalization(images))
        return network.embed(parameters, images, statistics)

    return embed


def check_choice(data: ImageData, per_class: int) -> None:
    """Raises ValueError unless every class has `per_class` images."""
    counts = np.bincount(data.train.labels, minlength=data.classes)
    few = int(counts.argmin())
    if not 1 <= per_class <= counts[few]:
        raise ValueError(
            f"Every class must have `ipc` ({per_class}) images to choose "
            f"from, and `ipc` be at least 1. Received: {counts[few]} of class "
            f"{data.class_names[few]!r}. Lower `ipc` or add images."
        )


def select_by_features(
    selection: Selection,
    features: Callable[[int], np.ndarray],
    data: ImageData,
    per_class: int,
) -> np.ndarray:
    """Chooses images of each class by their features.

    Args:
        selection: e.g. `herd`.
        features: of a class, see `class_features`; one class is in memory at
            a time.
        data: the real data.
        per_class: images of each class.

    Returns:
        Indices into the training split, int64 `[classes * per_class]`: those
        of class 0, then those of class 1, and so on.

    Raises:
        ValueError: a class has fewer than `per_class` images, or a feature is
            not finite.
    """
    check_choice(data, per_class)
    indices = []
    names = enumerate(data.class_names)
    for label, name in progress.each(names, "class", data.classes):
        vectors = features(label)
        if not np.isfinite(vectors).all():
            raise ValueError(
                "Features must be finite. Received: NaN or infinity in class "
                f"{name!r}. The network diverged: choose another "
                "`network.name` or, with --expert_dir, an expert."
            )
        rows = selection(vectors, per_class)
        indices.append(data.train.indices_of(label)[rows])
    return np.concatenate(indices)
