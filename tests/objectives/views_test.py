"""Images that are views of fewer things: each step sees one of each."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.experts.store import ExpertStore
from fred_tf.networks import ConvNet, Functional
from fred_tf.objectives import TrajectoryMatching

LABELS = tf.constant(np.repeat(np.arange(4), 2), tf.int32)
SEED = seeds.named(0, "test")


@pytest.fixture
def network():
    settings = ConvNet.Settings(width=3, depth=1)
    return Functional(ConvNet((4, 4, 1), 4, settings, dtype="float64"))


@pytest.fixture
def make(network, tmp_path):
    """Returns a function from settings to an objective with one expert."""
    store = ExpertStore.create_or_open(
        tmp_path / "experts",
        {"epochs": 5, "parameters": network.size, "dtype": "float32"},
    )
    store.append(np.zeros((6, network.size), np.float32), {})

    def made(**changes):
        return TrajectoryMatching(
            network,
            SiameseAugmentation("none"),
            store,
            TrajectoryMatching.Settings(max_start_epoch=2, **changes),
            dtype="float64",
        )

    return made


def test_a_student_sees_one_view_of_every_original(make):
    """The others change nothing, and each step draws its own."""
    objective = make(student_steps=20, student_batch=3)
    objective.views = 4
    images = tf.range(4 * 4 * 4, dtype=tf.float64)[:, None] / 4.0
    labels = tf.repeat(tf.range(4), 16)
    seen, views = [], set()
    for position in range(20):
        found, _ = objective._minibatch(
            images, labels, SEED, tf.constant(position)
        )
        rows = np.int32(4 * found[:, 0])
        assert len(set(rows % 4)) == 1
        views.add(rows[0] % 4)
        seen += [rows // 4]
    assert views == {0, 1, 2, 3}
    for first in range(0, 20, 5):  # Of 16 originals 15, each once.
        assert len(set(np.concatenate(seen[first : first + 5]))) == 15


def test_one_of_two_equal_views_is_as_none(make, network, generator):
    plain, doubled = make(student_steps=3), make(student_steps=3)
    doubled.views = 2
    images = tf.constant(generator.normal(size=(8, 4, 4, 1)))
    start, target = (
        tf.constant(generator.normal(0, 0.2, size=network.size))
        for _ in range(2)
    )
    reference = {"start": start, "target": target}
    expected = plain(images, LABELS, reference, SEED)
    found = doubled(
        tf.repeat(images, 2, 0), tf.repeat(LABELS, 2), reference, SEED
    )
    assert float(found) == pytest.approx(float(expected), rel=1e-12)
    compiled = tf.function(
        lambda *sources: doubled(*sources, reference, SEED), jit_compile=True
    )
    again = compiled(tf.repeat(images, 2, 0), tf.repeat(LABELS, 2))
    assert float(again) == pytest.approx(float(expected), rel=1e-9)


def test_all_views_of_the_originals_that_are_seen_are_decoded(make):
    objective = make(student_steps=2, student_batch=3)
    objective.views = 5
    used = objective.used(100, SEED).numpy().reshape(6, 5)
    assert len(set(used[:, 0])) == 6
    np.testing.assert_array_equal(used - used[:, :1], [range(5)] * 6)
    assert not np.any(used[:, 0] % 5)
    objective.settings = dataclasses.replace(
        objective.settings, student_batch=10
    )
    np.testing.assert_array_equal(objective.used(100, SEED), range(100))


def test_the_step_size_has_a_momentum_of_its_own(make):
    (group,) = make().groups(0.95)
    assert group.optimizer.momentum == 0.95
    (group,) = make(student_learning_rate_momentum=0.9).groups(0.95)
    assert group.optimizer.momentum == 0.9
