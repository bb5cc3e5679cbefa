import numpy as np
import pytest
import tensorflow as tf

from fred_tf.networks import MLP, ConvNet


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
    network = ConvNet(shape, classes, ConvNet.Settings(depth=depth))
    assert network.count_params() == parameters
    assert network.embed(tf.zeros([1, *shape])).shape == (1, 2048)
    assert network(tf.zeros([2, *shape])).shape == (2, classes)


@pytest.mark.parametrize(
    ("choice", "value", "parameters"),
    [
        # Two convolutions and the classifier; what the norms add.
        ("norm", "none", 28 * 8 + 73 * 8 + 33 * 4),
        ("norm", "instance", 28 * 8 + 73 * 8 + 33 * 4 + 4 * 8),
        ("norm", "group", 28 * 8 + 73 * 8 + 33 * 4 + 4 * 8),
        # With the two moving moments.
        ("norm", "batch", 28 * 8 + 73 * 8 + 33 * 4 + 8 * 8),
        ("norm", "layer", 28 * 8 + 73 * 8 + 33 * 4 + 2 * (64 + 16) * 8),
        ("pooling", "max", 28 * 8 + 73 * 8 + 33 * 4 + 4 * 8),
        ("pooling", "none", 28 * 8 + 73 * 8 + 513 * 4 + 4 * 8),
        ("activation", "leaky_relu", 28 * 8 + 73 * 8 + 33 * 4 + 4 * 8),
        ("activation", "sigmoid", 28 * 8 + 73 * 8 + 33 * 4 + 4 * 8),
        ("activation", "swish", 28 * 8 + 73 * 8 + 33 * 4 + 4 * 8),
    ],
)
def test_every_choice_runs_and_round_trips(
    choice, value, parameters, generator
):
    network = ConvNet(
        (8, 8, 3), 4, ConvNet.Settings(width=8, depth=2, **{choice: value})
    )
    assert network.count_params() == parameters
    images = tf.constant(generator.normal(size=(3, 8, 8, 3)), tf.float32)
    again = ConvNet.from_config(network.get_config())
    again.set_weights(network.get_weights())
    np.testing.assert_allclose(again(images), network(images), atol=1e-6)


def _logistic(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("activation", "formula"),
    [
        ("relu", lambda x: np.maximum(x, 0)),
        ("leaky_relu", lambda x: np.where(x < 0, 0.01 * x, x)),
        ("sigmoid", _logistic),
        ("swish", lambda x: x * _logistic(x)),
    ],
)
def test_activations_are_their_formulas(activation, formula, generator):
    arguments = dict(width=3, depth=1, norm="none", pooling="none")
    network = ConvNet(
        (4, 4, 1), 2, ConvNet.Settings(activation=activation, **arguments)
    )
    x = generator.normal(size=(5, 7)).astype(np.float32)
    np.testing.assert_allclose(network.steps[-2](x), formula(x), rtol=1e-5)


def test_starts_as_pytorch_does():
    network = ConvNet((16, 16, 3), 10, ConvNet.Settings(width=64, depth=2))
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


def test_without_pooling_the_depth_is_free():
    network = ConvNet(
        (4, 5, 3), 2, ConvNet.Settings(width=2, depth=8, pooling="none")
    )
    assert network.embed(tf.zeros([1, 4, 5, 3])).shape == (1, 4 * 5 * 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": -1}, "at least 0. Received: -1"),
        ({"width": 0}, "at least 1. Received: 0"),
        ({"width": 6, "norm": "group"}, "multiple of the 4.*Received: 6"),
        ({"norm": "layers"}, "Received: 'layers'. Did you mean 'layer'"),
        ({"pooling": "mean"}, "`pooling`.*Received: 'mean'"),
        ({"activation": "gelu"}, "`activation`.*Received: 'gelu'"),
        ({"depth": 4}, "`depth` 4 needs.* 16 pixels.*8 x 8. Lower `depth`"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConvNet((8, 8, 3), 10, ConvNet.Settings(**arguments))


@pytest.mark.parametrize("depth", [1, 2])
def test_one_row_of_pixels_is_for_another_network(depth):
    with pytest.raises(ValueError, match="1 x 8. Take `network.name=mlp`"):
        ConvNet((1, 8, 3), 10, ConvNet.Settings(depth=depth))
    MLP((1, 8, 3), 10)
