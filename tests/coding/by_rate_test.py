"""Levels by error and bits, against all that there are."""

import itertools

import numpy as np
import pytest

from fred_tf.coding import by_rate, entropy_model
from fred_tf.coding.by_rate import OF_MANY


def costs_of(levels, scaled, of, weight) -> float:
    """Squared error and what the bits are worth, at the best spreads."""
    spreads = entropy_model.fitted(levels, of)[of]
    largest = max(1, np.abs(levels).max())
    bits = entropy_model.bits_of_magnitudes(largest)
    taken = bits[spreads[:, None], np.abs(levels)]
    return float((np.square(scaled - levels) + weight * taken).sum())


@pytest.fixture
def scaled(generator):
    """Of frequencies from almost 0 to a dozen steps; and what rows are of."""
    deviations = np.repeat(2.0 ** np.arange(-4, 5), 3)[:, None]
    values = deviations * generator.standard_t(5, (27, 40))
    return values.astype(np.float32), np.repeat(np.arange(9), 3)


def test_without_a_weight_they_are_the_nearest(scaled):
    values, of = scaled
    levels = by_rate.levels(values, of, 0.0)
    assert levels.dtype == np.int32
    np.testing.assert_array_equal(levels, np.rint(values))
    nothing = np.zeros_like(values)
    assert not by_rate.levels(nothing, of, OF_MANY).any()


@pytest.mark.parametrize("weight", [OF_MANY / 2, OF_MANY, 3 * OF_MANY])
def test_few_levels_cost_hardly_more_than_the_best_of_all(generator, weight):
    """Five values of one frequency, of which all levels are tried."""
    of, found, best = np.zeros(1, int), 0.0, 0.0
    for deviation in 2.0 ** np.arange(-2, 2, 0.25):
        values = deviation * generator.normal(size=(1, 5))
        most = np.rint(np.abs(values[0])).astype(int)
        whole = np.array([*itertools.product(*(range(n + 1) for n in most))])
        whole = np.sign(values) * whole
        bits = entropy_model.bits_of_magnitudes(max(1, most.max()))
        taken = bits[:, np.abs(whole).astype(int)].sum(2).min(0)
        errors = np.square(values - whole).sum(1)
        levels = by_rate.levels(values, of, weight)
        place = np.nonzero((whole == levels).all(1))[0][0]
        costs = errors + weight * taken
        found, best = found + costs[place], best + costs.min()
    assert best <= found < 1.02 * best


def test_no_other_level_is_worth_more_at_the_spreads_found(scaled):
    values, of = scaled
    levels = by_rate.levels(values, of, OF_MANY)
    spreads = entropy_model.fitted(levels, of)[of]
    k = np.arange(np.abs(np.rint(values)).max() + 1)
    bits = entropy_model.bits_of_magnitudes(int(k[-1]))[spreads][:, None]
    costs = np.square(np.abs(values)[..., None] - k) + OF_MANY * bits
    best = np.argmin(costs, axis=2)
    assert np.mean(best == np.abs(levels)) > 0.998
    assert np.all(np.sign(levels) * np.sign(values) >= 0)


def test_what_is_lost_is_worth_less_than_what_is_saved(scaled):
    values, of = scaled
    errors, near = [], np.rint(values).astype(np.int32)
    for weight in (0, OF_MANY / 2, OF_MANY, 2 * OF_MANY):
        levels = by_rate.levels(values, of, weight)
        assert np.all(np.abs(levels) <= np.abs(near))
        costs = costs_of(levels, values, of, weight)
        assert costs <= costs_of(near, values, of, weight)
        errors.append(np.square(values - levels).sum())
    assert errors == sorted(set(errors))
    again = by_rate.levels(values, of, 2 * OF_MANY)
    np.testing.assert_array_equal(again, levels)


def test_frequencies_may_differ_in_what_a_bit_is_worth(scaled):
    values, of = scaled
    weight = np.where(of < 6, 0.0, OF_MANY)
    levels = by_rate.levels(values, of, weight)
    nearest, all_of_them = (
        by_rate.levels(values, of, one) for one in (0.0, OF_MANY)
    )
    expected = np.where(of[:, None] < 6, nearest, all_of_them)
    np.testing.assert_array_equal(levels, expected)
