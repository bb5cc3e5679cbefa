"""PyTorch's default initialisation, spelled out."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf


@keras.saving.register_keras_serializable("fred_tf")
class FanInUniform(keras.initializers.Initializer):
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

    def draw(self, shape: tuple[int, ...], seed: Any) -> tf.Tensor:
        """Returns the values for one stateless seed, float32 `shape`."""
        bound = 1 / math.sqrt(self.fan_in)
        return tf.random.stateless_uniform(shape, seed, -bound, bound)

    def get_config(self) -> dict[str, Any]:
        return {"fan_in": self.fan_in}


def fan_in_initializers(*receptive_field: int) -> dict[str, FanInUniform]:
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
