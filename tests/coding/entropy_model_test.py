"""The model of levels, against the formula in fractions and in floats."""

import fractions

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.coding import entropy_model
from fred_tf.coding.entropy_model import (
    MOST_LEVEL,
    PRECISION,
    SPREADS,
    bits,
    fitted,
    probabilities,
    spread,
)

WHOLE = 2**PRECISION


def by_hand(index: int, largest: int) -> list[int]:
    """The docstring, step by step, in numbers of any size."""
    root = fractions.Fraction(181, 128) ** (index % 2)
    n = int(2**13 * root * fractions.Fraction(2) ** (index // 2 - 6))
    weights = []
    for k in range(-largest, largest + 1):
        ratio = 2**16 * n // (n + 2**13 * k**2)
        weights.append((ratio**2 // 2**16) ** 2)
    free = WHOLE - 2 * largest - 1
    table = [1 + weight * free // sum(weights) for weight in weights]
    table[largest] = WHOLE - sum(table) + table[largest]
    return table


@pytest.mark.parametrize(
    ("largest", "every"), [(1, 1), (7, 1), (MOST_LEVEL, 9)]
)
def test_tables_are_exact(largest, every):
    for index in range(0, SPREADS, every):
        table = probabilities(index, largest)
        assert table.tolist() == by_hand(index, largest)
        assert table.sum() == WHOLE
        assert table.min() >= 1


def test_tables_of_files_stay_what_they_are():
    """A file of today is read by these numbers for ever."""
    assert probabilities(12, 2).tolist() == [
        23_786,
        929_425,
        14_870_794,
        929_425,
        23_786,
    ]
    assert probabilities(63, 1).tolist() == [5_592_291, 5_592_634, 5_592_291]


def test_tables_are_the_bell_that_they_stand_for():
    for index in range(SPREADS):
        levels = np.arange(-300, 301)
        bell = (1 + levels**2 / spread(index)) ** -4
        exact = bell / bell.sum()
        close = probabilities(index, 300) / WHOLE
        likely = exact > 2**-14
        np.testing.assert_allclose(close[likely], exact[likely], rtol=0.02)
        # What a code loses by it.
        lost = np.sum(exact * np.log2(exact / close))
        assert lost < 1e-3


def test_each_frequency_gets_the_spread_of_fewest_bits(generator, monkeypatch):
    deviations = np.float32([0.2, 1, 3, 40, 1])
    levels = np.rint(
        generator.normal(size=(10, 60)) * np.tile(deviations, 2)[:, None]
    ).astype(int)
    of = np.tile(np.arange(5), 2)
    largest = np.abs(levels).max()
    costs = [
        [
            -np.log2(
                probabilities(index, largest)[levels[of == f] + largest] / WHOLE
            ).sum()
            for index in range(SPREADS)
        ]
        for f in range(5)
    ]
    expected = np.argmin(costs, axis=1)
    np.testing.assert_array_equal(fitted(levels, of), expected)
    assert list(np.argsort(expected[:4])) == [0, 1, 2, 3]
    # Counted in parts, where there are many.
    monkeypatch.setattr(entropy_model, "_MOST_COUNTS", 2 * largest + 2)
    np.testing.assert_array_equal(fitted(levels, of), expected)


def test_bits_of_magnitudes_are_those_of_probabilities():
    table = entropy_model.bits_of_magnitudes(1)
    assert table.shape == (SPREADS, 2)
    # Levels are alike where a bell is wide, and hardly there where none is.
    np.testing.assert_allclose(table[-1], np.log2(3), atol=1e-3)
    assert table[0, 0] < 1e-3 and 23 < table[0, 1] <= 24
    for index in (0, 20):
        both = 2 * 2 ** -table[index, 1] + 2 ** -table[index, 0]
        assert both == pytest.approx(1)


def room(spreads: tf.Tensor, largest: int) -> tf.Tensor:
    """Returns the logarithm of the sum of the density over all levels."""
    k = tf.range(-largest, largest + 1, dtype=spreads.dtype)
    densities = entropy_model.density(k, spreads[..., None])
    return tf.math.log(tf.reduce_sum(densities, -1))


def test_bits_are_those_of_the_tables(generator):
    levels = generator.integers(-9, 10, (2, 5, 3, 4))
    chosen = generator.integers(12, 24, (2, 3, 4))
    spreads = tf.constant(np.vectorize(spread)(chosen), tf.float64)
    found = bits(tf.constant(levels, tf.float64), spreads, room(spreads, 9))
    for label, kept, channel in np.ndindex(2, 3, 4):
        table = probabilities(int(chosen[label, kept, channel]), 9) / WHOLE
        exact = -np.log2(table[levels[label, :, kept, channel] + 9])
        close = found[label, :, kept, channel].numpy()
        likely = exact < 16  # Rarer ones take 24 bits at most.
        np.testing.assert_allclose(close[likely], exact[likely], rtol=2e-3)
        assert np.all(close[~likely] >= exact[~likely] - 0.1)


def test_bits_can_be_trained(generator):
    """By values, which fall towards 0, and by spreads, against differences."""
    values = tf.constant(generator.normal(size=(1, 4, 2, 1)))
    spreads = tf.constant([[[2.0], [5.0]]], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch([values, spreads])
        total = tf.reduce_sum(bits(values, spreads, room(spreads, 8)))
    of_values, of_spreads = tape.gradient(total, [values, spreads])
    assert np.all(np.sign(of_values) == np.sign(values))
    step = 1e-5
    for kept in range(2):
        moved = np.zeros((1, 2, 1))
        moved[0, kept] = step
        higher, lower = (
            tf.reduce_sum(bits(values, other, room(other, 8)))
            for other in (spreads + moved, spreads - moved)
        )
        slope = float(higher - lower) / (2 * step)
        assert float(of_spreads[0, kept, 0]) == pytest.approx(slope, rel=1e-5)
