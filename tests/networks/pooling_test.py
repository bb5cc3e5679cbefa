import numpy as np
import pytest
import tensorflow as tf

from fred_tf.networks.pooling import Pooling, pooling

SHAPES = [(2, 6, 3), (2, 4, 6, 3), (2, 5, 7, 2), (2, 4, 5, 6, 2)]


def windows(x):
    """`[..., channels, positions of the window]` of an array without rests."""
    for axis in range(1, x.ndim - 1):
        x = x.take(range(x.shape[axis] // 2 * 2), axis)
    for axis in range(1, x.ndim - 1):
        x = np.stack(np.split(x, x.shape[axis] // 2, axis), axis)
        x = np.moveaxis(x, axis + 1, -1)
    return x.reshape(*x.shape[: x.ndim - (x.ndim - 2) // 2], -1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["average", "max"])
def test_equals_numpy(shape, name, generator):
    x = generator.normal(size=shape)
    expected = windows(x)
    expected = expected.max(-1) if name == "max" else expected.mean(-1)
    axes = len(shape) - 2
    (layer,) = pooling(name, axes) if axes > 1 else [Pooling(name)]
    layer.dtype_policy = "float64"
    np.testing.assert_allclose(layer(tf.constant(x)), expected, rtol=1e-12)
    assert layer.compute_output_shape(shape) == expected.shape


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("shape", [(2, 4, 6, 3), (2, 5, 4, 6, 2)])
def test_second_derivative_of_max_follows_the_greatest(shape, jit, generator):
    """For sum(sin(pool x)) it is cos'(x) where x is the greatest, else 0."""
    x = tf.constant(generator.normal(size=shape), tf.float32)
    layer = Pooling("max")

    @tf.function(jit_compile=jit, autograph=False)
    def second(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(tf.sin(layer(x)))
            energy = tf.reduce_sum(inner.gradient(loss, x))
        return outer.gradient(energy, x)

    chosen = np.isin(x, windows(x.numpy()).max(-1))
    expected = np.where(chosen, -np.sin(x), 0)
    np.testing.assert_allclose(second(x), expected, atol=1e-6)


def test_among_equals_the_first_has_the_gradient():
    x = tf.reshape([[0.0, 2.0], [2.0, 1.0]], [1, 2, 2, 1])
    layer = Pooling("max")
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    gradient = tape.gradient(y, x)
    np.testing.assert_array_equal(tf.reshape(gradient, [-1]), [0, 1, 0, 0])


def test_none_has_no_layer():
    assert pooling("none") == []
