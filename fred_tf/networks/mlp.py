"""A multilayer perceptron."""

import dataclasses
import math
from typing import ClassVar

import keras

from fred_tf.networks.initializers import fan_in_initializers
from fred_tf.networks.network import Network
from fred_tf.networks.pooling import LAST
from fred_tf.settings import Settings, check_least


@dataclasses.dataclass(frozen=True)
class MLPSettings(Settings):
    """Settings of `MLP`.

    Attributes:
        width: units of every hidden layer.
        depth: hidden layers.
    """

    name: ClassVar[str] = "mlp"
    width: int = 128
    depth: int = 2

    def __post_init__(self):
        check_least("width", self.width, 1, 65_536)
        check_least("depth", self.depth, 1, 100)


@keras.saving.register_keras_serializable("fred_tf")
class MLP(Network):
    """Hidden dense layers with ReLU, then the classifier.

    The defaults are those of the code of Zhao et al. 2021 (arXiv 2006.05929).
    Images and voxels of any size fit.
    """

    Settings = MLPSettings
    settings: MLPSettings

    def make_layers(self, image_shape):
        width = self.settings.width
        layers = [keras.layers.Flatten(**LAST)]
        inputs = math.prod(image_shape)
        for _ in range(self.settings.depth):
            layers += [
                keras.layers.Dense(width, **fan_in_initializers(inputs)),
                keras.layers.ReLU(),
            ]
            inputs = width
        return layers
