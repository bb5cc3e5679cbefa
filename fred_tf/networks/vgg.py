"""VGG for small images."""

import dataclasses
from typing import ClassVar

import keras

from fred_tf.networks.convolution import convolution
from fred_tf.networks.network import Network, border, check_sizes
from fred_tf.networks.norms import NormSettings
from fred_tf.networks.pooling import LAST, pooling

# Filters of the convolutions between two max poolings.
_VGG11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))


@dataclasses.dataclass(frozen=True)
class VGG11Settings(NormSettings):
    """Settings of `VGG11`."""

    name: ClassVar[str] = "vgg11"


@keras.saving.register_keras_serializable("fred_tf")
class VGG11(Network):
    """VGG11 (Simonyan & Zisserman 2015) as distillation papers shrink it.

    Eight 3x3 convolutions with norm and ReLU, five max poolings, one dense
    layer, as in the code of Zhao et al. 2021 (arXiv 2006.05929). With images
    of 32x32x3 and 10 classes there are 9,231,114 parameters and 512 features.
    Images of one channel are padded by 3 in the first convolution. Larger
    images have more features; the authors of FreD pool those of 128x128 to
    7x7 instead, from 4x4, which repeats them. They have at least 32 pixels a
    side, of one channel 28.
    """

    Settings = VGG11Settings
    settings: VGG11Settings

    def make_layers(self, image_shape):
        margin = border(image_shape)
        *_, channels = check_sizes(
            "VGG11",
            image_shape,
            2 ** len(_VGG11),
            "Choose `convnet`.",
            border=margin,
        )
        layers = []
        for block in _VGG11:
            for filters in block:
                layers += convolution(
                    channels,
                    filters,
                    norm=self.settings.norm,
                    border=margin,
                )
                channels, margin = filters, 0
            layers += pooling("max")
        return [*layers, keras.layers.Flatten(**LAST)]
