"""Normalisations over other axes than an image's positions; the choice.

Keras' own layers take their moments from `tf.nn.moments`, which stops the
gradient at the mean inside the variance: second derivatives, and so unrolled
students, come out wrong by a few per cent.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from fred_tf.networks.instance_norm import InstanceNorm, add_affine
from fred_tf.settings import Settings, check_one_of

_EPSILON = 1e-5  # PyTorch's, of all of them


def _moments(x: tf.Tensor, axes: Sequence[int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and biased variance, with `axes` kept as 1."""
    mean = tf.reduce_mean(x, axes, keepdims=True)
    difference = tf.math.squared_difference(x, mean)
    return mean, tf.reduce_mean(difference, axes, keepdims=True)


def _standardize(x, mean, variance) -> tf.Tensor:
    return (x - mean) * tf.math.rsqrt(variance + _EPSILON)


@keras.saving.register_keras_serializable("fred_tf")
class BatchNorm(keras.layers.Layer):
    """Normalises each channel over the batch (Ioffe & Szegedy 2015).

    In training by the moments of the batch, else by moving ones, which take a
    tenth of each batch's (arXiv 1502.03167). As in PyTorch, the batch is
    divided by its biased variance, while the moving variance is unbiased.
    """

    momentum = 0.9

    def build(self, input_shape):
        channels = (input_shape[-1],)
        self.gamma, self.beta = add_affine(self, channels)
        # Not autocast: in half precision small changes would be lost.
        moving = functools.partial(
            self.add_weight, shape=channels, trainable=False, autocast=False
        )
        self.moving_mean = moving(name="moving_mean", initializer="zeros")
        self.moving_variance = moving(
            name="moving_variance", initializer="ones"
        )

    def call(self, x, training: bool = False):
        x = tf.convert_to_tensor(x)
        if training:
            mean, variance = _moments(x, range(x.shape.rank - 1))
            values = tf.cast(tf.size(x[..., 0]), x.dtype)
            unbiased = variance * values / tf.maximum(values - 1, 1)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, unbiased)
        else:
            mean = tf.cast(tf.convert_to_tensor(self.moving_mean), x.dtype)
            variance = tf.cast(
                tf.convert_to_tensor(self.moving_variance), x.dtype
            )
        return _standardize(x, mean, variance) * self.gamma + self.beta

    def compute_output_shape(self, input_shape):
        return input_shape

    def _move(self, moving: keras.Variable, value: tf.Tensor) -> None:
        before = tf.convert_to_tensor(moving)
        value = tf.cast(tf.reshape(value, before.shape), before.dtype)
        moving.assign(self.momentum * before + (1 - self.momentum) * value)


@keras.saving.register_keras_serializable("fred_tf")
class GroupNorm(keras.layers.Layer):
    """Normalises each group of channels of each image (Wu & He 2018).

    Over the positions and channels of the group, with an affine map per
    channel (arXiv 1803.08494).

    Args:
        groups: how many; they must divide the channels.

    Raises:
        ValueError: they do not.
    """

    def __init__(self, groups: int = 4, **kwargs):
        super().__init__(**kwargs)
        self.groups = groups

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels % self.groups:
            raise ValueError(
                f"The {self.groups} groups of a group norm must divide the "
                f"channels. Received: {channels} channels. Make `width` a "
                f"multiple of {self.groups}."
            )
        shape = self._affine_shape(input_shape)
        self.gamma, self.beta = add_affine(self, shape)

    def call(self, x):
        x = tf.convert_to_tensor(x)
        *sizes, channels = x.shape[1:]
        grouped = tf.reshape(
            x, [-1, *sizes, self.groups, channels // self.groups]
        )
        axes = [*range(1, 1 + len(sizes)), len(sizes) + 2]
        y = _standardize(grouped, *_moments(grouped, axes))
        return tf.reshape(y, [-1, *x.shape[1:]]) * self.gamma + self.beta

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}

    def _affine_shape(self, input_shape):
        return input_shape[-1:]


@keras.saving.register_keras_serializable("fred_tf")
class LayerNorm(GroupNorm):
    """Normalises each image whole (Ba et al. 2016).

    Over positions and channels together, with an affine map per value (arXiv
    1607.06450), as the ConvNets of the distillation papers do: the parameters
    depend on the image's size.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "groups": 1})

    def _affine_shape(self, input_shape):
        return input_shape[1:]


NORMS: dict[str, Callable[[], keras.layers.Layer]] = {
    "instance": InstanceNorm,
    "batch": BatchNorm,
    "layer": LayerNorm,
    "group": GroupNorm,
    "none": keras.layers.Identity,
}


@dataclasses.dataclass(frozen=True)
class NormSettings(Settings):
    """Settings of a network whose only choice is its normalisation."""

    norm: str = "instance"

    def __post_init__(self):
        check_one_of("norm", self.norm, NORMS)
