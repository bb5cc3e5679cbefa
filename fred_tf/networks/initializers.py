"""How weights start: PyTorch's default, spelled out, and He's."""

import abc
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf


class Stateless(keras.initializers.Initializer, abc.ABC):
    """An initialiser that can draw for a given seed, too."""

    @abc.abstractmethod
    def draw(self, shape: tuple[int, ...], seed: Any) -> tf.Tensor:
        """Returns the values for one stateless seed, float32 `shape`."""


@keras.saving.register_keras_serializable("fred_tf")
class FanInUniform(Stateless):
    """Draws from U(-1/sqrt(fan_in), 1/sqrt(fan_in)).

    This is PyTorch's default for the weights *and* biases of convolutions and
    dense layers, for which published step sizes are tuned; Keras would start
    from Glorot-uniform weights and zero biases. A bias takes the fan-in of its
    layer's kernel, so the layer's author states it.

    Args:
        fan_in: inputs of one output unit (kernel positions * channels).
    """

    def __init__(self, fan_in: int):
        self.fan_in = int(fan_in)
        self._seed = keras.random.SeedGenerator()

    def __call__(self, shape, dtype=None):
        bound = 1 / math.sqrt(self.fan_in)
        return keras.random.uniform(
            shape, -bound, bound, dtype=dtype, seed=self._seed
        )

    def draw(self, shape, seed):
        bound = 1 / math.sqrt(self.fan_in)
        return tf.random.stateless_uniform(shape, seed, -bound, bound)

    def get_config(self) -> dict[str, Any]:
        return {"fan_in": self.fan_in}


@keras.saving.register_keras_serializable("fred_tf")
class FanOutNormal(Stateless):
    """Draws from N(0, 2 / fan_out) (He et al. 2015, arXiv 1502.01852).

    Args:
        fan_out: outputs of one input unit (kernel positions * filters).
    """

    def __init__(self, fan_out: int):
        self.fan_out = int(fan_out)
        self._seed = keras.random.SeedGenerator()

    @property
    def _deviation(self) -> float:
        return math.sqrt(2 / self.fan_out)

    def __call__(self, shape, dtype=None):
        return keras.random.normal(
            shape, 0.0, self._deviation, dtype=dtype, seed=self._seed
        )

    def draw(self, shape, seed):
        return tf.random.stateless_normal(shape, seed, 0.0, self._deviation)

    def get_config(self) -> dict[str, Any]:
        return {"fan_out": self.fan_out}


def fan_in_initializers(
    *receptive_field: int,
) -> dict[str, keras.initializers.Initializer]:
    """Returns the kernel and bias initialisers of one layer.

    Args:
        *receptive_field: what multiplies to the fan-in, e.g. `3, 3, 128` for
            a 3x3 convolution of 128 channels or `2048` for a dense layer.
    """
    fan_in = int(np.prod(receptive_field))
    return {
        "kernel_initializer": FanInUniform(fan_in),
        "bias_initializer": FanInUniform(fan_in),
    }
