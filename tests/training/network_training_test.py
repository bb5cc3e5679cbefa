import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.networks import MLP, ConvNet, Functional
from fred_tf.optimizers import Adam
from fred_tf.training.network_training import (
    NetworkTraining,
    accuracy,
    standardized,
)

SEED = seeds.named(0, "training test")


@pytest.fixture
def network():
    return Functional(
        ConvNet((8, 8, 1), 10, ConvNet.Settings(width=8, depth=2))
    )


def assert_equal(first, second):
    for a, b in zip(tf.nest.flatten(first), tf.nest.flatten(second)):
        np.testing.assert_array_equal(a, b)


def test_passes_do_not_depend_on_their_grouping(network, digits):
    training = NetworkTraining(network, SiameseAugmentation(), 16, 0.9, 5e-4)
    images, labels = digits.train.images[:40], digits.train.labels[:40]
    start = training.start(SEED)
    at_once = training.passes(start, images, labels, SEED, 0, 3, 0.01)
    state = training.passes(start, images, labels, SEED, 0, 1, 0.01)
    state = training.passes(state, images, labels, SEED, 1, 2, 0.01)
    assert_equal(state, at_once)


def test_one_full_batch_pass_is_one_sgd_step(network, digits):
    training = NetworkTraining(network, SiameseAugmentation("none"), 64, 0.9)
    images, labels = digits.train.images[:32], digits.train.labels[:32]
    parameters, velocities, statistics = training.start(SEED)
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        logits = network.logits(parameters, images)
        losses = keras.losses.sparse_categorical_crossentropy(
            labels, logits, from_logits=True
        )
        loss = tf.reduce_mean(losses)
    gradient = tape.gradient(loss, parameters)
    after, _, _ = training.passes(
        (parameters, velocities, statistics), images, labels, SEED, 0, 1, 0.5
    )
    for a, p, g in zip(after, parameters, gradient):
        np.testing.assert_allclose(a, p - 0.5 * g, atol=1e-5)


def test_adam_lowers_the_squared_error(digits):
    """Two passes of one batch are two of its steps; the slots are carried."""
    # A norm would leave gradients of rounding, which Adam makes whole steps of.
    network = Functional(
        ConvNet((8, 8, 1), 10, ConvNet.Settings(width=4, depth=1, norm="none"))
    )
    training = NetworkTraining(
        network,
        SiameseAugmentation("none"),
        64,
        optimizer="adam",
        loss="squared",
        factor=lambda number: 1.0 - 0.5 * tf.cast(number, tf.float32),
    )
    images = digits.train.images[:8]
    targets = np.eye(10, dtype=np.float32)[digits.train.labels[:8]] - 0.1
    state = training.start(SEED)
    after, slots, _ = training.passes(state, images, targets, SEED, 0, 2, 0.01)
    assert slots[-1] == 2
    parameters, adam = state[0], Adam().start(state[0])
    for rate in (0.01, 0.005):
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            error = (network.logits(parameters, images) - targets) ** 2
            loss = tf.reduce_mean(tf.reduce_sum(error, 1)) / 2
        gradient = tape.gradient(loss, parameters)
        parameters, adam = Adam().step(parameters, adam, gradient, rate)
    for found, wanted in zip(after, parameters):
        # Where a gradient is nearly 0, its sign is rounding's.
        assert np.mean(np.abs(found - wanted) > 1e-4) < 0.02


def test_every_image_is_seen_once_a_pass(digits):
    """With a vanishing step, a pass adds up the gradients of its batches."""
    network = Functional(
        ConvNet((8, 8, 1), 10, ConvNet.Settings(width=4, depth=1, norm="none"))
    )
    images, labels = digits.train.images[:20], digits.train.labels[:20]
    rate = 1e-3

    def moved(batch_size):
        training = NetworkTraining(
            network, SiameseAugmentation("none"), batch_size
        )
        state = training.start(SEED)
        after = training.passes(state, images, labels, SEED, 0, 1, rate)
        return network.flatten(after[0]) - network.flatten(state[0])

    # Four batches of 5 move four times as far as one batch of all 20 does.
    np.testing.assert_allclose(moved(5), 4 * moved(20), atol=20 * rate**2)


def test_learns_digits(network, digits):
    training = NetworkTraining(
        network,
        SiameseAugmentation("none"),
        64,
        0.9,
        normalization=digits.normalization,
    )
    train, test = digits.train, digits.test
    state = training.start(SEED)
    score = [test.images, test.labels, digits.normalization]
    assert accuracy(network, state, *score) < 0.3
    state = training.passes(state, train.images, train.labels, SEED, 0, 5, 0.05)
    assert accuracy(network, state, *score) > 0.85
    assert accuracy(network, state, *score, batch_size=77) == accuracy(
        network, state, *score
    )


def test_batches_are_standardised_as_a_whole(generator):
    """All channels by one mean and one deviation, which is unbiased."""
    images = generator.normal(3, 2, (5, 4, 4, 3)) * [1, 2, 3]
    expected = (images - images.mean()) / images.std(ddof=1)
    np.testing.assert_allclose(standardized(tf.constant(images)), expected)


def test_training_and_scores_see_standardised_batches(digits):
    """Before they are augmented; a network without norms tells them apart."""
    network = Functional(MLP((8, 8, 1), 10))
    plain = NetworkTraining(network, SiameseAugmentation("cutout"), 16)
    alone = dataclasses.replace(plain, standardized=True)
    images = digits.normalization(digits.train.images[:16]) * 3 + 2
    labels = tf.constant(digits.train.labels[:16])
    by_hand = (images - images.mean()) / images.std(ddof=1)
    state = plain.start(SEED)
    how = labels, SEED, tf.constant(0.1)
    found = alone.step(state, tf.constant(images), *how)
    for a, b in zip(found[0], plain.step(state, tf.constant(by_hand), *how)[0]):
        np.testing.assert_allclose(a, b, atol=1e-5)
    test = digits.normalization(digits.test.images[:90]) * 3 + 2
    labels = digits.test.labels[:90]
    mapped = [(b - b.mean()) / b.std(ddof=1) for b in np.split(test, 3)]
    by_hand = np.concatenate(mapped)
    scored = accuracy(
        network, found, test, labels, batch_size=30, by_batch=True
    )
    assert scored == accuracy(network, found, by_hand, labels)
    assert scored != accuracy(network, found, test, labels)


def test_a_pass_sees_one_view_of_every_original(network):
    """Anew in each; all of an original have its label."""
    training = NetworkTraining(network, SiameseAugmentation("none"), 4)
    seen = []

    def note(images, labels):
        seen.append((images[:, 0, 0, 0], labels))
        return np.float32(0)

    def step(state, images, labels, seed, rate):
        noted = tf.numpy_function(note, [images, labels], tf.float32)
        with tf.control_dependencies([noted]):
            return tf.nest.map_structure(tf.identity, state)

    training.step = step
    images = np.float32(np.arange(30)).repeat(64).reshape(30, 8, 8, 1)
    labels = np.arange(10).repeat(3)
    state = training.start(SEED)
    training.passes(state, images, labels, SEED, 0, 8, 0.01, 3)
    assert [len(part) for part, _ in seen[:3]] == [4, 4, 2]
    rows = np.concatenate([part for part, _ in seen]).reshape(8, 10)
    told = np.concatenate([part for _, part in seen]).reshape(8, 10)
    np.testing.assert_array_equal(rows // 3, told)
    np.testing.assert_array_equal(np.sort(told), [range(10)] * 8)
    ordered = np.sort(rows) % 3
    assert set(ordered.ravel()) == {0, 1, 2}
    assert len({tuple(row) for row in ordered}) > 4
