"""The baseline parameterization: the pixels themselves."""

import keras
import numpy as np
import tensorflow as tf

from fred_tf.coresets.random_selection import select_random
from fred_tf.parameterizations.parameterization import Parameterization


@keras.saving.register_keras_serializable("fred_tf")
class Pixel(Parameterization):
    """Stores each image whole, as trajectory and distribution matching do.

    The memory is `[instances, *image_shape]`; `instances_per_class` is the
    ipc. `adapt` draws that many distinct real images per class.
    """

    def __init__(self, image_shape, classes, instances_per_class, **kwargs):
        super().__init__(image_shape, classes, instances_per_class, **kwargs)
        self.pixels = self.add_weight(
            name="pixels",
            shape=(self.instances, *self.image_shape),
            initializer="zeros",
        )
        self.built = True

    def adapt(self, images, labels, seed):
        chosen = select_random(
            labels, self.instances_per_class, self.classes, seed
        )
        self.pixels.assign(np.asarray(images[chosen], np.float32))

    def call(self, indices):
        return tf.gather(tf.convert_to_tensor(self.pixels), indices)
