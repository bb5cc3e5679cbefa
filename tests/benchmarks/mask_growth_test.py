"""What the benchmark of masks compares; on few digits, untrained."""

import numpy as np
import pytest

from benchmarks import mask_growth
from fred_tf import presets
from fred_tf.coding import by_rate

SETTINGS = presets.preset("digits_ipc1_dm")


@pytest.fixture(scope="module")
def memory(digits):
    return mask_growth.memory_of(digits, SETTINGS, 32, 10)


@pytest.mark.parametrize("weight", [0, by_rate.OF_MANY])
def test_a_step_errs_as_much_as_it_may(memory, weight):
    values, of = mask_growth.rows_of(memory)
    allowed = 0.05 * np.square(values).sum()
    step = mask_growth.step_of(values, of, allowed, weight)
    levels = by_rate.levels(values / step, of, weight)
    error = np.square(values - step * levels).sum()
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
