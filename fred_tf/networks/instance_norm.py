"""Instance normalisation with both derivatives written out."""

import functools
import math
import operator

import keras
import tensorflow as tf

# From this many values an image on, XLA's compile time is worth its speed.
_LARGE = 2**14


@keras.saving.register_keras_serializable("fred_tf")
class InstanceNorm(keras.layers.Layer):
    """Normalises each channel of each image over its positions.

        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    with the biased variance and an affine map per channel (Ulyanov et al.
    2016, arXiv 1607.08022), which is what GroupNorm with one channel a group
    computes. First and second derivatives are exact and cost few passes over
    the image, see `_normalize`.

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


def _mean(x: tf.Tensor) -> tf.Tensor:
    """Returns the mean over positions, `[batch, 1, channels]`."""
    return tf.reduce_mean(x, 1, keepdims=True)


def _moments(x: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and 1 / sqrt(variance + epsilon), `[batch, 1, channels]`."""
    # Not tf.nn.moments: it stops the gradient at the mean inside the variance,
    # which leaves first derivatives right and makes second derivatives, and so
    # unrolled students, wrong by a few per cent.
    mean = _mean(x)
    variance = _mean(tf.math.squared_difference(x, mean))
    return mean, tf.math.rsqrt(variance + epsilon)


def _mean_with_z(d, mean_d, x, mean, r) -> tf.Tensor:
    """Returns <z d>, with z = (x - mean) r, in one pass over `d` and `x`."""
    return r * (_mean(d * x) - mean * mean_d)


def _combination(constant: tf.Tensor, *terms: tuple) -> tf.Tensor:
    """Returns constant + the sum of factor * field over `terms`.

    Constant and factors are `[batch, 1, channels]`, fields
    `[batch, positions, channels]`.
    """
    products = [factor * field for factor, field in terms]
    return functools.reduce(operator.add, products) + constant


# One pass over the image where single operations would take one each.
_compiled_combination = tf.function(
    _combination, autograph=False, jit_compile=True
)


def _combine(constant: tf.Tensor, *terms: tuple) -> tf.Tensor:
    _, positions, channels = terms[0][1].shape
    large = positions * channels >= _LARGE
    return (_compiled_combination if large else _combination)(constant, *terms)


def _normalize(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tf.Tensor:
    """Returns the normalised `x` `[batch, positions, channels]`.

    With m and <.> means over positions, r = 1 / sqrt(variance + epsilon),
    z = (x - m) r, and the symmetric Jacobian of z in x

        J a = r (a - <a> - z <z a>)

    an upstream gradient d gives

        dL/dx = gamma J d,   dL/dgamma = sum z d,   dL/dbeta = sum d.

    These are functions of x, gamma and d themselves. For upstream gradients
    u, u_gamma and u_beta of the three, with t = J u,

        dL/dd     = gamma t + u_gamma z + u_beta
        dL/dgamma = sum d t
        dL/dx     = (u_gamma - r <z u> gamma) J d
                    - gamma r (<z d> t + <d t> z).

    Everything is a few means, and sums of d, u and x with a factor per image
    and channel: autodiff of the forward formula takes several times as many
    passes over the image.
    """

    @tf.custom_gradient
    def normalize(x, gamma, beta):
        mean, r = _moments(x, epsilon)
        scale = gamma * r
        return _combine(beta - mean * scale, (scale, x)), (
            lambda d: normalize_gradient(x, gamma, d)
        )

    @tf.custom_gradient
    def normalize_gradient(x, gamma, d):
        # Moments again, not from outside: what was computed there is a
        # constant to a second derivative. Graphs merge the two.
        mean, r = _moments(x, epsilon)
        positions = tf.cast(tf.shape(x)[1], x.dtype)
        mean_d = _mean(d)
        mean_zd = _mean_with_z(d, mean_d, x, mean, r)
        scale = gamma * r
        gradients = (
            _combine(
                scale * (r * mean_zd * mean - mean_d),
                (scale, d),
                (-scale * r * mean_zd, x),
            ),
            positions * tf.reduce_sum(mean_zd, [0, 1]),
            positions * tf.reduce_sum(mean_d, [0, 1]),
        )

        def gradient(u, u_gamma, u_beta):
            mean, r = _moments(x, epsilon)
            mean_d, mean_u = _mean(d), _mean(u)
            mean_zd = _mean_with_z(d, mean_d, x, mean, r)
            mean_zu = _mean_with_z(u, mean_u, x, mean, r)
            mean_dt = r * (_mean(d * u) - mean_d * mean_u - mean_zd * mean_zu)
            # J d = r d - r^2 <z d> x + of_d, and t likewise.
            of_d = r * (r * mean_zd * mean - mean_d)
            of_t = r * (r * mean_zu * mean - mean_u)
            by_d = u_gamma - r * mean_zu * gamma
            by_t = -gamma * r * mean_zd
            by_z = -gamma * r * mean_dt
            return (
                _combine(
                    by_d * of_d + by_t * of_t - by_z * r * mean,
                    (by_d * r, d),
                    (by_t * r, u),
                    (r * (by_z - r * (by_d * mean_zd + by_t * mean_zu)), x),
                ),
                positions * tf.reduce_sum(mean_dt, [0, 1]),
                _combine(
                    gamma * of_t - u_gamma * r * mean + u_beta,
                    (gamma * r, u),
                    (r * (u_gamma - gamma * r * mean_zu), x),
                ),
            )

        return gradients, gradient

    return normalize(x, gamma, beta)
