import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf.networks import InstanceNorm


def test_instance_norm_is_group_norm_with_one_channel_a_group(generator):
    x = tf.constant(generator.normal(2, 3, size=(4, 5, 6, 7)), tf.float32)
    ours = InstanceNorm()
    ours.build(x.shape)
    theirs = keras.layers.GroupNormalization(groups=-1, epsilon=1e-5)
    theirs.build(x.shape)
    weights = [generator.normal(size=7), generator.normal(size=7)]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-5)


def plain(x, gamma, beta):
    """The definition, left to autodiff."""
    mean = tf.reduce_mean(x, [1, 2], keepdims=True)
    variance = tf.reduce_mean((x - mean) ** 2, [1, 2], keepdims=True)
    return gamma * (x - mean) / tf.sqrt(variance + 1e-5) + beta


def derivatives(function, x, gamma, beta):
    """First derivatives, and second ones of a nonlinear function of them."""
    sources = [x, gamma, beta]
    with tf.GradientTape() as outer:
        outer.watch(sources)
        with tf.GradientTape() as inner:
            inner.watch(sources)
            loss = tf.reduce_sum(tf.sin(function(x, gamma, beta)))
        first = inner.gradient(loss, sources)
        energy = tf.add_n([tf.reduce_sum(tf.cos(g)) for g in first])
    return [*first, *outer.gradient(energy, sources)]


@pytest.mark.parametrize("size", [(4, 3, 5), (16, 16, 64)])
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_derivatives_equal_autodiff_of_the_definition(generator, mode, size):
    # Large images take the compiled path.
    x = tf.constant(generator.normal(0.5, 2, size=(2, *size)))
    gamma, beta = (
        tf.constant(generator.normal(size=size[-1])) for _ in range(2)
    )
    layer = InstanceNorm(dtype="float64")
    layer.build(x.shape)

    def ours(x, gamma, beta):
        weights = [layer.gamma, layer.beta]
        with keras.StatelessScope(list(zip(weights, [gamma, beta]))):
            return layer(x)

    def compute(x, gamma, beta):
        return derivatives(ours, x, gamma, beta)

    if mode != "eager":
        compute = tf.function(compute, jit_compile=mode == "xla")
    expected = derivatives(plain, x, gamma, beta)
    for found, wanted in zip(compute(x, gamma, beta), expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-10)
