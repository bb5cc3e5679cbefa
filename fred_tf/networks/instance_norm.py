"""Instance normalisation with its arithmetic folded into one pass."""

import math

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("fred_tf")
class InstanceNorm(keras.layers.Layer):
    """Normalises each channel of each image over its positions.

        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    with the biased variance and an affine map per channel (Ulyanov et al.
    2016, arXiv 1607.08022), which is what GroupNorm with one channel a group
    computes. The map is applied in one pass as `x * scale + shift`, with scale
    and shift computed per image and channel. Second derivatives are exact.

    Args:
        epsilon: added to the variance; 1e-5 as in PyTorch.
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        channels = (input_shape[-1],)
        self.gamma = self.add_weight(
            name="gamma", shape=channels, initializer="ones"
        )
        self.beta = self.add_weight(
            name="beta", shape=channels, initializer="zeros"
        )

    def call(self, x):
        x = tf.convert_to_tensor(x)
        flat = tf.reshape(x, [-1, math.prod(x.shape[1:-1]), x.shape[-1]])
        gamma = tf.cast(tf.convert_to_tensor(self.gamma), x.dtype)
        beta = tf.cast(tf.convert_to_tensor(self.beta), x.dtype)
        y = _normalize(flat, gamma, beta, self.epsilon)
        return tf.reshape(y, [-1, *x.shape[1:]])

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


def _moments(x: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and 1 / sqrt(variance + epsilon), `[batch, 1, channels]`."""
    # Not tf.nn.moments: it stops the gradient at the mean inside the variance,
    # which leaves first derivatives right and makes second derivatives, and so
    # unrolled students, wrong by a few per cent.
    mean = tf.reduce_mean(x, 1, keepdims=True)
    variance = tf.reduce_mean(
        tf.math.squared_difference(x, mean), 1, keepdims=True
    )
    return mean, tf.math.rsqrt(variance + epsilon)


def _normalize(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tf.Tensor:
    """Returns the normalised `x` `[batch, positions, channels]`.

    With r = 1 / sqrt(variance + epsilon), x' = (x - mean) r and means over
    positions, the gradient is written out as

        dL/dx = gamma r (dy - mean(dy) - x' mean(dy x'))

    in three passes over the image; autodiff of the forward formula takes
    twice as many. It is made of plain ops of `x`, `gamma` and `dy`, so it can
    be differentiated again.
    """

    @tf.custom_gradient
    def normalize(x, gamma, beta):
        mean, r = _moments(x, epsilon)
        scale = gamma * r

        def gradient(dy):
            # Again, not from outside: what was computed there is a constant to
            # a second derivative. Graphs merge the two.
            mean, r = _moments(x, epsilon)
            mean_dy = tf.reduce_mean(dy, 1, keepdims=True)
            mean_dy_x = tf.reduce_mean(dy * x, 1, keepdims=True)
            slope = r * (mean_dy_x - mean * mean_dy)
            scale = gamma * r
            of_x = -scale * r * slope
            positions = tf.cast(tf.shape(x)[1], x.dtype)
            return (
                dy * scale + (x * of_x - (scale * mean_dy + mean * of_x)),
                positions * tf.reduce_sum(slope, [0, 1]),
                positions * tf.reduce_sum(mean_dy, [0, 1]),
            )

        return x * scale + (beta - mean * scale), gradient

    return normalize(x, gamma, beta)
