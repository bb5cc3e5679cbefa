import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf.networks import InstanceNorm
from fred_tf.networks.instance_norm import merge
from fred_tf.networks.pooling import Pooling


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


def plain(x, gamma, beta, rectify=False, pool=False):
    """The definition, left to autodiff."""
    axes = range(1, len(x.shape) - 1)
    mean = tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean((x - mean) ** 2, axes, keepdims=True)
    y = gamma * (x - mean) / tf.sqrt(variance + 1e-5) + beta
    y = tf.nn.relu(y) if rectify else y
    return Pooling("average", dtype=y.dtype)(y) if pool else y


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


@pytest.mark.parametrize(
    "size",
    [(4, 3, 5), (16, 16, 64), (15, 13, 64), (8, 8, 8, 16)],
    ids="small large odd voxels".split(),
)
@pytest.mark.parametrize("does", ["norm", "norm relu", "norm relu pool"])
@pytest.mark.parametrize(
    "mode", [pytest.param("eager", marks=pytest.mark.slow), "graph", "xla"]
)
def test_derivatives_equal_autodiff_of_the_definition(
    generator, mode, does, size
):
    # Images that are not small take the compiled path.
    x = tf.constant(generator.normal(0.5, 2, size=(2, *size)))
    gamma, beta = (
        tf.constant(generator.normal(size=size[-1])) for _ in range(2)
    )
    kinds = {"rectify": "relu" in does, "pool": "pool" in does}
    layer = InstanceNorm(dtype="float64", **kinds)
    layer.build(x.shape)

    def ours(x, gamma, beta):
        weights = [layer.gamma, layer.beta]
        with keras.StatelessScope(list(zip(weights, [gamma, beta]))):
            return layer(x)

    def compute(x, gamma, beta):
        return derivatives(ours, x, gamma, beta)

    if mode != "eager":
        compute = tf.function(compute, jit_compile=mode == "xla")

    def by_definition(x, gamma, beta):
        return plain(x, gamma, beta, **kinds)

    assert ours(x, gamma, beta).shape == layer.compute_output_shape(x.shape)
    expected = derivatives(by_definition, x, gamma, beta)
    for found, wanted in zip(compute(x, gamma, beta), expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-10)


def test_norms_take_over_what_follows_them():
    def kinds(layers):
        return [
            (layer.rectify, layer.pool)
            if isinstance(layer, InstanceNorm)
            else type(layer).__name__
            for layer in merge(layers)
        ]

    relu, norm = keras.layers.ReLU, InstanceNorm
    flat = keras.layers.AveragePooling2D(2)
    assert kinds([norm(), relu(), flat, norm()]) == [
        (True, True),
        (False, False),
    ]
    assert kinds([norm(), relu(), Pooling("average"), relu()]) == [
        (True, True),
        "ReLU",
    ]
    # What is another function stays where it was.
    assert kinds([norm(), flat]) == [(False, False), "AveragePooling2D"]
    assert kinds([norm(), relu(), Pooling("max")]) == [(True, False), "Pooling"]
    assert kinds([norm(), relu(), keras.layers.AveragePooling2D(3)]) == [
        (True, False),
        "AveragePooling2D",
    ]
    assert kinds([norm(), relu(negative_slope=0.1)]) == [
        (False, False),
        "ReLU",
    ]
    assert kinds([relu(), norm()]) == ["ReLU", (False, False)]
