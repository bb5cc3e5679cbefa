import numpy as np
import pytest
import tensorflow as tf

from fred_tf.networks import ConvNet


@pytest.mark.parametrize(
    ("shape", "classes", "depth", "parameters"),
    [
        ((32, 32, 3), 10, 3, 320_010),
        ((28, 28, 1), 10, 3, 317_706),
        ((32, 32, 3), 100, 3, 504_420),
        ((64, 64, 3), 200, 4, 857_160),
        ((128, 128, 3), 10, 5, 615_690),
    ],
)
def test_published_parameter_counts(shape, classes, depth, parameters):
    network = ConvNet(shape, classes, depth=depth)
    assert network.count_params() == parameters
    assert network.embed(tf.zeros([1, *shape])).shape == (1, 2048)
    assert network(tf.zeros([2, *shape])).shape == (2, classes)


@pytest.mark.parametrize("norm", ["instance", "batch", "group", "none"])
def test_every_norm_runs_and_round_trips(norm, generator):
    network = ConvNet((8, 8, 3), 4, width=8, depth=2, norm=norm)
    images = tf.constant(generator.normal(size=(3, 8, 8, 3)), tf.float32)
    again = ConvNet.from_config(network.get_config())
    again.set_weights(network.get_weights())
    np.testing.assert_allclose(again(images), network(images), atol=1e-6)


def test_starts_as_pytorch_does():
    network = ConvNet((16, 16, 3), 10, width=64, depth=2)
    fan_ins = {3 * 3 * 3: 1, 3 * 3 * 64: 1, 4 * 4 * 64: 1}
    layers = [layer for layer in network.steps if hasattr(layer, "kernel")]
    for layer, fan_in in zip([*layers, network.classifier], fan_ins):
        bound = fan_in**-0.5
        for weights in (layer.kernel.numpy(), layer.bias.numpy()):
            assert np.abs(weights).max() <= bound
        kernel = layer.kernel.numpy()
        assert np.abs(kernel).max() > 0.9 * bound
        assert kernel.std() == pytest.approx(bound / 3**0.5, rel=0.1)
        assert np.abs(layer.bias.numpy()).max() > 0.4 * bound


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 7}, "between 1 and 6. Received: 7"),
        ({"width": 0}, "at least 1. Received: 0"),
        ({"norm": "layer"}, "instance.*Received: 'layer'"),
        ({"depth": 4}, "needs at least 16 pixels.*Received: 8 x 8"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConvNet((8, 8, 3), 10, **arguments)
