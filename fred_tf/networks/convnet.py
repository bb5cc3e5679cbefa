"""ConvNet-D: the network of nearly every distillation paper."""

import dataclasses
import math
from typing import ClassVar

import keras

from fred_tf.networks.convolution import ACTIVATIONS, convolution
from fred_tf.networks.network import Network, border, check_sizes
from fred_tf.networks.norms import NORMS
from fred_tf.networks.pooling import LAST, POOLINGS, pooling
from fred_tf.settings import Settings, check_least, check_one_of


@dataclasses.dataclass(frozen=True)
class ConvNetSettings(Settings):
    """Settings of `ConvNet`.

    Attributes:
        width: channels of every block.
        depth: number of blocks; 0 takes as many as suit the size of the
            images (3 for 28 or 32 pixels a side and one more for each
            doubling, as in the papers), and a `ConvNet3D` for volumes, whose
            usual width of 64 replaces the 128 of images, and no other.
        norm: `"instance"`, `"batch"`, `"layer"`, `"group"` (4 groups) or
            `"none"`.
        pooling: `"average"`, `"max"` or `"none"`.
        activation: `"relu"`, `"leaky_relu"` (slope 0.01), `"sigmoid"` or
            `"swish"`.
    """

    name: ClassVar[str] = "convnet"
    width: int = 128
    depth: int = 3
    norm: str = "instance"
    pooling: str = "average"
    activation: str = "relu"

    def __post_init__(self):
        check_least("width", self.width, 1, 65_536)
        check_least("depth", self.depth, 0, 100)
        check_one_of("norm", self.norm, NORMS)
        check_one_of("pooling", self.pooling, POOLINGS)
        check_one_of("activation", self.activation, ACTIVATIONS)
        if self.norm == "group" and self.width % 4:
            raise ValueError(
                '`width` must be a multiple of the 4 groups of `norm` "group". '
                f"Received: {self.width}."
            )

    def sized(self, image_shape):
        if self.depth:
            return self
        side = min(image_shape[:-1]) + 2 * border(image_shape)
        depth = max(1, round(math.log2(side)) - 2)
        values = {**dataclasses.asdict(self), "depth": depth}
        if len(image_shape) == 4 and type(self) is ConvNetSettings:
            if self.width == ConvNetSettings.width:  # As usual of volumes.
                values["width"] = ConvNet3DSettings.width
            return ConvNet3DSettings(**values)
        return type(self)(**values)


@dataclasses.dataclass(frozen=True)
class ConvNet3DSettings(ConvNetSettings):
    """Settings of `ConvNet3D`."""

    name: ClassVar[str] = "convnet3d"
    width: int = 64


@keras.saving.register_keras_serializable("fred_tf")
class ConvNet(Network):
    """`depth` blocks of convolution, norm, activation and pooling.

    A block is a 3x3 convolution with bias, a normalisation, ReLU and 2x2
    average pooling (Gidaris & Komodakis 2018, as used by Zhao et al. 2021,
    arXiv 2006.05929, and everyone since); a dense classifier follows. Images
    of one channel are padded by 3 in the first convolution, so that 28x28
    becomes 32x32.

    With images of 32x32x3, 10 classes and the default sizes there are 320,010
    parameters and 2,048 features. The papers take a depth of 3 for images of
    28 or 32 pixels a side, 4 for 64 and 5 for 128.

    An image needs 2^depth pixels a side for its poolings, of one channel 4
    fewer.
    """

    Settings = ConvNetSettings
    settings: ConvNetSettings
    axes = 2

    def make_layers(self, image_shape):
        settings = self.settings
        margin = border(image_shape)
        deep = min(image_shape[:-1]) + 2 * margin >= 2
        *_, channels = check_sizes(
            f"{type(self).__name__} of `depth` {settings.depth}",
            image_shape,
            1 if settings.pooling == "none" else 2**settings.depth,
            "Lower `depth`." if deep else "Take `network.name=mlp`.",
            self.axes,
            margin,
        )
        layers = []
        for _ in range(settings.depth):
            layers += convolution(
                channels,
                settings.width,
                norm=settings.norm,
                activation=settings.activation,
                border=margin,
                axes=self.axes,
            )
            layers += pooling(settings.pooling, self.axes)
            channels, margin = settings.width, 0
        return [*layers, keras.layers.Flatten(**LAST)]


@keras.saving.register_keras_serializable("fred_tf")
class ConvNet3D(ConvNet):
    """A ConvNet for voxels, as FreD's authors used for 3D-MNIST.

    Everything is as in `ConvNet` with one more axis: 3x3x3 convolutions (64 of
    them), 2x2x2 pooling. Voxels of 16x16x16x1 become 20x20x20; there are
    228,618 parameters for 10 classes (Shin et al. 2023, arXiv 2311.08819,
    their code).
    """

    Settings = ConvNet3DSettings
    axes = 3
