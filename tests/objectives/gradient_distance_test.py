import numpy as np
import pytest
import tensorflow as tf

from fred_tf.networks.norms import NORMS
from fred_tf.objectives.gradient_distance import DISTANCES, layerwise_distance

SHAPES = ((3, 3, 2, 5), (5,), (7, 4), (4,), (2, 2, 2, 1, 3))


@pytest.fixture
def sides(generator):
    return [[generator.normal(size=s) for s in SHAPES] for _ in range(2)]


def unit_cosines(a, b):
    """Over what leads to each output unit, from the formula."""
    rows = [x.reshape(-1, x.shape[-1]).T for x in (a, b)]
    return [
        (r @ s) / (np.sqrt(r @ r) * np.sqrt(s @ s) + 1e-6)
        for r, s in zip(*rows)
    ]


def test_layerwise_equals_numpy(sides):
    expected = sum(
        1 - cosine
        for a, b in zip(*sides)
        if a.ndim > 1
        for cosine in unit_cosines(a, b)
    )
    assert float(layerwise_distance(*sides_of(sides))) == pytest.approx(
        expected, rel=1e-12
    )


def test_of_norms_those_of_each_position_alone_count():
    counting = []
    for name, make in NORMS.items():
        norm = make()
        norm(tf.zeros([2, 4, 4, 8]))
        gradients = [tf.ones(w.shape) for w in norm.trainable_weights]
        zeros = [tf.zeros_like(x) for x in gradients]
        if gradients and float(layerwise_distance(gradients, zeros)):
            counting.append(name)
    assert counting == ["layer"]


def test_squared_and_cosine_equal_numpy(sides):
    a, b = (np.concatenate([x.ravel() for x in side]) for side in sides)
    squared = DISTANCES["squared"](*sides_of(sides))
    assert float(squared) == pytest.approx(((a - b) ** 2).sum(), rel=1e-12)
    cosine = 1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-6)
    found = DISTANCES["cosine"](*sides_of(sides))
    assert float(found) == pytest.approx(cosine, rel=1e-12)


def sides_of(sides):
    return [[tf.constant(x) for x in side] for side in sides]


@pytest.mark.parametrize("name", DISTANCES)
def test_equal_gradients_are_at_distance_zero(name, sides):
    ours, _ = sides_of(sides)
    assert float(DISTANCES[name](ours, ours)) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("name", DISTANCES)
def test_dead_units_have_a_finite_gradient(name):
    dead = tf.zeros([3, 2], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(dead)
        distance = DISTANCES[name]([dead], [tf.ones([3, 2], tf.float64)])
    assert np.isfinite(distance)
    assert np.isfinite(tape.gradient(distance, dead)).all()
