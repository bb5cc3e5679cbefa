"""What the benchmark of masks compares; on few digits, untrained."""

import math

import numpy as np
import pytest

from benchmarks import mask_growth
from fred_tf import presets
from fred_tf.coding import entropy_model

SETTINGS = presets.preset("digits_ipc1_dm")
STEP = 2.0


@pytest.fixture(scope="module")
def memory(digits):
    return mask_growth.memory_of(digits, SETTINGS, 32, 10)


def bits_of(levels, of):
    spreads, largest = entropy_model.fitted(levels, of), np.abs(levels).max()
    tables = [
        entropy_model.probabilities(int(spread), largest) for spread in spreads
    ]
    likely = [tables[x][row + largest] for x, row in zip(of, levels)]
    return 24 * levels.size - np.log2(likely).sum()


def test_levels_by_rate_save_more_than_they_lose(memory):
    values, of = mask_growth.rows_of(memory)
    near = mask_growth.nearest(values, of, STEP)
    chosen = mask_growth.by_rate(values, of, STEP)
    assert np.all(np.abs(chosen) <= np.abs(near))
    assert np.mean(chosen == 0) > np.mean(near == 0)
    saved = bits_of(near, of) - bits_of(chosen, of)
    lost = sum(
        sign * np.square(values / STEP - levels).sum()
        for sign, levels in ((1, chosen), (-1, near))
    )
    assert 0 < lost < math.log(2) / 6 * saved


@pytest.mark.parametrize("how", [mask_growth.nearest, mask_growth.by_rate])
def test_a_step_errs_as_much_as_it_may(memory, how):
    values, of = mask_growth.rows_of(memory)
    allowed = 0.05 * np.square(values).sum()
    step = mask_growth.step_of(values, of, allowed, how)
    error = np.square(values - step * how(values, of, step)).sum()
    assert 0.97 * allowed < error < allowed


def test_masks_that_leave_out_too_much_cannot(digits, monkeypatch):
    monkeypatch.setattr(mask_growth, "SHARES", (1 / 8, 1))
    monkeypatch.setattr(mask_growth, "HALVINGS", 12)
    few, all_of_them = mask_growth.table(digits, SETTINGS, 10, 0.35)
    assert few[:2] == ["8", "cannot"]
    assert all_of_them[0] == "64" and len(all_of_them) == len(few) == 7
    nearest, by_rate = (
        int(cell.rsplit(", ", 1)[0].replace(",", ""))
        for cell in all_of_them[-2:]
    )
    assert by_rate < nearest
