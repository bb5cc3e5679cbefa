"""One battery of promises over all networks, against NumPy."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.networks import NETWORKS, Functional, convolve_in

CLASSES = 3
# The least images each takes, or nearly; small settings where it has any.
SMALL = {
    "convnet": ((8, 8, 1), {"width": 4, "depth": 2}),
    "alexnet": ((8, 9, 3), {}),
    "vgg11": ((28, 28, 1), {}),
    "resnet18": ((9, 10, 1), {}),
    "resnet18ap": ((16, 16, 2), {}),
    "mlp": ((8, 8, 1), {"width": 6}),
    "lenet": ((12, 12, 1), {}),
    "convnet3d": ((8, 8, 9, 1), {"width": 4, "depth": 2}),
}
FEATURES = {
    "convnet": 3 * 3 * 4,
    "alexnet": 1 * 1 * 192,
    "vgg11": 512,
    "resnet18": 512,
    "resnet18ap": 2 * 2 * 512,
    "mlp": 6,
    "lenet": 84,
    "convnet3d": 3 * 3 * 3 * 4,
}
# What one large residual network shows, the other need not.
MOST = [name for name in NETWORKS if name != "resnet18ap"]
# Nor is there anything in these that XLA has not seen in the others.
COMPILED = [name for name in MOST if name not in ("vgg11", "resnet18")]


def _slow_if_large(name):
    marks = [pytest.mark.slow] if name == "vgg11" else []
    return pytest.param(name, marks=marks)


def make(name, dtype=None, **changes):
    shape, settings = SMALL[name]
    network = NETWORKS[name]
    settings = network.Settings(**{**settings, **changes})
    return network(shape, CLASSES, settings, dtype=dtype)


def draw(generator, name, batch=2):
    return tf.constant(generator.normal(size=(batch, *SMALL[name][0])))


@pytest.fixture(params=NETWORKS)
def name(request):
    return request.param


# The networks in NumPy. Weights are consumed in PyTorch's order.


def conv(x, weights, padding, stride=1, bias=True):
    kernel = next(weights)
    axes = kernel.ndim - 2
    pad = [(0, 0), *[(padding, padding)] * axes, (0, 0)]
    x = np.pad(x, pad)
    sizes = [
        (have - size) // stride + 1
        for have, size in zip(x.shape[1:], kernel.shape[:axes])
    ]
    y = 0.0
    for offset in itertools.product(*map(range, kernel.shape[:axes])):
        window = [
            slice(o, o + stride * (n - 1) + 1, stride)
            for o, n in zip(offset, sizes)
        ]
        y = y + x[(slice(None), *window)] @ kernel[offset]
    return y + next(weights) if bias else y


def instance(x, weights):
    axes = tuple(range(1, x.ndim - 1))
    mean = x.mean(axes, keepdims=True)
    z = (x - mean) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    return z * next(weights) + next(weights)


def pool(x, reduce):
    for axis in range(1, x.ndim - 1):
        n = x.shape[axis] // 2
        parts = np.stack([x.take(range(i, 2 * n, 2), axis) for i in range(2)])
        x = reduce(parts, axis=0)
    return x


def relu(x):
    return np.maximum(x, 0)


def dense(x, weights):
    return x.reshape(len(x), -1) @ next(weights) + next(weights)


def convnet(x, weights):
    for padding in (3, 1):
        x = relu(instance(conv(x, weights, padding), weights))
        x = pool(x, np.mean)
    return x


def alexnet(x, weights):
    for padding, pooled in ((2, 1), (2, 1), (1, 0), (1, 0), (1, 1)):
        x = relu(conv(x, weights, padding))
        x = pool(x, np.max) if pooled else x
    return x


def vgg11(x, weights):
    padding = 3
    for block in (1, 1, 2, 2, 2):
        for _ in range(block):
            x = relu(instance(conv(x, weights, padding), weights))
            padding = 1
        x = pool(x, np.max)
    return x


def resnet(x, weights, averaged):
    def unit(x, padding, stride):
        halved = stride == 2 and averaged
        x = conv(x, weights, padding, 1 if averaged else stride, bias=False)
        # The main way pools after its ReLU, the shortcut before its norm.
        if padding:
            x = relu(instance(x, weights))
            return pool(x, np.mean) if halved else x
        return instance(pool(x, np.mean) if halved else x, weights)

    x = unit(x, 1, 1)
    for stage in range(4):
        for block in range(2):
            stride = 2 if stage and not block else 1
            y = unit(x, 1, stride)
            y = instance(conv(y, weights, 1, bias=False), weights)
            x = relu(y + (unit(x, 0, 2) if stride == 2 else x))
    return x if averaged else x.mean((1, 2))


def mlp(x, weights):
    return relu(dense(relu(dense(x, weights)), weights))


def lenet(x, weights):
    for padding in (2, 0):
        x = pool(relu(conv(x, weights, padding)), np.max)
    return mlp(x, weights)


NUMPY = {
    "convnet": convnet,
    "alexnet": alexnet,
    "vgg11": vgg11,
    "resnet18": lambda x, weights: resnet(x, weights, False),
    "resnet18ap": lambda x, weights: resnet(x, weights, True),
    "mlp": mlp,
    "lenet": lenet,
    "convnet3d": convnet,
}


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


# What residual blocks give, but not what is rectified inside of them.
MAPS = {
    "convnet": 2,
    "alexnet": 5,
    "vgg11": 8,
    "resnet18": 9,
    "resnet18ap": 9,
    "mlp": 2,
    "lenet": 4,
    "convnet3d": 2,
}


def test_maps_are_what_each_block_rectifies(name, generator, monkeypatch):
    """Before it is pooled; the features come last."""
    functional = Functional(make(name, dtype="float64"))
    images = draw(generator, name)
    parameters = [
        tf.cast(p, tf.float64) + generator.normal(0, 0.1, p.shape[-1])
        for p in functional.initialize(seeds.named(0, name))
    ]
    rectified = []

    def recording(x):
        rectified.append(np.maximum(x, 0))
        return rectified[-1]

    monkeypatch.setitem(globals(), "relu", recording)
    features = NUMPY[name](
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
    functional = Functional(make("convnet", **choice))
    images = tf.cast(draw(generator, "convnet"), tf.float32)
    parameters = functional.initialize(seeds.named(0, "maps"))
    first, second, last = functional.maps(parameters, images)
    # Images of one channel gain two pixels on every side.
    side = 12 if choice.get("pooling") == "none" else 6
    assert first.shape == (2, 12, 12, 4) and second.shape == (2, side, side, 4)
    expected = functional.embed(parameters, images)
    np.testing.assert_allclose(last, expected, rtol=1e-5, atol=1e-6)


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


@pytest.mark.parametrize("name", map(_slow_if_large, MOST))
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


@pytest.mark.parametrize("name", MOST)
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


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "convnet3d"])
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
