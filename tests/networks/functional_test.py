import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.networks import ConvNet, Functional

SHAPE = (8, 8, 3)


@pytest.fixture(params=["instance", "batch", "layer", "group", "none"])
def network(request):
    return Functional(
        ConvNet(
            SHAPE, 4, ConvNet.Settings(width=8, depth=2, norm=request.param)
        )
    )


@pytest.fixture
def images(generator):
    return tf.constant(generator.normal(size=(5, *SHAPE)), tf.float32)


def test_equals_the_keras_model(network, images):
    parameters = network.initialize(seeds.named(0, "a"))
    for variable, value in zip(network.network.trainable_variables, parameters):
        variable.assign(value)
    np.testing.assert_allclose(
        network.logits(parameters, images),
        network.network(images, training=True),
        atol=1e-5,
    )
    np.testing.assert_allclose(
        network.embed(parameters, images),
        network.network.embed(images, training=True),
        atol=1e-5,
    )


def test_initialisation_follows_the_seed(network):
    first = network.initialize(seeds.named(0, "a"))
    same = network.initialize(seeds.named(0, "a"))
    other = network.initialize(seeds.named(0, "b"))
    for a, b in zip(first, same):
        np.testing.assert_array_equal(a, b)
    drawn = [bool(np.ptp(a)) for a in first]  # Norms start at 1 and 0.
    assert drawn == [bool(np.any(a != b)) for a, b in zip(first, other)]
    assert any(drawn)


def test_flatten_round_trip(network):
    parameters = network.initialize(seeds.named(0, "a"))
    vector = network.flatten(parameters)
    assert vector.shape == (network.size,)
    for a, b in zip(network.unflatten(vector), parameters):
        np.testing.assert_array_equal(a, b)


def test_never_touches_the_model(network, images):
    before = network.network.get_weights()
    parameters = network.initialize(seeds.named(0, "a"))
    network.apply(parameters, network.initial_statistics(), images, True)
    for a, b in zip(before, network.network.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_batch_statistics_move_in_training_only(images):
    network = Functional(
        ConvNet(SHAPE, 4, ConvNet.Settings(width=6, depth=1, norm="batch"))
    )
    parameters = network.initialize(seeds.named(0, "a"))
    start = network.initial_statistics()
    _, trained = network.apply(parameters, start, images, True)
    _, tested = network.apply(parameters, start, images, False)
    assert [s.shape for s in trained] == [(6,), (6,)]
    assert all(np.any(a != b) for a, b in zip(start, trained))
    for a, b in zip(start, tested):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"norm": "batch"},
        {"norm": "layer"},
        {"norm": "group"},
        {"pooling": "max"},
        {"pooling": "none", "activation": "leaky_relu"},
        {"norm": "none", "activation": "sigmoid"},
        {"activation": "swish"},
    ],
    ids=str,
)
def test_second_derivatives_equal_central_differences(choices, generator):
    """d/dx of a directional derivative in the parameters, in float64."""
    network = Functional(
        ConvNet(
            (4, 4, 1),
            3,
            ConvNet.Settings(width=4, depth=1, **choices),
            dtype="float64",
        )
    )
    parameters = [
        tf.constant(generator.normal(size=shape)) for shape in network.shapes
    ]
    images = tf.constant(generator.normal(size=(2, 4, 4, 1)))
    labels = tf.constant([0, 2])

    def energy(images):
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            logits = network.logits(parameters, images)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            )
        gradient = tape.gradient(loss, parameters)
        return tf.add_n([tf.reduce_sum(tf.sin(g)) for g in gradient])

    with tf.GradientTape() as tape:
        tape.watch(images)
        value = energy(images)
    gradient = tape.gradient(value, images).numpy()
    step = 1e-6
    for position in [(0, 1, 2, 0), (1, 3, 0, 0)]:
        nudge = np.zeros(images.shape)
        nudge[position] = step
        numeric = (energy(images + nudge) - energy(images - nudge)) / (2 * step)
        assert gradient[position] == pytest.approx(float(numeric), rel=1e-5)
