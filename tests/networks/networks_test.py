"""One battery of promises over all networks, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.networks import NETWORKS, Functional, convolve_in
from tests.networks.small import (
    NUMPY,
    dense,
    draw,
    make,
)

FEATURES = {
    "convnet": 3 * 3 * 4,
    "alexnet": 1 * 1 * 192,
    "vgg11": 512,
    "resnet18": 512,
    "resnet18ap": 2 * 2 * 512,
    "resnet10ap": 512,
    "mlp": 6,
    "lenet": 84,
    "convnet3d": 3 * 3 * 3 * 4,
}
# What two residual networks show, the third need not.
MOST = [name for name in NETWORKS if name != "resnet18ap"]
# Nor is there anything in these that XLA has not seen in the others.
LARGE = ("vgg11", "resnet18", "resnet10ap")
COMPILED = [name for name in MOST if name not in LARGE]


def _slow(names, *slow):
    """What takes seconds is slow where others show the same."""
    return [
        pytest.param(name, marks=[pytest.mark.slow] * (name in slow))
        for name in names
    ]


@pytest.fixture(params=_slow(NETWORKS, "resnet18ap"))
def name(request):
    return request.param


def test_equals_numpy_as_a_model_and_as_a_function(name, generator):
    network = make(name, dtype="float64")
    functional = Functional(network)
    images = draw(generator, name)
    parameters = [
        tf.cast(p, tf.float64) + generator.normal(0, 0.1, p.shape[-1])
        for p in functional.initialize(seeds.named(0, name))
    ]
    weights = iter([p.numpy() for p in parameters])
    features = NUMPY[name](images.numpy(), weights).reshape(2, -1)
    logits = dense(features, weights)
    assert next(weights, None) is None
    assert features.shape == (2, FEATURES[name])
    for variable, value in zip(network.trainable_variables, parameters):
        variable.assign(value)
    for found, wanted in (
        (functional.embed(parameters, images), features),
        (functional.logits(parameters, images), logits),
        (network.embed(images), features),
        (network(images), logits),
    ):
        np.testing.assert_allclose(
            found, wanted, rtol=1e-8, atol=1e-9 * np.abs(wanted).max()
        )


def test_starts_as_he_does(generator):
    """Convolutions with the deviation that their outputs say."""
    network = make("resnet10ap")
    drawn = Functional(network).initialize(seeds.named(0, "he"))
    kernels = [
        np.asarray(value)
        for variable, *both in zip(
            network.trainable_variables, network.get_weights(), drawn
        )
        for value in both
        if len(variable.shape) == 4 and variable.shape[2] > 1
    ]
    assert len(kernels) == 2 * (4 * 2 + 3)
    for kernel in kernels:
        fan_out = np.prod(kernel.shape) / kernel.shape[2]
        assert kernel.std() == pytest.approx((2 / fan_out) ** 0.5, rel=0.03)


@pytest.mark.parametrize(
    "name", _slow([n for n in NETWORKS if n != "resnet10ap"], "resnet18ap")
)
def test_starts_as_pytorch_does(name):
    network = make(name)
    drawn = Functional(network).initialize(seeds.named(0, name))
    assert len(drawn) == len(network.trainable_variables)
    bound = None
    for variable, *values in zip(
        network.trainable_variables, network.get_weights(), drawn
    ):
        for value in map(np.asarray, values):
            if variable.name in ("gamma", "beta"):
                assert np.all(value == (variable.name == "gamma"))
                continue
            if variable.name == "kernel":
                bound = np.prod(value.shape[:-1]) ** -0.5
            assert np.abs(value).max() <= bound * (1 + 1e-6)
            # A few values may well all be small.
            assert value.size < 20 or np.abs(value).max() > 0.5 * bound


def energy(functional, parameters, images):
    """A nonlinear function of the gradient in the parameters."""
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        logits = functional.logits(parameters, images)
        loss = tf.reduce_mean(tf.math.log_softmax(logits)[:, 1])
    gradients = tape.gradient(loss, parameters)
    assert all(np.abs(g).max() > 0 for g in gradients)
    return tf.add_n([tf.reduce_sum(tf.sin(9 * g)) for g in gradients])


@pytest.mark.parametrize("name", _slow(MOST, *LARGE, "alexnet", "convnet3d"))
def test_second_derivative_equals_central_differences(name, generator):
    functional = Functional(make(name, dtype="float64"))
    parameters = [
        tf.cast(p, tf.float64)
        for p in functional.initialize(seeds.named(1, name))
    ]
    images = draw(generator, name, batch=1)
    direction = draw(generator, name, batch=1)
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = energy(functional, parameters, images)
    slope = tf.reduce_sum(tape.gradient(value, images) * direction)
    step = 1e-7 * direction
    numeric = (
        energy(functional, parameters, images + step)
        - energy(functional, parameters, images - step)
    ) / 2e-7
    assert abs(numeric) > 1e-3
    assert float(slope) == pytest.approx(float(numeric), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILED)
def test_compiles_under_xla(name, generator):
    functional = Functional(make(name))
    parameters = functional.initialize(seeds.named(2, name))
    images = tf.cast(draw(generator, name), tf.float32)

    def compute(parameters, images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = functional.logits(parameters, images)
            loss = tf.reduce_sum(tf.math.log_softmax(logits)[:, 0])
        return logits, tape.gradient(loss, images)

    compiled = tf.function(compute, jit_compile=True, autograph=False)
    for found, wanted in zip(
        compiled(parameters, images), compute(parameters, images)
    ):
        assert np.abs(wanted).max() > 0
        np.testing.assert_allclose(
            found, wanted, atol=1e-3 * np.abs(wanted).max()
        )


@pytest.mark.parametrize("name", _slow(MOST, "resnet18"))
def test_config_round_trip(name):
    network = make(name)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(network)
    )
    assert type(again) is NETWORKS[name]
    assert again.get_config() == network.get_config()
    shapes = [w.shape for w in network.weights]
    assert [w.shape for w in again.weights] == shapes
    assert again.settings == network.settings
    assert network.settings.name == name


@pytest.mark.parametrize("name", ["alexnet", "resnet10ap", "convnet3d"])
def test_batch_norm_sees_whether_it_trains(name, generator):
    functional = Functional(make(name, norm="batch"))
    parameters = functional.initialize(seeds.named(3, name))
    images = tf.cast(draw(generator, name), tf.float32)
    start = functional.initial_statistics()
    norms = sum(w.name == "gamma" for w in functional.network.weights)
    assert len(start) == 2 * norms > 0
    _, trained = functional.apply(parameters, start, images, True)
    _, tested = functional.apply(parameters, start, images, False)
    assert all(np.any(a != b) for a, b in zip(start, trained))
    for a, b in zip(start, tested):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", _slow(MOST, *LARGE))
def test_convolutions_round_to_bfloat16_and_nothing_else(name, generator):
    exact, rounded = make(name), make(name)
    rounded.set_weights(exact.get_weights())
    convolve_in(rounded, "bfloat16")
    convolutional = [
        layer
        for layer in rounded._flatten_layers(include_self=False)
        if layer.compute_dtype == "bfloat16"
    ]
    assert bool(convolutional) == (name != "mlp")
    for layer in convolutional:
        assert "Conv" in type(layer).__name__
        assert layer.variable_dtype == "float32"
    images = tf.cast(draw(generator, name, 4), tf.float32)
    difference = np.std(rounded(images) - exact(images))
    # Instance norms of a few pixels make little differences large.
    assert difference < 0.2 * np.std(exact(images))
    assert (difference > 0) == bool(convolutional)
