"""Any Keras model is trained as the library's networks are, or is refused."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

import fred_tf
from fred_tf import config, presets
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.coresets import random_set
from fred_tf.foreign import KerasNetwork
from fred_tf.networks import MLP, Functional
from fred_tf.objectives import OBJECTIVES
from fred_tf.training.network_training import NetworkTraining

layers = keras.layers
SHAPE = (8, 8, 1)


def linear(**options) -> keras.Model:
    return keras.Sequential(
        [keras.Input(SHAPE), layers.Flatten(), layers.Dense(10, **options)]
    )


def residual() -> keras.Model:
    """A functional model with batch norm, dropout and a regulariser."""
    images = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2")(images)
    y = layers.Dropout(0.5)(layers.BatchNormalization()(x))
    x = layers.Flatten()(layers.Add()([x, y]))
    return keras.Model(images, layers.Dense(10)(x))


class Subclassed(keras.Model):
    """A model without a config, whose call does not know `training`."""

    def __init__(self, width):
        super().__init__()
        self.hidden = layers.Dense(width, activation="relu")
        self.last = layers.Dense(10)

    def call(self, images):
        flat = tf.reshape(images, [-1, 64])
        return self.last(self.hidden(flat))


def values(network, seed) -> list[np.ndarray]:
    return [x.numpy() for part in network.fresh(seed) for x in part]


@pytest.mark.parametrize("given", [linear, residual, lambda: Subclassed(5)])
def test_weights_are_fresh_for_each_seed_and_equal_for_the_same(given):
    network = KerasNetwork(given, SHAPE, 10)
    before = random.getstate(), np.random.get_state()[1].copy()
    first, again, other = (
        values(network, np.int32([seed, 7])) for seed in (1, 1, 2)
    )
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])
    for a, b in zip(first, again):
        np.testing.assert_array_equal(a, b)
    assert any(np.any(a != b) for a, b in zip(first, other))


def test_weights_that_a_model_was_given_are_not_kept(tmp_path):
    model = residual()
    model.set_weights([np.full(w.shape, 3) for w in model.get_weights()])
    model.save(tmp_path / "m.keras")
    seed = np.int32([1, 7])
    expected = values(KerasNetwork(residual, SHAPE, 10), seed)
    for given in (model, tmp_path / "m.keras"):
        network = KerasNetwork(given, SHAPE, 10)
        for a, b in zip(values(network, seed), expected):
            np.testing.assert_array_equal(a, b)
        assert network.description["parameters"] == 40 + 8 + 2570


def test_it_is_trained_as_the_librarys_own(generator):
    """The same layers with the same weights come to the same ones."""
    images = generator.normal(size=(20, *SHAPE)).astype(np.float32)
    labels = np.arange(20) % 10
    own = Functional(MLP(SHAPE, 10))

    def same():
        return keras.Sequential(
            [
                keras.Input(SHAPE),
                layers.Flatten(),
                *(layers.Dense(128, activation="relu") for _ in range(2)),
                layers.Dense(10),
            ]
        )

    theirs = KerasNetwork(same, SHAPE, 10)
    assert theirs.shapes == own.shapes
    state = NetworkTraining(own, SiameseAugmentation("none"), 8).start(
        np.int32([0, 1])
    )
    after = [
        NetworkTraining(
            network, SiameseAugmentation("none"), 8, 0.9, 1e-3
        ).passes(state, images, labels, np.int32([0, 2]), 0, 2, 0.1)[0]
        for network in (own, theirs)
    ]
    for a, b in zip(*after):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_moments_and_dropout_follow_training(generator):
    network = KerasNetwork(residual, SHAPE, 10)
    training = NetworkTraining(network, SiameseAugmentation("none"), 10)
    images = 5 + generator.normal(size=(20, *SHAPE)).astype(np.float32)
    state = training.start(np.int32([0, 1]))
    after, again = (
        training.passes(
            state, images, np.arange(20) % 10, np.int32([0, 2]), 0, 2, 0.01
        )
        for _ in range(2)
    )
    for a, b in zip(tf.nest.flatten(after), tf.nest.flatten(again)):
        np.testing.assert_array_equal(a, b)
    for before, now in zip(state[2], after[2]):
        assert np.any(before.numpy() != now.numpy())


SETTINGS = config.override(
    presets.preset("digits_ipc1_dm_tiny"),
    ["evaluation.networks=2", "evaluation.epochs=2", "augmentation=none"],
)


def test_a_set_is_scored_by_a_model_and_continues(digits, tmp_path):
    chosen, path = random_set(digits, 1, 0), tmp_path / "evaluation.json"
    arguments = {"config": SETTINGS, "path": path}
    whole = fred_tf.evaluate(chosen, digits, SETTINGS, network=linear)
    assert len(set(whole.accuracies)) == 2
    one = ["evaluation.networks=1"]
    first = fred_tf.evaluate(
        chosen, digits, **arguments, overrides=one, network=linear
    )
    again = fred_tf.evaluate(chosen, digits, **arguments, network=linear)
    assert first.accuracies == whole.accuracies[:1]
    assert again.accuracies == whole.accuracies
    # How norms of the settings' network lie is nothing of it.
    pieces = config.override(SETTINGS, ["norm_layout=pieces"])
    given = {**arguments, "config": pieces}
    again = fred_tf.evaluate(chosen, digits, **given, network=linear)
    assert again.accuracies == whole.accuracies
    with pytest.raises(ValueError, match="`network.model` is 'Seq"):
        fred_tf.evaluate(chosen, digits, **arguments, network=residual)
    for override in ("evaluation.by=kernel", "convolutions=bfloat16"):
        with pytest.raises(ValueError, match=override.partition("=")[0]):
            fred_tf.evaluate(
                chosen, digits, SETTINGS, overrides=[override], network=linear
            )


def frozen() -> keras.Model:
    model = linear()
    model.layers[-1].trainable = False
    return model


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "`network` must be a function"),
        (lambda: 3, "must return a `keras.Model`. Received: int"),
        (lambda: linear(activation="softmax"), "last softmax out"),
        (lambda: linear(dtype="float64"), "must be float32"),
        (lambda: linear(kernel_initializer="ones"), None),
        (
            lambda: linear(
                kernel_initializer=keras.initializers.HeNormal(seed=3)
            ),
            "fresh weights.*kernel.*without a `seed`",
        ),
        (frozen, "weights to train"),
        (frozen(), "no layer may be frozen.*'dense"),
        (Subclassed(3), "Give a function that makes it"),
        (
            lambda: keras.Sequential([layers.Flatten(), layers.Dense(9)]),
            r"logits \[batch, 10\].*\(2, 9\)",
        ),
        (
            lambda: keras.Sequential([keras.Input((64,)), layers.Dense(10)]),
            r"batch of images \[8, 8, 1\]",
        ),
    ],
)
def test_what_is_no_fresh_classifier_is_refused(given, message):
    if message is None:
        KerasNetwork(given, SHAPE, 10)
        return
    with pytest.raises((ValueError, TypeError), match=message):
        KerasNetwork(given, SHAPE, 10)


def enlarging(size) -> keras.Model:
    """A model within another: neither says of which images."""
    inner = keras.Sequential([layers.UpSampling2D(size), layers.Conv2D(1, 3)])
    images = keras.Input((None, None, 1))
    pooled = layers.GlobalAveragePooling2D()(inner(images))
    return keras.Model(images, layers.Dense(10)(pooled))


def unbuilt(units) -> keras.Model:
    wide = (layers.Dense(units) for _ in range(2))
    return keras.Sequential([layers.Flatten(), *wide, layers.Dense(10)])


@pytest.mark.parametrize(
    ("make", "size"), [(enlarging, 2**16), (unbuilt, 2**20)]
)
def test_files_that_leave_sizes_open_are_counted_on_the_images(
    make, size, tmp_path, monkeypatch
):
    make(3).save(tmp_path / "small.keras")
    KerasNetwork(tmp_path / "small.keras", SHAPE, 10)
    make(size).save(tmp_path / "m.keras")
    monkeypatch.setattr(KerasNetwork, "_new", None)  # Nothing of it is made.
    with pytest.raises(ValueError, match="take .* weights and .* activations"):
        KerasNetwork(tmp_path / "m.keras", SHAPE, 10)


def test_one_model_again_and_again_is_refused():
    kept = linear()
    with pytest.raises(ValueError, match="make a new model in each call"):
        KerasNetwork(lambda: kept, SHAPE, 10)
    changing = iter(range(3, 9))
    with pytest.raises(ValueError, match="others for the same seed"):
        KerasNetwork(
            lambda: linear(
                kernel_initializer=keras.initializers.HeNormal(next(changing))
            ),
            SHAPE,
            10,
        )


def test_methods_that_need_the_functional_form_say_so():
    network = KerasNetwork(linear, SHAPE, 10)
    images = tf.zeros([2, *SHAPE])
    for call in (
        lambda: network.initialize(np.int32([0, 1])),
        lambda: network.initial_statistics(),
        lambda: network.embed([], images),
        lambda: network.maps([], images),
        lambda: network.logits([], images),
    ):
        with pytest.raises(TypeError, match="need the functional form"):
            call()


@pytest.mark.parametrize(
    "name", ["distribution_matching", "trajectory_matching"]
)
def test_objectives_refuse_it_at_once(name):
    member = OBJECTIVES[name]
    with pytest.raises(TypeError, match="need the functional form"):
        member(
            KerasNetwork(linear, SHAPE, 10),
            SiameseAugmentation("none"),
            None,
            member.Settings(),
        )
