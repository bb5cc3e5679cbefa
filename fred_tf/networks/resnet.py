"""ResNet18 for small images, strided or with average pooling."""

import dataclasses
from typing import ClassVar

import keras

from fred_tf.networks.convolution import convolution
from fred_tf.networks.initializers import fan_in_initializers
from fred_tf.networks.instance_norm import merge
from fred_tf.networks.network import Network, check_sizes
from fred_tf.networks.norms import NORMS, NormSettings
from fred_tf.networks.pooling import LAST

_STEM = 64
# Filters and stride of each residual block.
_BLOCKS = (
    (64, 1),
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
)


class ResidualBlock(keras.layers.Layer):
    """Two 3x3 convolutions with norms, added to their own input.

    Where the shape changes, the input passes a 1x1 convolution and a norm
    first (He et al. 2016, arXiv 1512.03385, the basic block). No convolution
    has a bias.

    Args:
        channels: of the input.
        filters: channels of the output.
        stride: 1, or 2 to halve the image.
        norm: one of `NORMS`.
        averaged: halve by average pooling, not by strides.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        stride: int,
        norm: str,
        averaged: bool,
        **kwargs,
    ):
        super().__init__(**kwargs)
        layers = keras.layers
        strided = stride if not averaged else 1
        pool = [layers.AveragePooling2D(2, **LAST)] if strided < stride else []
        # PyTorch pads by 1 on every side, "same" at stride 2 only below and to
        # the right.
        pad = [layers.ZeroPadding2D(1, **LAST)] if strided > 1 else []
        self.main = [
            *pad,
            layers.Conv2D(
                filters,
                3,
                strides=strided,
                padding="valid" if pad else "same",
                use_bias=False,
                **LAST,
                **fan_in_initializers(3, 3, channels),
            ),
            *merge([NORMS[norm](), layers.ReLU(), *pool]),
            layers.Conv2D(
                filters,
                3,
                padding="same",
                use_bias=False,
                **LAST,
                **fan_in_initializers(3, 3, filters),
            ),
            NORMS[norm](),
        ]
        self.shortcut = []
        if (channels, stride) != (filters, 1):
            self.shortcut = [
                layers.Conv2D(
                    filters,
                    1,
                    strides=strided,
                    use_bias=False,
                    **LAST,
                    **fan_in_initializers(channels),
                ),
                *pool,
                NORMS[norm](),
            ]
        self.activation = layers.ReLU()

    def call(self, x):
        main, shortcut = x, x
        for layer in self.main:
            main = layer(main)
        for layer in self.shortcut:
            shortcut = layer(shortcut)
        return self.activation(main + shortcut)


@dataclasses.dataclass(frozen=True)
class ResNet18Settings(NormSettings):
    """Settings of `ResNet18`."""

    name: ClassVar[str] = "resnet18"


@dataclasses.dataclass(frozen=True)
class ResNet18APSettings(ResNet18Settings):
    """Settings of `ResNet18AP`."""

    name: ClassVar[str] = "resnet18ap"


@keras.saving.register_keras_serializable("fred_tf")
class ResNet18(Network):
    """ResNet18 (He et al. 2016) as distillation papers shrink it.

    A 3x3 convolution, eight residual blocks, the mean over positions and one
    dense layer, as in the code of Zhao et al. 2021 (arXiv 2006.05929). With
    images of 32x32x3 and 10 classes there are 11,173,962 parameters and 512
    features. Images of one channel get no extra padding. They have at least 9
    pixels a side: below, the last norm would see a single position.
    """

    Settings = ResNet18Settings
    settings: ResNet18Settings
    activations = (ResidualBlock, *Network.activations)
    averaged = False
    least = 9

    def make_layers(self, image_shape):
        name, norm = type(self).__name__, self.settings.norm
        *_, channels = check_sizes(
            name, image_shape, self.least, "Choose `convnet`."
        )
        layers = convolution(channels, _STEM, norm=norm, bias=False)
        channels = _STEM
        for filters, stride in _BLOCKS:
            layers.append(
                ResidualBlock(channels, filters, stride, norm, self.averaged)
            )
            channels = filters
        layers.append(
            keras.layers.Flatten(**LAST)
            if self.averaged
            else keras.layers.GlobalAveragePooling2D(**LAST)
        )
        return layers


@keras.saving.register_keras_serializable("fred_tf")
class ResNet18AP(ResNet18):
    """ResNet18 that halves by 2x2 average pooling, not by strides.

    All features of the last block go to the classifier: with images of
    32x32x3 8,192 of them, of 28x28x1 4,608 (Zhao & Bilen 2021, arXiv
    2102.08259, their code). Images have at least 16 pixels a side.
    """

    Settings = ResNet18APSettings
    averaged = True
    least = 16
