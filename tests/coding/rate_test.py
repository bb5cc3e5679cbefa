"""What levels are expected to take, against sums by hand."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from fred_tf.coding import entropy_model, rate
from fred_tf.coding.entropy_model import MOST_LEVEL, SPREADS, spread

K = np.arange(-MOST_LEVEL, MOST_LEVEL + 1.0)


def shares(of: float) -> np.ndarray:
    weights = (1 + K**2 / of) ** -4
    return weights / weights.sum()


def spread_by_hand(levels: np.ndarray) -> float:
    """The spread whose levels are as large on average, of all that there are.

    As near as its neighbours are, in octaves.
    """
    means = [shares(spread(i)) @ K**2 for i in range(SPREADS)]
    wanted = np.log(max(np.mean(levels**2), 1e-30))
    return spread(int(np.abs(np.log(means) - wanted).argmin()))


@pytest.fixture
def levels(generator):
    """Two classes that share one of three positions, `[2, 40, 2, 3]`."""
    sizes = np.array([[0.2, 3.0], [30.0, 1.0]])
    drawn = generator.standard_t(7, size=(2, 40, 2, 3))
    return np.rint(drawn * sizes[:, None, :, None]).astype(np.float32)


TABLE = np.array([[5, 0], [0, 2]], np.int32)


def spreads_by_hand(levels) -> np.ndarray:
    found = np.empty([2, 2, 3])
    for channel in range(3):
        own = levels[..., channel]
        both = np.stack([own[0, :, 1], own[1, :, 0]])
        found[0, 1, channel] = found[1, 0, channel] = spread_by_hand(both)
        found[0, 0, channel] = spread_by_hand(own[0, :, 0])
        found[1, 1, channel] = spread_by_hand(own[1, :, 1])
    return found


def test_spreads_are_those_of_levels_as_large(levels):
    found = rate.spreads_of(tf.constant(levels), tf.constant(TABLE), 6)
    spreads = np.vectorize(spread)(found)
    np.testing.assert_allclose(spreads, spreads_by_hand(levels), rtol=1e-6)


def test_nothing_but_zeros_has_the_least_spread():
    zeros = tf.zeros([2, 4, 2, 3])
    found = rate.spreads_of(zeros, tf.constant(TABLE), 6)
    np.testing.assert_array_equal(found, np.zeros([2, 2, 3]))
    assert 0 < float(rate.mean_bits(zeros, tf.constant(TABLE), 6)) < 1e-3


def test_bits_are_those_of_the_model(levels):
    spreads = spreads_by_hand(levels)
    total = 0.0
    for label, kept, channel in np.ndindex(2, 2, 3):
        own = shares(spreads[label, kept, channel])
        cells = levels[label, :, kept, channel].astype(int) + MOST_LEVEL
        total -= np.log2(own[cells]).sum()
    found = rate.mean_bits(tf.constant(levels), tf.constant(TABLE), 6)
    assert float(found) == pytest.approx(total / levels.size, rel=1e-5)


def test_a_file_takes_as_many(levels):
    """Spreads that are fitted, and tables of integers."""
    rows = levels.transpose(0, 2, 3, 1).reshape(12, -1).astype(int)
    keys = (TABLE[..., None] * 3 + np.arange(3)).ravel()
    of = np.unique(keys, return_inverse=True)[1]
    indices = entropy_model.fitted(rows, of)[of]
    largest = int(np.abs(rows).max())
    bits = [
        24 - np.log2(entropy_model.probabilities(index, largest)[row + largest])
        for index, row in zip(indices, rows)
    ]
    found = float(rate.mean_bits(tf.constant(levels), tf.constant(TABLE), 6))
    assert found == pytest.approx(np.mean(bits), rel=0.02)


def test_gradients_are_those_of_fixed_spreads(levels):
    x = tf.constant(levels, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = rate.mean_bits(x, tf.constant(TABLE), 6)
    slopes = tape.gradient(found, x)
    spreads = spreads_by_hand(levels)[:, None]
    wanted = 8 * levels / (spreads + levels**2) / np.log(2) / levels.size
    np.testing.assert_allclose(slopes, wanted, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("deviation", [0.2, 0.7, 1.5, 6.0, 40.0])
def test_usual_bits_are_those_of_a_rounded_bell(deviation):
    bell = scipy.stats.t(7, scale=deviation / np.sqrt(7 / 5))
    own = bell.cdf(K + 0.5) - bell.cdf(K - 0.5)
    wanted = -np.sum(own[own > 0] * np.log2(own[own > 0]))
    assert rate.usual_bits(deviation) == pytest.approx(wanted, abs=0.01)


def test_finer_steps_take_a_bit_more_each():
    bits = [rate.usual_bits(2.0**power) for power in range(2, 6)]
    np.testing.assert_allclose(np.diff(bits), 1, atol=0.02)


def test_bytes_around_are_those_of_memories_of_cifar10():
    """Of three, separate and joint channels; all but levels."""
    for positions, kept, channels, actual in (
        (1024, 32, 3, 1_570),
        (3072, 96, 1, 1_910),
        (3072, 192, 1, 1_985),
    ):
        found = rate.bytes_around(positions, kept, channels, 10)
        assert found == pytest.approx(actual, rel=0.12)
    # Masks of everything say nothing.
    assert rate.bytes_around(64, 64, 1, 10) == 1_500 + 64
