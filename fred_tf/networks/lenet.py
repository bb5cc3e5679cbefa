"""LeNet."""

import dataclasses
from typing import ClassVar

import keras

from fred_tf.networks.initializers import fan_in_initializers
from fred_tf.networks.network import Network, border, check_sizes
from fred_tf.networks.pooling import LAST, pooling
from fred_tf.settings import Settings


@dataclasses.dataclass(frozen=True)
class LeNetSettings(Settings):
    """There is nothing to choose."""

    name: ClassVar[str] = "lenet"


@keras.saving.register_keras_serializable("fred_tf")
class LeNet(Network):
    """LeNet-5 (LeCun et al. 1998) with ReLU and max pooling.

    Two 5x5 convolutions without padding, each pooled, and three dense layers,
    as in the code of Zhao et al. 2021 (arXiv 2006.05929). Images of one
    channel are padded by 2 in the first convolution. With images of 32x32x3
    or 28x28x1 the dense layers see 400 values; there are 84 features.

    Images have at least 16 pixels a side, of one channel 12.
    """

    Settings = LeNetSettings

    def make_layers(self, image_shape):
        margin = border(image_shape)
        *sizes, channels = check_sizes(
            "LeNet",
            image_shape,
            16,
            "Choose `convnet` or `mlp`.",
            border=margin,
        )
        layers = [keras.layers.ZeroPadding2D(margin, **LAST)] if margin else []
        for filters in (6, 16):
            layers += [
                keras.layers.Conv2D(
                    filters, 5, **LAST, **fan_in_initializers(5, 5, channels)
                ),
                keras.layers.ReLU(),
                *pooling("max"),
            ]
            channels = filters
        layers.append(keras.layers.Flatten(**LAST))
        height, width = (((s + 2 * margin - 4) // 2 - 4) // 2 for s in sizes)
        inputs = height * width * channels
        for units in (120, 84):
            layers += [
                keras.layers.Dense(units, **fan_in_initializers(inputs)),
                keras.layers.ReLU(),
            ]
            inputs = units
        return layers
