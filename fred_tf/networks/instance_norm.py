"""Instance normalisation with its arithmetic folded into one pass."""

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
        axes = list(range(1, x.shape.rank - 1))
        gamma = tf.cast(tf.convert_to_tensor(self.gamma), x.dtype)
        beta = tf.cast(tf.convert_to_tensor(self.beta), x.dtype)
        # Not tf.nn.moments: it stops the gradient at the mean inside the
        # variance, which leaves first derivatives right and makes second
        # derivatives, and so unrolled students, wrong by a few per cent.
        mean = tf.reduce_mean(x, axes, keepdims=True)
        variance = tf.reduce_mean(
            tf.math.squared_difference(x, mean), axes, keepdims=True
        )
        scale = gamma * tf.math.rsqrt(variance + self.epsilon)
        return x * scale + (beta - mean * scale)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
