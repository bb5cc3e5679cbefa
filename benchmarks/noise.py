"""Outer steps on noise: real images and experts of the right shape and size.

What is decoded, read, matched and updated is the program's own.
"""

import tempfile
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from fred_tf import assembly
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.datasets.image_data import Split
from fred_tf.normalizations import Standardize
from fred_tf.objectives import OBJECTIVES


def data(
    name: str, image_shape: Sequence[int], classes: int, images: int
) -> ImageData:
    """Returns a data set of noise, of which every class has as much.

    Args:
        name: of the data set.
        image_shape: `[height, width, channels]`.
        classes: how many there are.
        images: of the training split, a multiple of `classes`.
    """
    generator = np.random.default_rng(0)

    def split(count):
        noise = generator.integers(0, 256, (count, *image_shape), np.uint8)
        return Split(noise, np.arange(count, dtype=np.int32) % classes)

    channels = image_shape[-1]
    return ImageData(
        name,
        split(images),
        split(classes),
        tuple(map(str, range(classes))),
        Standardize((0.5,) * channels, (0.25,) * channels),
    )


def outer_step(
    settings: Config,
    noise: ImageData,
    strategy: tf.distribute.Strategy | None = None,
) -> Callable[[], object]:
    """Returns a function that makes an outer step.

    Args:
        settings: the run; its steps should be so short that the memory stays
            what it was, for noise teaches nothing.
        noise: see `data`.
        strategy: whose replicas share the step.

    Raises:
        FloatingPointError: of that function: the run is lost. A step that is
            an outlier takes as long as others.
    """
    folder = None
    if OBJECTIVES[settings.objective.name].needs_experts:
        # It lives as long as its reader.
        folder = tempfile.TemporaryDirectory()
        store = assembly.expert_store(settings, noise, folder.name)
        size = (store.epochs + 1, store.parameters)
        walk = np.random.default_rng(1).standard_normal(size, np.float32)
        store.append((0.02 * walk).cumsum(0))
    experts = folder and folder.name
    distiller = assembly.distiller(settings, noise, experts, strategy)
    distiller.adapt(noise.normalized_train, noise.train.labels)

    def step():
        scalars = distiller()
        if scalars["trouble"]:
            raise FloatingPointError(
                f"Step {distiller.step} diverged: {scalars}"
            )
        return folder, scalars

    return step
