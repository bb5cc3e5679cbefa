"""Random features against the kernel that they estimate."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.kernels import FullyConnected, RandomFeatures

SEED = tf.constant(seeds.named(0, "features"))


def made(shape, **settings):
    settings = {"width": 4, "depth": 1, "networks": 2, **settings}
    return RandomFeatures(shape, RandomFeatures.Settings(**settings))


def exact(images, s, b):
    """The kernel of one block of infinite width, position by position."""
    n, size, _, channels = images.shape
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)])
    patches = np.stack(
        [
            padded[:, i : i + 3, j : j + 3].reshape(n, -1)
            for i in range(size)
            for j in range(size)
        ],
        1,
    )
    moments = np.einsum("apk,bqk->abpq", patches, patches)
    moments = s * moments / (9 * channels) + b
    squares = np.einsum("aapp->ap", moments)
    r = np.sqrt(squares[:, None, :, None] * squares[None, :, None, :])
    u = np.clip(moments / r, -1, 1)
    means = r * (u * (np.pi - np.arccos(u)) + np.sqrt(1 - u**2)) / (2 * np.pi)
    half = size // 2
    pooled = means.reshape(n, n, *[half, 2] * 4)
    pooled = pooled.mean((3, 5, 7, 9)).reshape(n, n, half**2, half**2)
    return s * np.einsum("abpp->ab", pooled) / half**2 + b


def test_estimate_the_kernel_of_infinite_width(generator):
    images = generator.normal(size=(5, 6, 6, 3))
    kernel = made((6, 6, 3), width=500, networks=8)
    features = kernel.represent(tf.constant(images, tf.float32), SEED)
    assert features.shape == (5, 8 * 9 * 500)
    found = kernel.between(features)
    assert found.dtype == tf.float64
    np.testing.assert_allclose(found, exact(images, 2, 0.01), rtol=0.05)
    np.testing.assert_allclose(
        kernel.between(features, features[:2]), found[:, :2], rtol=1e-12
    )


def test_are_those_of_the_seed_alone(generator):
    images = tf.constant(generator.normal(size=(3, 8, 8, 1)), tf.float32)
    kernel = made((8, 8, 1), depth=2)
    features = kernel.represent(images, SEED)
    np.testing.assert_array_equal(kernel.represent(images, SEED), features)
    np.testing.assert_array_equal(
        made((8, 8, 1), depth=2).represent(images, SEED), features
    )
    np.testing.assert_allclose(
        kernel.represent(images[:1], SEED), features[:1], atol=1e-6
    )
    others = kernel.represent(images, seeds.fold(SEED, 1))
    assert not np.allclose(others, features, atol=1e-3)
    # Networks of one seed differ, too.
    first, second = np.split(features.numpy(), 2, 1)
    assert not np.allclose(first, second, atol=1e-3)


def test_weights_and_biases_have_their_variances():
    kernel = made((8, 8, 3), width=64, depth=2, weight_variance=3.0)
    for drawn, fan_in in zip(kernel._drawn(SEED)[::2], (27, 576)):
        np.testing.assert_allclose(np.var(drawn), 3 / fan_in, rtol=0.1)
    biases = np.concatenate([b.numpy() for b in kernel._drawn(SEED)[1:4:2]])
    np.testing.assert_allclose(np.var(biases), 0.01, rtol=0.4)
    # Else the biases of two layers would be the same numbers.
    assert not np.allclose(*np.split(biases, 2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"networks": 0}, "`networks` must be"),
        ({"width": 0}, "`width` must be"),
        ({"depth": 0}, "`depth` must be"),
        ({"weight_variance": -1.0}, "`weight_variance` must be"),
        ({"bias_variance": -1.0}, "`bias_variance` must be"),
        ({"precision": "half"}, "`precision` must be one of"),
        ({"depth": 4}, "at least 16 pixels.* Lower `objective.depth`"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        made((8, 8, 3), **settings)


@pytest.mark.parametrize(
    ("shape", "rule"),
    [((1, 8, 3), "at least 2 pixels.* 1 x 8"), ((8, 8, 8, 1), "takes images")],
)
def test_the_other_kernel_takes_other_images(shape, rule):
    way_out = "`objective.kernel` 'fully_connected'"
    with pytest.raises(ValueError, match=f"{rule}.*Take {way_out}"):
        made(shape, depth=1)
    FullyConnected(shape)
