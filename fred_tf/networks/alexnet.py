"""AlexNet for small images."""

import dataclasses
from typing import ClassVar

import keras

from fred_tf.networks.convolution import convolution
from fred_tf.networks.network import Network, border, check_sizes
from fred_tf.networks.norms import NormSettings
from fred_tf.networks.pooling import LAST, pooling

# Filters, size of the kernel, whether max pooling follows.
_UNITS = (
    (128, 5, True),
    (192, 5, True),
    (256, 3, False),
    (192, 3, False),
    (192, 3, True),
)


@dataclasses.dataclass(frozen=True)
class AlexNetSettings(NormSettings):
    """Settings of `AlexNet`.

    Attributes:
        norm: after every convolution, as in `ConvNet`; `"batch"` is the
            variant that distribution matching also scores.
    """

    name: ClassVar[str] = "alexnet"
    norm: str = "none"


@keras.saving.register_keras_serializable("fred_tf")
class AlexNet(Network):
    """AlexNet (Krizhevsky et al. 2012) as distillation papers shrink it.

    Five convolutions with ReLU, three max poolings, one dense layer, as in the
    code of Zhao et al. 2021 (arXiv 2006.05929). With images of 32x32x3 and 10
    classes there are 1,872,202 parameters and 3,072 features. Images of one
    channel are padded by 2 more in the first convolution.

    Images have at least 8 pixels a side, of one channel 4.
    """

    Settings = AlexNetSettings
    settings: AlexNetSettings

    def make_layers(self, image_shape):
        norm = self.settings.norm
        margin = border(image_shape)
        *_, channels = check_sizes(
            "AlexNet", image_shape, 8, "Choose `convnet`.", border=margin
        )
        layers = []
        for filters, size, pooled in _UNITS:
            layers += convolution(channels, filters, size, norm, border=margin)
            layers += pooling("max") if pooled else []
            channels, margin = filters, 0
        return [*layers, keras.layers.Flatten(**LAST)]
