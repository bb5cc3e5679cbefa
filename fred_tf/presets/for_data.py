"""Settings for data that no preset knows: they follow from the images. Ours.

Distribution matching, which needs no experts, with as many steps as some
minutes hold: a third of its usual step and the running average of the memory,
as in the presets for two cores. What is kept of the spectrum holds `ENERGY` of
the energy of the training images, which is what the coefficients hold that were
chosen on held-out images of digits (21 of 64 positions: 0.81), MNIST (98 of
784: 0.82) and CIFAR-10 (32 of 1,024: 0.82).
"""

import math

import numpy as np

from fred_tf import config as config_lib
from fred_tf.augmentations import suited
from fred_tf.config import Config
from fred_tf.datasets import ImageData, Preparation
from fred_tf.distillation.memory_step import usual_step
from fred_tf.networks import ConvNet
from fred_tf.normalizations import ZCA, Standardize
from fred_tf.objectives import DistributionMatching
from fred_tf.parameterizations import Frequency
from fred_tf.settings import argument
from fred_tf.transforms import DCT

ENERGY = 0.8
# Training images that are looked at.
_MOST = 5_000


def config_for(data: ImageData, ipc: int) -> Config:
    """Returns settings that suit some data.

    Args:
        data: the real data.
        ipc: budget in images per class.

    Raises:
        TypeError: `ipc` is no whole number.
        ValueError: it is below 1.
    """
    shape, ipc = data.image_shape, argument("ipc", ipc, int)
    smallest = int(np.bincount(data.train.labels).min())
    memory = Frequency.Settings(
        coefficients_per_channel=kept_coefficients(data, ipc),
        mask_rule="energy",
        mask_statistics="whole_class",
    )
    objective = DistributionMatching.Settings(
        real_batch_per_class=min(64, smallest)
    )
    network = ConvNet.Settings(depth=0).sized(shape)
    values = {
        "network.name": network.name,
        "network.depth": network.depth,
        "augmentation": suited(Config.augmentation, shape),
        "distiller.memory_learning_rate": 0.3
        * usual_step(memory, objective.name, shape, data.normalization.name),
        "distiller.memory_average": 0.99,
        "evaluation.learning_rate": 0.01,
        "evaluation.epochs": 300,
    }
    return config_lib.replace(
        Config(
            dataset=data.dataset,
            ipc=ipc,
            objective=objective,
            outer_steps=1_000,
            holdout=data.holdout,
            preparation=Preparation.of(data.preparation),
            normalization=data.normalization.name,
            parameterization=memory,
        ),
        values,
    )


def kept_coefficients(data: ImageData, ipc: int) -> int:
    """Returns how many coefficients of each channel hold enough energy.

    No fewer than leave each instance a real image to begin with, and no more
    than leave two instances per class.

    Args:
        data: the real data.
        ipc: budget in images per class.
    """
    split = data.train
    rows = np.linspace(0, len(split) - 1, min(_MOST, len(split))).astype(int)
    own = data.normalization
    if isinstance(own, ZCA):  # After which all frequencies seem to matter.
        own = Standardize.fit(split.images)
    images = own(split.images[rows])
    energy = (DCT("ortho")(images).numpy() ** 2).mean(axis=(0, -1)).ravel()
    held = np.cumsum(np.sort(energy)[::-1]) / energy.sum()
    enough = int(np.searchsorted(held, ENERGY)) + 1
    available = ipc * len(energy)
    least = math.ceil(available / np.bincount(split.labels).min())
    return min(max(enough, least), max(available // 2, 1), len(energy))
