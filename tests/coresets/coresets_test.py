import itertools

import numpy as np
import pytest

from fred_tf.coresets import (
    CORESETS,
    class_features,
    full_set,
    herd,
    k_center,
    select_by_features,
)
from fred_tf.networks import ConvNet, Functional


@pytest.fixture
def features(generator):
    return generator.normal(size=(40, 6)) ** 3


def herded(features, count):
    """From the formula, with every distance written out."""
    mean, chosen = features.mean(0), []
    for k in range(1, count + 1):
        total = features[chosen].sum(0)
        distances = [
            np.inf
            if i in chosen
            else np.linalg.norm(k * mean - total - features[i])
            for i in range(len(features))
        ]
        chosen.append(int(np.argmin(distances)))
    return chosen


def test_herding_equals_brute_force(features):
    assert herd(features, 15).tolist() == herded(features, 15)


def test_herding_follows_the_mean_closer_than_chance(features, generator):
    def gap(rows):
        return np.linalg.norm(features[rows].mean(0) - features.mean(0))

    by_chance = [gap(generator.permutation(40)[:10]) for _ in range(50)]
    assert gap(herd(features, 10)) < np.min(by_chance)


def test_herding_takes_the_lower_of_equal_images(generator):
    """A matrix product would round equal rows apart."""
    rows = generator.normal(size=(30, 200)).astype(np.float32)
    chosen = herd(np.concatenate([rows, rows]), 30).tolist()
    for k, row in enumerate(chosen):
        assert row < 30 or row - 30 in chosen[:k]


def radius(features, chosen):
    gaps = np.linalg.norm(features[:, None] - features[list(chosen)], axis=-1)
    return gaps.min(1).max()


def test_centres_cover_within_twice_the_optimum(generator):
    features = generator.normal(size=(12, 2))
    best = min(
        radius(features, chosen)
        for chosen in itertools.combinations(range(12), 3)
    )
    chosen = k_center(features, 3)
    assert radius(features, chosen) <= 2 * best
    middle = np.linalg.norm(features - features.mean(0), axis=1)
    assert chosen[0] == middle.argmin()


@pytest.mark.parametrize("select", CORESETS.values(), ids=CORESETS)
def test_longer_choices_begin_with_shorter_ones(select, features):
    assert select(features, 20)[:7].tolist() == select(features, 7).tolist()
    everything = select(np.repeat(features[:4], 2, axis=0), 8)
    assert sorted(everything) == list(range(8))


def test_choices_are_of_the_right_class(digits):
    network = Functional(
        ConvNet((8, 8, 1), 10, ConvNet.Settings(width=4, depth=2))
    )
    weights = [w.value for w in network.network.trainable_variables]

    def features(label):
        found = class_features(network, weights, [], digits, label, 64)
        assert found.shape == ((digits.train.labels == label).sum(), 36)
        return found

    chosen = select_by_features(herd, features, digits, 3)
    labels = digits.train.labels[chosen]
    np.testing.assert_array_equal(labels, np.repeat(np.arange(10), 3))
    whole = digits.normalization(digits.train.images)
    expected = network.embed(weights, whole[digits.train.indices_of(2)], [])
    np.testing.assert_allclose(features(2), expected, atol=1e-5)


def test_a_small_class_is_named_before_features_are_asked_for(digits):
    counts = np.bincount(digits.train.labels)
    wanted = counts.min() + 1
    with pytest.raises(ValueError, match=rf"\({wanted}\).*'{counts.argmin()}'"):
        select_by_features(herd, None, digits, wanted)


def test_features_of_a_diverged_network_are_refused(digits):
    with pytest.raises(ValueError, match="finite.*class '0'.*diverged"):
        select_by_features(
            herd, lambda label: np.full((200, 3), np.nan), digits, 1
        )


def test_the_full_set_is_the_training_split(digits):
    assert len(full_set(digits).labels) == len(digits.train)
