import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.networks import ConvNet, Functional
from fred_tf.objectives import DistributionMatching
from fred_tf.objectives.diversity import (
    Diversity,
    pair_cosines,
    supervised_contrast,
)
from fred_tf.objectives.objective import Health

SEED = seeds.named(0, "test")


@pytest.fixture
def diversity(digits):
    network = ConvNet((8, 8, 1), 10, ConvNet.Settings(width=8, depth=2))
    inner = DistributionMatching(
        Functional(network),
        SiameseAugmentation("none"),
        ClassBatches(digits.train, digits.normalization, 10),
        DistributionMatching.Settings(real_batch_per_class=4),
    )
    made = Diversity(inner, np.arange(10), weight=0.5)
    for variable, value in zip(
        made.non_trainable_variables, made.initial_state(0), strict=True
    ):
        variable.assign(value)
    return made


def test_contrast_equals_numpy(generator):
    features = generator.normal(size=(8, 5))
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 0])
    z = features / np.linalg.norm(features, axis=1, keepdims=True)
    expected = 0.0
    for i in range(8):
        others = [a for a in range(8) if a != i]
        total = sum(np.exp(z[i] @ z[a] / 0.07) for a in others)
        same = [p for p in others if labels[p] == labels[i]]
        expected -= np.mean(
            [np.log(np.exp(z[i] @ z[p] / 0.07) / total) for p in same]
        )
    found = supervised_contrast(tf.constant(features), tf.constant(labels))
    assert float(found) == pytest.approx(expected / 8, rel=1e-9)


def test_adds_the_cosine_of_two_views(diversity, generator):
    """Two hallucinators only, so that the views are known but for order."""
    images = generator.normal(size=(20, 8, 8, 1)).astype(np.float32)
    labels = np.repeat(np.arange(10), 2)
    reference = next(iter(diversity.references(0, tf.data.Dataset.range(1))))
    alone = diversity.objective(images, labels, reference, SEED)
    extractor = diversity.network.unflatten(
        tf.convert_to_tensor(diversity.extractor)
    )
    first, second = (
        diversity.network.embed(extractor, views).numpy()
        for views in (images[0::2], images[1::2])
    )
    cosines = (first * second).sum(1) / (
        np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    )
    expected = float(alone) + 0.5 * np.mean((cosines + 1) / 2)
    found = diversity(images, labels, reference, SEED)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_objective_tells_the_health_of_a_run(diversity, monkeypatch):
    """Of a loss without the penalty, which is 0.5 at most here."""

    def health(loss, weights):
        return Health(loss < 1, weights[0] < 0.01)

    monkeypatch.setattr(diversity.objective, "health", health)
    for loss, rate, good, lost in (
        (1.4, 0.02, True, False),
        (1.6, 0.001, False, True),
    ):
        found = diversity.health(tf.constant(loss), [tf.constant(rate)])
        assert (bool(found.good), bool(found.lost)) == (good, lost)


def test_cosines_are_between_halves():
    features = tf.constant([[1.0, 0], [0, 2], [3, 0], [0, -1]])
    np.testing.assert_allclose(pair_cosines(features), [1, -1])


def test_extractor_loss_equals_numpy(diversity, generator):
    """Cross-entropy, 0.1 of the pull apart, 0.1 of the contrast."""
    views = generator.normal(size=(8, 8, 8, 1)).astype(np.float32)
    labels = np.array([0, 1, 2, 1, 0, 1, 2, 1])
    parameters = diversity.network.initialize(SEED)
    logits = diversity.network.logits(parameters, views).numpy()
    features = diversity.network.embed(parameters, views).numpy()
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    entropy = -np.log(shares[np.arange(8), labels]).mean()
    z = features / np.linalg.norm(features, axis=1, keepdims=True)
    apart = np.mean([(1 - z[i] @ z[i + 4]) / 2 for i in range(4)])
    contrast = float(supervised_contrast(features, labels))
    expected = entropy + 0.1 * apart + 0.1 * contrast
    found = diversity.extractor_loss(parameters, views, tf.constant(labels))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_extractor_lowers_its_own_loss(diversity, digits):
    images = tf.constant(
        np.concatenate(
            [
                digits.train.images[digits.train.labels == c][:3]
                for c in range(10)
            ]
        )
    )
    labels = tf.repeat(tf.range(10), 3)
    both = tf.concat([labels[::3], labels[::3]], 0)
    views = tf.concat([images[::3], images[1::3]], 0)

    @tf.function(autograph=False)
    def advance(state, seed):
        mapping = [*zip(diversity.non_trainable_variables, state)]
        with keras.StatelessScope(state_mapping=mapping):
            return diversity.advance(images, labels, 0.0, seed, {})

    def loss(state):
        parameters = diversity.network.unflatten(state[0])
        return float(diversity.extractor_loss(parameters, views, both))

    state = diversity.initial_state(0)
    before = loss(state)
    for number in range(40):
        state = advance(state, seeds.fold(SEED, number))
    assert loss(state) < before


def test_the_objective_advances_by_the_loss_of_the_step(
    diversity, generator, monkeypatch
):
    """Not by the extractor's own."""
    seen = []

    def advance(images, labels, loss, seed, reference):
        seen.append(float(loss))
        return []

    monkeypatch.setattr(diversity.objective, "advance", advance)
    images = generator.normal(size=(20, 8, 8, 1)).astype(np.float32)
    labels = tf.repeat(tf.range(10), 2)
    diversity.advance(images, labels, tf.constant(0.25), SEED, {})
    assert seen == [0.25]
