"""Instance normalisation, with the ReLU and the pooling that follow it.

One piece, for on a processor these passes over large images take as long as
the convolutions between them. Both derivatives are written out.
"""

import itertools
import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from fred_tf.networks.pooling import Pooling, pooling

# From this many values an image on, XLA's compile time is worth its speed.
_LARGE = 2**13


def add_affine(
    layer: keras.layers.Layer, shape: Sequence[int]
) -> tuple[keras.Variable, keras.Variable]:
    """Adds the affine map of a norm to a layer: scale gamma, shift beta."""
    return (
        layer.add_weight(name="gamma", shape=shape, initializer="ones"),
        layer.add_weight(name="beta", shape=shape, initializer="zeros"),
    )


@keras.saving.register_keras_serializable("fred_tf")
class InstanceNorm(keras.layers.Layer):
    """Normalises each channel of each image over its positions.

        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    with the biased variance and an affine map per channel (Ulyanov et al.
    2016, arXiv 1607.08022), which is what GroupNorm with one channel a group
    computes; then, if wanted, max(y, 0), and then its average over windows of
    two along every axis, an odd rest dropped. First and second derivatives are
    exact and cost few passes over the image, see `normalize`.

    Args:
        epsilon: added to the variance; 1e-5 as in PyTorch.
        rectify: whether negative values become 0.
        pool: whether every axis is halved.
    """

    def __init__(
        self,
        epsilon: float = 1e-5,
        rectify: bool = False,
        pool: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.rectify = rectify
        self.pool = pool

    def build(self, input_shape):
        (self.pooling,) = pooling("average", len(input_shape) - 2)
        self.pooling.dtype_policy = self.dtype_policy
        channels = (input_shape[-1],)
        self.gamma, self.beta = add_affine(self, channels)

    def call(self, x, pooled: bool = True):
        x = tf.convert_to_tensor(x)
        gamma, beta = (
            tf.cast(tf.convert_to_tensor(weight), x.dtype)
            for weight in (self.gamma, self.beta)
        )
        large = math.prod(x.shape[1:]) >= _LARGE
        even = not any(size % 2 for size in x.shape[1:-1])
        pool = self.pool and pooled
        pools = pool and large and even
        y = normalize(x, gamma, beta, self.epsilon, self.rectify, pools, large)
        return self.pooling(y) if pool and not pools else y

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        return batch, *(n // 2 if self.pool else n for n in sizes), channels

    def get_config(self):
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "rectify": self.rectify,
            "pool": self.pool,
        }


def merge(layers: Sequence[keras.layers.Layer]) -> list[keras.layers.Layer]:
    """Returns `layers` with instance norms that do what follows them.

    Each instance norm takes over a ReLU behind it, and with it an average
    pooling by 2 behind that: the same function, to rounding.
    """
    merged: list[keras.layers.Layer] = []
    for layer in layers:
        last = merged[-1] if merged else None
        if not isinstance(last, InstanceNorm) or last.pool:
            merged.append(layer)
        elif not last.rectify and _is_relu(layer):
            merged[-1] = InstanceNorm(last.epsilon, rectify=True)
        elif last.rectify and _is_average(layer):
            merged[-1] = InstanceNorm(last.epsilon, rectify=True, pool=True)
        else:
            merged.append(layer)
    return merged


def _is_relu(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.ReLU) and (
        layer.max_value is None and not layer.negative_slope + layer.threshold
    )


def _is_average(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, keras.layers.AveragePooling2D):
        return layer.pool_size == layer.strides == (2, 2)
    return isinstance(layer, Pooling) and layer.reduction == "average"


def normalize(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    epsilon: float,
    rectify: bool = False,
    pool: bool = False,
    compiled: bool = False,
) -> tf.Tensor:
    """Returns `x` normalised; then rectified and averaged, if wanted.

    With m and <.> means over positions, r = 1 / sqrt(variance + epsilon),
    z = (x - m) r, and the symmetric Jacobian of z in x

        J a = r (a - <a> - z <z a>)

    let d be the gradient of the result, handed back to all positions of a
    window and 0 where the ReLU is. Then

        dL/dx = gamma J d,   dL/dgamma = sum z d,   dL/dbeta = sum d.

    These are functions of x, gamma and d themselves. For upstream gradients
    u, u_gamma and u_beta of the three, with t = J u,

        dL/dd     = gamma t + u_gamma z + u_beta
        dL/dgamma = sum d t
        dL/dx     = (u_gamma - r <z u> gamma) J d
                    - gamma r (<z d> t + <d t> z),

    and dL/dd goes the way of the result, averaged over windows where the ReLU
    is not 0. Everything is a few means, and sums of d, u and x with a factor
    per image and channel. Autodiff of the forward formula takes several times
    as many passes over the image, and what lies between norm and pooling is
    never written to memory.

    Args:
        x: `[batch, *sizes, channels]`.
        gamma: `[channels]`.
        beta: `[channels]`.
        epsilon: added to the variance.
        rectify: whether negative values become 0.
        pool: whether windows of 2 along every axis are averaged; then `sizes`
            are even.
        compiled: whether each pass is compiled by XLA.

    Returns:
        `[batch, *sizes, channels]`, with `pool` sizes / 2.
    """
    forward, backward, second = _COMPILED if compiled else _PASSES
    static = (epsilon, rectify, pool)

    @tf.custom_gradient
    def value(x, gamma, beta):
        return forward(x, gamma, beta, *static), (
            lambda upstream: slopes(x, gamma, beta, upstream)
        )

    @tf.custom_gradient
    def slopes(x, gamma, beta, upstream):
        def gradient(*upstreams):
            of_x, of_gamma, of_upstream = second(
                x, gamma, beta, upstream, *upstreams, *static
            )
            # The ReLU's zeros do not move with beta.
            return of_x, of_gamma, tf.zeros_like(beta), of_upstream

        return backward(x, gamma, beta, upstream, *static), gradient

    return value(x, gamma, beta)


def _forward(x, gamma, beta, epsilon, rectify, pool):
    shape = x.shape
    x = _windows(x, pool)
    mean, r = _moments(x, epsilon)
    y = _affine(x, gamma, beta, mean, r)
    return _result(tf.nn.relu(y) if rectify else y, shape, pool)


def _backward(x, gamma, beta, upstream, epsilon, rectify, pool):
    shape = x.shape
    x = _windows(x, pool)
    mean, r = _moments(x, epsilon)
    d, _ = _hand_back(x, gamma, beta, mean, r, upstream, rectify, pool)
    mean_d = _mean(d)
    mean_zd = _mean_with_z(d, mean_d, x, mean, r)
    scale = gamma * r
    constant = scale * (r * mean_zd * mean - mean_d)
    of_x = scale * d - scale * r * mean_zd * x + constant
    return (
        _whole(of_x, shape),
        _total(mean_zd, shape),
        _total(mean_d, shape),
    )


def _second(
    x, gamma, beta, upstream, u, u_gamma, u_beta, epsilon, rectify, pool
):
    shape = x.shape
    x, u = _windows(x, pool), _windows(u, pool)
    mean, r = _moments(x, epsilon)
    d, keep = _hand_back(x, gamma, beta, mean, r, upstream, rectify, pool)
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
    of_x = (
        by_d * r * d
        + by_t * r * u
        + r * (by_z - r * (by_d * mean_zd + by_t * mean_zu)) * x
        + (by_d * of_d + by_t * of_t - by_z * r * mean)
    )
    of_upstream = (
        gamma * r * u
        + r * (u_gamma - gamma * r * mean_zu) * x
        + (gamma * of_t - u_gamma * r * mean + u_beta)
    )
    return (
        _whole(of_x, shape),
        _total(mean_dt, shape),
        _result(keep(of_upstream), shape, pool),
    )


_PASSES = (_forward, _backward, _second)
_COMPILED = tuple(
    tf.function(function, autograph=False, jit_compile=True)
    for function in _PASSES
)

# An image in windows is `[batch, n, places]`, for each axis of windows n and
# places, then channels: those that are averaged, or pieces of all positions.


def _windows(x: tf.Tensor, pool: bool) -> tf.Tensor:
    """Returns an image `[batch, *sizes, channels]` in windows."""
    sizes, places = x.shape[1:-1], 2
    if not pool:
        sizes = (math.prod(sizes),)
        places = math.gcd(*sizes, 4)
    pairs = ((size // places, places) for size in sizes)
    return tf.reshape(x, [-1, *itertools.chain(*pairs), x.shape[-1]])


def _whole(x: tf.Tensor, shape: tf.TensorShape) -> tf.Tensor:
    """Returns an image in windows as `[batch, *sizes, channels]`."""
    return tf.reshape(x, [-1, *shape[1:]])


def _places(x: tf.Tensor) -> list[tf.Tensor]:
    """Returns the values at each place of a window, `[batch, n, ...]`."""
    places = itertools.product(*(range(n) for n in x.shape[2:-1:2]))
    return [
        x[(slice(None), *itertools.chain(*((slice(None), i) for i in place)))]
        for place in places
    ]


def _result(y: tf.Tensor, shape: tf.TensorShape, pool: bool) -> tf.Tensor:
    """Returns the averages of the windows, or the whole image."""
    if not pool:
        return _whole(y, shape)
    places = _places(y)
    return tf.add_n(places) / len(places)


def _affine(x, gamma, beta, mean, r) -> tf.Tensor:
    """Returns gamma z + beta, with z = (x - mean) r, as one factor of `x`."""
    scale = gamma * r
    return scale * x + (beta - mean * scale)


def _hand_back(x, gamma, beta, mean, r, upstream, rectify, pool):
    """Returns d in windows, and the function that is 0 where the ReLU is."""
    if pool:
        axes = range(2, x.shape.rank - 1, 2)
        for axis in axes:
            upstream = tf.expand_dims(upstream, axis)
        d = tf.broadcast_to(upstream / 2 ** len(axes), tf.shape(x))
    else:
        d = _windows(upstream, pool)
    if not rectify:
        return d, lambda values: values
    # To the bit what the result was made from.
    on = _affine(x, gamma, beta, mean, r) > 0

    def keep(values):
        return tf.where(on, values, tf.zeros([], values.dtype))

    return keep(d), keep


def _mean(x: tf.Tensor) -> tf.Tensor:
    """Returns the mean over positions, `[batch, 1, ..., 1, channels]`."""
    # A sum of sums is XLA's fastest on CPUs: a sum over the axes of windows
    # takes 5 times as long, and so does one with a division inside.
    sums = tf.add_n(_places(x))
    total = tf.reduce_sum(sums, range(1, sums.shape.rank - 1))
    total = tf.reshape(total, [-1, *[1] * (x.shape.rank - 2), x.shape[-1]])
    return total / math.prod(x.shape[1:-1])


def _moments(x: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and 1 / sqrt(variance + epsilon)."""
    mean = _mean(x)
    variance = _mean(tf.math.squared_difference(x, mean))
    return mean, tf.math.rsqrt(variance + epsilon)


def _mean_with_z(d, mean_d, x, mean, r) -> tf.Tensor:
    """Returns <z d>, with z = (x - mean) r, in one pass over `d` and `x`."""
    return r * (_mean(d * x) - mean * mean_d)


def _total(mean: tf.Tensor, shape: tf.TensorShape) -> tf.Tensor:
    """Returns the sum over images and positions, of means, `[channels]`."""
    total = tf.reduce_sum(mean, range(mean.shape.rank - 1))
    return total * math.prod(shape[1:-1])
