"""The baseline parameterization: the pixels themselves."""

import dataclasses
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from fred_tf.coresets import chosen_rows
from fred_tf.parameterizations.labels import MemorySettings
from fred_tf.parameterizations.parameterization import Parameterization


@dataclasses.dataclass(frozen=True)
class PixelSettings(MemorySettings):
    """There is nothing to choose but labels."""

    name: ClassVar[str] = "pixel"


@keras.saving.register_keras_serializable("fred_tf")
class Pixel(Parameterization):
    """Stores each image whole, as trajectory and distribution matching do.

    The memory is `[instances, *image_shape]`; `instances_per_class` is the
    ipc. `adapt` draws that many distinct real images per class.
    """

    Settings = PixelSettings
    title = "pixels"

    def __init__(
        self, image_shape, classes, instances_per_class, settings=None, **kwargs
    ):
        super().__init__(
            image_shape, classes, instances_per_class, settings, **kwargs
        )
        self.pixels = self.add_weight(
            name="pixels",
            shape=(self.instances, *self.image_shape),
            initializer="zeros",
        )

    @classmethod
    def instances_within(cls, settings, image_shape, classes, ipc):
        return ipc

    def adapt(self, images, labels, seed, choose=None):
        rows = chosen_rows(
            choose, labels, self.instances_per_class, self.classes, seed
        )
        self.pixels.assign(np.asarray(images[rows], np.float32))

    def call(self, indices):
        return tf.gather(tf.convert_to_tensor(self.pixels), indices)
