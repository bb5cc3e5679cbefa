"""The kernel of convolutional networks, estimated with random ones."""

import dataclasses
import math
from typing import ClassVar

import tensorflow as tf

from fred_tf import seeds
from fred_tf.kernels.kernel import PRECISIONS, Kernel
from fred_tf.networks import ConvNet, Functional, Parameters
from fred_tf.networks.network import border
from fred_tf.paper import Paper
from fred_tf.settings import (
    Settings,
    check_least,
    check_one_of,
    check_positive,
)


@dataclasses.dataclass(frozen=True)
class RandomFeaturesSettings(Settings):
    """Settings of `RandomFeatures`; the defaults are RFAD's.

    Attributes:
        networks: how many are drawn for one seed.
        width: channels of every block.
        depth: blocks of each network.
        weight_variance: of every weight, times its layer's fan-in.
        bias_variance: of every bias.
        precision: of products of features, `"float64"` or `"float32"`; they
            themselves are float32.
    """

    name: ClassVar[str] = "random_features"
    networks: int = 8
    width: int = 256
    depth: int = 3
    weight_variance: float = 2.0
    bias_variance: float = 0.01
    precision: str = "float64"

    def __post_init__(self):
        check_least("networks", self.networks, 1)
        check_least("width", self.width, 1)
        check_least("depth", self.depth, 1)
        check_positive("weight_variance", self.weight_variance)
        check_least("bias_variance", self.bias_variance, 0)
        check_one_of("precision", self.precision, PRECISIONS)


class RandomFeatures(Kernel):
    """The empirical NNGP of ConvNets without norms, drawn anew by each seed.

        k(x, x') = s / (N d) sum_i <f_i(x), f_i(x')> + b

    with f_i the d features before the classifier of network i of N, and s and
    b the variances of weights and biases (Loo et al. 2022, section 3.2, arXiv
    2210.12067). A network is `depth` times a 3x3 convolution, ReLU and 2x2
    average pooling, its weights and biases normal with mean 0. In expectation
    this is the kernel of networks of infinite width; it has rank N d at most.

    Images of one channel are padded as for every ConvNet of this library, so
    that 28x28 is 32x32; the authors' are not.
    """

    Settings = RandomFeaturesSettings
    settings: RandomFeaturesSettings
    random = True
    paper = Paper(
        "loo2022efficient",
        "Loo, Noel and Hasani, Ramin and Amini, Alexander and Rus, Daniela",
        "Efficient Dataset Distillation using Random Feature Approximation",
        "NeurIPS",
        2022,
        "2210.12067",
    )

    def __init__(self, image_shape, settings=None):
        super().__init__(image_shape, settings)
        settings = self.settings
        network = ConvNet.Settings(
            width=settings.width, depth=settings.depth, norm="none"
        )
        _check_sizes(self.image_shape, settings.depth)
        # A classifier of one class, which is never run.
        self._network = Functional(ConvNet(self.image_shape, 1, network))

    def represent(self, images, seed):
        images = tf.ensure_shape(images, [None, *self.image_shape])
        count = self.settings.networks
        features = [
            self._network.embed(self._drawn(seeds.fold(seed, i)), images)
            for i in range(count)
        ]
        scale = math.sqrt(count * int(features[0].shape[-1]))
        return tf.concat(features, 1) / scale

    def between(self, left, right=None):
        left = tf.cast(left, self.settings.precision)
        right = left if right is None else tf.cast(right, left.dtype)
        product = tf.matmul(left, right, transpose_b=True)
        return (
            self.settings.weight_variance * product
            + self.settings.bias_variance
        )

    def _drawn(self, seed: tf.Tensor) -> Parameters:
        """Returns the parameters of one network."""
        variances = [
            self.settings.bias_variance
            if len(shape) == 1
            else self.settings.weight_variance / math.prod(shape[:-1])
            for shape in self._network.shapes
        ]
        return [
            tf.random.stateless_normal(
                shape, seeds.fold(seed, position), stddev=math.sqrt(variance)
            )
            for position, (shape, variance) in enumerate(
                zip(self._network.shapes, variances)
            )
        ]


def _check_sizes(image_shape: tuple[int, ...], depth: int) -> None:
    """Refuses images that its networks do not take, see `ConvNet`."""
    *sizes, _ = image_shape
    margin = 2 * border(image_shape)
    least = 2**depth - margin
    way_out = "Take `objective.kernel` 'fully_connected'."
    if len(sizes) != 2:
        raise ValueError(
            "`objective.kernel` 'random_features' takes images [height, width, "
            f"channels]. Received: {image_shape}. {way_out}"
        )
    if min(sizes) < least:
        if min(sizes) + margin >= 2:
            way_out = "Lower `objective.depth`."
        raise ValueError(
            f"`objective.kernel` 'random_features' of `objective.depth` "
            f"{depth} needs images of at least {least} pixels a side. "
            f"Received: {' x '.join(map(str, sizes))}. {way_out}"
        )
