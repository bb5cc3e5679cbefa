import numpy as np
import pytest
import tensorflow as tf

from fred_tf.networks.norms import NORMS, BatchNorm, GroupNorm, LayerNorm

SHAPES = [(5, 4, 3, 8), (4, 3, 2, 3, 8)]


def standardized(x, axes):
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5)


def by_definition(name, x):
    positions = tuple(range(1, x.ndim - 1))
    if name == "batch":
        return standardized(x, (0, *positions))
    if name == "layer":
        return standardized(x, (*positions, x.ndim - 1))
    if name == "instance":
        return standardized(x, positions)
    groups = np.split(x, 4, axis=-1)
    return np.concatenate(
        [standardized(g, (*positions, x.ndim - 1)) for g in groups], -1
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["instance", "batch", "layer", "group"])
def test_equals_its_definition(name, shape, generator):
    x = generator.normal(2, 3, size=shape)
    layer = NORMS[name](dtype="float64")
    layer.build(shape)
    affine = [generator.normal(size=w.shape) for w in (layer.gamma, layer.beta)]
    layer.gamma.assign(affine[0])
    layer.beta.assign(affine[1])
    assert layer.gamma.shape == (shape[1:] if name == "layer" else (8,))
    arguments = {"training": True} if name == "batch" else {}
    np.testing.assert_allclose(
        layer(x, **arguments),
        by_definition(name, x) * affine[0] + affine[1],
        rtol=1e-9,
        atol=1e-12,
    )


def test_batch_norm_moves_as_pytorch_does(generator):
    layer = BatchNorm(dtype="float64")
    mean, variance = np.zeros(3), np.ones(3)
    for _ in range(2):
        x = generator.normal(2, 3, size=(4, 5, 2, 3))
        layer(x, training=True)
        rows = x.reshape(-1, 3)
        mean = 0.9 * mean + 0.1 * rows.mean(0)
        variance = 0.9 * variance + 0.1 * rows.var(0, ddof=1)
    np.testing.assert_allclose(layer.moving_mean, mean)
    np.testing.assert_allclose(layer.moving_variance, variance)
    np.testing.assert_allclose(
        layer(x), (x - mean) / np.sqrt(variance + 1e-5), rtol=1e-9
    )


def test_batch_norm_keeps_whole_statistics_in_half_precision(generator):
    layer = BatchNorm(dtype="mixed_bfloat16")
    x = tf.constant(generator.normal(1, 1, size=(64, 2)), tf.float32)
    for _ in range(60):
        y = layer(x, training=True)
    assert y.dtype == tf.bfloat16
    # Steps as small as these are lost in bfloat16.
    left = 1 - 0.9**60
    np.testing.assert_allclose(
        layer.moving_mean, np.mean(x, 0) * left, rtol=5e-3
    )


@pytest.mark.parametrize("layer", [GroupNorm(2), LayerNorm(), BatchNorm()])
def test_config_round_trip(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_groups_must_divide_the_channels():
    with pytest.raises(ValueError, match="4 groups.*Received: 6 channels"):
        GroupNorm(4).build((None, 2, 2, 6))
