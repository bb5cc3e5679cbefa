"""Residual networks: ResNet18 for small images, ResNetAP-10 for large ones."""

import dataclasses
import math
from typing import ClassVar

import keras

from fred_tf.networks.convolution import convolution
from fred_tf.networks.initializers import FanInUniform, FanOutNormal
from fred_tf.networks.instance_norm import merge
from fred_tf.networks.network import Network, check_sizes
from fred_tf.networks.norms import NORMS, NormSettings
from fred_tf.networks.pooling import LAST

_STEM = 64
# Of ResNetAP-10: for images of at most so many pixels a side the size of the
# first convolution, and the windows that it is averaged over.
_STEMS = ((64, 3, 1), (128, 3, 2), (math.inf, 7, 4))
# How the kernel of a convolution starts, by size, inputs and outputs.
_STARTS = {
    "pytorch": lambda size, channels, _: FanInUniform(size**2 * channels),
    "he": lambda size, _, filters: FanOutNormal(size**2 * filters),
}
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
        start: of the kernels, `"pytorch"` or `"he"`.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        stride: int,
        norm: str,
        averaged: bool,
        start: str = "pytorch",
        **kwargs,
    ):
        super().__init__(**kwargs)
        layers, kernel = keras.layers, _STARTS[start]
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
                kernel_initializer=kernel(3, channels, filters),
                **LAST,
            ),
            *merge([NORMS[norm](), layers.ReLU(), *pool]),
            layers.Conv2D(
                filters,
                3,
                padding="same",
                use_bias=False,
                kernel_initializer=kernel(3, filters, filters),
                **LAST,
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
                    kernel_initializer=kernel(1, channels, filters),
                    **LAST,
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


@dataclasses.dataclass(frozen=True)
class ResNet10APSettings(ResNet18Settings):
    """Settings of `ResNet10AP`."""

    name: ClassVar[str] = "resnet10ap"


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


@keras.saving.register_keras_serializable("fred_tf")
class ResNet10AP(ResNet18):
    """ResNetAP-10, which IDC matches on images of ImageNet.

    Four residual blocks that halve by 2x2 average pooling, the mean over
    positions and one dense layer (Kim et al. 2022, arXiv 2205.14959, their
    code). Images of more than 128 pixels a side meet a 7x7 convolution that is
    averaged over 4x4 windows first, those of more than 64 a 3x3 one over 2x2,
    smaller ones a 3x3 one alone. Kernels of convolutions start as He's, unlike
    those of other networks here. With images of 224x224x3 and 10 classes there
    are 4,910,922 parameters and 512 features. Images have at least 16 pixels a
    side, those that are averaged over 4x4 windows 32.
    """

    Settings = ResNet10APSettings
    averaged = True
    least = 16

    def make_layers(self, image_shape):
        name, norm = type(self).__name__, self.settings.norm
        longest = max(image_shape[:-1], default=0)
        size, pool = next(stem for most, *stem in _STEMS if longest <= most)
        # Blocks halve three times, so each side needs 8 pixels after the stem.
        least = max(self.least, 8 * pool)
        *_, channels = check_sizes(
            name, image_shape, least, "Choose `convnet`."
        )
        kernel = _STARTS["he"](size, channels, _STEM)
        layers = convolution(
            channels, _STEM, size, norm, bias=False, kernel=kernel
        )
        if pool > 1:
            layers.append(keras.layers.AveragePooling2D(pool, **LAST))
        channels = _STEM
        for filters, stride in _BLOCKS[::2]:
            layers.append(
                ResidualBlock(
                    channels, filters, stride, norm, self.averaged, "he"
                )
            )
            channels = filters
        return [*layers, keras.layers.GlobalAveragePooling2D(**LAST)]
