"""What the blocks of a network give, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.networks import Functional
from tests.networks import small

# What residual blocks give, but not what is rectified inside of them.
MAPS = {
    "convnet": 2,
    "alexnet": 5,
    "vgg11": 8,
    "resnet18": 9,
    "resnet18ap": 9,
    "resnet10ap": 5,
    "mlp": 2,
    "lenet": 4,
    "convnet3d": 2,
}


# What one residual network shows, the larger ones need not; nor need VGG11
# show what AlexNet does.
LARGE = ("vgg11", "resnet18", "resnet18ap")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE))
        for name in MAPS
    ],
)
def test_maps_are_what_each_block_rectifies(name, generator, monkeypatch):
    """Before it is pooled; the features come last."""
    functional = Functional(small.make(name, dtype="float64"))
    images = small.draw(generator, name)
    parameters = [
        tf.cast(p, tf.float64) + generator.normal(0, 0.1, p.shape[-1])
        for p in functional.initialize(seeds.named(0, name))
    ]
    rectified = []

    def recording(x):
        rectified.append(np.maximum(x, 0))
        return rectified[-1]

    monkeypatch.setattr(small, "relu", recording)
    features = small.NUMPY[name](
        images.numpy(), iter([p.numpy() for p in parameters])
    )
    *maps, last = functional.maps(parameters, images)
    np.testing.assert_allclose(last, features.reshape(2, -1), rtol=1e-7)
    assert len(maps) == MAPS[name]
    if name.startswith("resnet"):
        rectified = [rectified[0], *rectified[2::2]]
    for found, wanted in zip(maps, rectified, strict=True):
        assert found.shape == wanted.shape
        np.testing.assert_allclose(
            found, wanted, rtol=1e-7, atol=1e-8 * np.abs(wanted).max()
        )


@pytest.mark.parametrize(
    "choice",
    [
        {"norm": "none", "pooling": "max"},
        {"norm": "instance", "pooling": "none"},
        {"norm": "instance", "activation": "leaky_relu"},
        {"norm": "group", "activation": "swish"},
    ],
)
def test_maps_of_every_kind_of_block(choice, generator):
    functional = Functional(small.make("convnet", **choice))
    images = tf.cast(small.draw(generator, "convnet"), tf.float32)
    parameters = functional.initialize(seeds.named(0, "maps"))
    first, second, last = functional.maps(parameters, images)
    # Images of one channel gain two pixels on every side.
    side = 12 if choice.get("pooling") == "none" else 6
    assert first.shape == (2, 12, 12, 4) and second.shape == (2, side, side, 4)
    expected = functional.embed(parameters, images)
    np.testing.assert_allclose(last, expected, rtol=1e-5, atol=1e-6)
