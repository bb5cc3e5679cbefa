"""Instance normalisation, with the ReLU and the pooling that follow it.

One piece, for on a processor these passes over large images take as long as
the convolutions between them. Both derivatives are written out.
"""

import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from fred_tf.networks.norm_layouts import (
    LAYOUTS,
    Layout,
    averages,
    spread,
    whole,
)
from fred_tf.networks.pooling import Pooling, pooling
from fred_tf.settings import check_one_of

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
        layout: one of `LAYOUTS`: how fast it is, and where.

    Raises:
        ValueError: another `layout`.
    """

    def __init__(
        self,
        epsilon: float = 1e-5,
        rectify: bool = False,
        pool: bool = False,
        layout: str = "windows",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_one_of("layout", layout, LAYOUTS)
        self.epsilon = epsilon
        self.rectify = rectify
        self.pool = pool
        self.layout = layout

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
        kinds = self.epsilon, self.rectify, pools
        y = normalize(x, gamma, beta, *kinds, large, self.layout)
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
            "layout": self.layout,
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
            merged[-1] = InstanceNorm(last.epsilon, True, layout=last.layout)
        elif last.rectify and _is_average(layer):
            merged[-1] = InstanceNorm(last.epsilon, True, True, last.layout)
        else:
            merged.append(layer)
    return merged


def lay_out(network: keras.Model, layout: str) -> None:
    """Sets how the instance norms of a network lay images out.

    It changes the time that they take, and rounding.

    Args:
        network: any; it need not have such norms.
        layout: one of `LAYOUTS`.

    Raises:
        ValueError: another `layout`.
    """
    check_one_of("layout", layout, LAYOUTS)
    for layer in network._flatten_layers(include_self=False):
        if isinstance(layer, InstanceNorm):
            layer.layout = layout


def _is_relu(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.ReLU) and (
        layer.max_value is None and not layer.negative_slope + layer.threshold
    )


def _is_average(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, keras.layers.AveragePooling2D):
        halves = layer.pool_size == layer.strides == (2, 2)
        drops = layer.padding == "valid"  # An odd rest, as `Pooling` does.
        return halves and drops and layer.data_format == "channels_last"
    return isinstance(layer, Pooling) and layer.reduction == "average"


def normalize(
    x: tf.Tensor,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    epsilon: float,
    rectify: bool = False,
    pool: bool = False,
    compiled: bool = False,
    layout: str = "windows",
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
        layout: one of `LAYOUTS`.

    Returns:
        `[batch, *sizes, channels]`, with `pool` sizes / 2.
    """
    forward, backward, second = _COMPILED if compiled else _PASSES
    static = (epsilon, rectify, pool, layout)

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


def _forward(x, gamma, beta, epsilon, rectify, pool, layout):
    shape, way = x.shape, LAYOUTS[layout]
    x = way.lay_out(x, pool)
    mean, r = _moments(x, epsilon, way)
    y = _affine(x, gamma, beta, mean, r)
    return averages(tf.nn.relu(y) if rectify else y, shape, pool)


def _backward(x, gamma, beta, upstream, epsilon, rectify, pool, layout):
    shape, way = x.shape, LAYOUTS[layout]
    x, d = way.lay_out(x, pool), way.lay_out(spread(upstream, pool), pool)
    mean, r = _moments(x, epsilon, way)
    d = _keeper(x, gamma, beta, mean, r, rectify)(d)
    mean_d = way.mean(d)
    mean_zd = _mean_with_z(d, mean_d, x, mean, r, way)
    scale = gamma * r
    constant = scale * (r * mean_zd * mean - mean_d)
    of_x = scale * d - scale * r * mean_zd * x + constant
    return (
        whole(of_x, shape),
        _total(mean_zd, shape),
        _total(mean_d, shape),
    )


def _second(
    x, gamma, beta, upstream, u, u_gamma, u_beta, epsilon, rectify, pool, layout
):
    shape, way = x.shape, LAYOUTS[layout]
    x, u, d = (
        way.lay_out(image, pool) for image in (x, u, spread(upstream, pool))
    )
    mean, r = _moments(x, epsilon, way)
    keep = _keeper(x, gamma, beta, mean, r, rectify)
    d = keep(d)
    mean_d, mean_u = way.mean(d), way.mean(u)
    mean_zd = _mean_with_z(d, mean_d, x, mean, r, way)
    mean_zu = _mean_with_z(u, mean_u, x, mean, r, way)
    mean_dt = r * (way.mean(d * u) - mean_d * mean_u - mean_zd * mean_zu)
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
        whole(of_x, shape),
        _total(mean_dt, shape),
        averages(keep(of_upstream), shape, pool),
    )


_PASSES = (_forward, _backward, _second)
_COMPILED = tuple(
    tf.function(function, autograph=False, jit_compile=True)
    for function in _PASSES
)


def _affine(x, gamma, beta, mean, r) -> tf.Tensor:
    """Returns gamma z + beta, with z = (x - mean) r, as one factor of `x`."""
    scale = gamma * r
    return scale * x + (beta - mean * scale)


def _keeper(x, gamma, beta, mean, r, rectify):
    """Returns the function that is 0 where the ReLU is."""
    if not rectify:
        return lambda values: values
    # To the bit what the result was made from.
    on = _affine(x, gamma, beta, mean, r) > 0
    return lambda values: tf.where(on, values, tf.zeros([], values.dtype))


def _moments(
    x: tf.Tensor, epsilon: float, way: Layout
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and 1 / sqrt(variance + epsilon)."""
    mean = way.mean(x)
    variance = way.mean(tf.math.squared_difference(x, mean))
    return mean, tf.math.rsqrt(variance + epsilon)


def _mean_with_z(d, mean_d, x, mean, r, way: Layout) -> tf.Tensor:
    """Returns <z d>, with z = (x - mean) r, in one pass over `d` and `x`."""
    return r * (way.mean(d * x) - mean * mean_d)


def _total(mean: tf.Tensor, shape: tf.TensorShape) -> tf.Tensor:
    """Returns the sum over images and positions, of means, `[channels]`."""
    total = tf.reduce_sum(mean, range(mean.shape.rank - 1))
    return total * math.prod(shape[1:-1])
