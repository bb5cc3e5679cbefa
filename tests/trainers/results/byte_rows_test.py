"""Rows of budgets in bytes: what is written fits, and what fits is scored."""

import dataclasses
import json
import types

import numpy as np
import pytest

from fred_tf import forms
from fred_tf.coresets.sheet import SheetSettings
from fred_tf.disk import records
from fred_tf.forms import OverBudgetError
from fred_tf.parameterizations import Frequency
from trainers.results import accuracy_per_byte, making, reading, storing, work
from trainers.results import table as result_table
from trainers.results.byte_rows import BYTES
from trainers.results.row import Row

QUICK = (
    "augmentation=none",
    "network.name=mlp",
    "evaluation.epochs=1",
    "evaluation.networks=1",
)
CODED = "parameterization.step=1", "budget_bytes=4000", "outer_steps=1"
ROWS = {
    "coded": Row("digits_ipc1_dm_tiny", (*QUICK, *CODED)),
    "late": Row(
        "digits_ipc1_dm_tiny",
        (*QUICK, *CODED, "parameterization.rounded=export"),
    ),
    "jpeg": Row(
        "digits_ipc1_dm_tiny",
        QUICK,
        "random",
        stored=SheetSettings(4_000, quality=40),
    ),
}
ROWS["late_within_2500"] = dataclasses.replace(
    ROWS["late"], run_of="late", form="coefficients_coded", form_bytes=2_500
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("bytes")
    for name, row in ROWS.items():
        making.make(name, row, root / "runs", root / "results")
    return root


@pytest.fixture
def results(made):
    return reading.rows(made / "results")


def test_a_budget_is_kept(made, results):
    fewer = results.pop("late_within_2500")
    assert reading.budget_bytes(fewer) == 2_500
    assert 2_400 < fewer["bytes_of_folder"] <= 2_500
    # The same run.
    assert fewer["images"] == results["late"]["images"]
    assert not (made / "runs/late_within_2500/run").exists()
    for name, record in results.items():
        assert reading.budget_bytes(record) == 4_000
        assert 2_500 < record["bytes_of_folder"] <= 4_000, name
    # What is rounded by its export takes all that it may.
    assert results["late"]["bytes_of_folder"] > 3_950
    assert results["late"]["images"] == results["coded"]["images"]
    stored = list((made / "runs/coded/stored").iterdir())
    sizes = [path.stat().st_size for path in stored]
    assert results["coded"]["bytes_of_folder"] == sum(sizes)
    picture = made / "runs/jpeg/run/sheet.jpeg"
    assert results["jpeg"]["bytes"] == picture.stat().st_size
    assert results["jpeg"]["images"] % 10 == 0


def test_a_table_has_a_heading_for_each_budget(made, monkeypatch):
    monkeypatch.setattr(result_table, "ROWS", ROWS)
    table = result_table.table(made / "results")
    section = table.split("## digits, 4,000 bytes")[1]
    assert "|  | random, JPEG of quality 40 |" in section
    assert "| DM | FreD |" in section
    assert "ipc" not in section.split("Hardware")[0].replace("_ipc1_", "")


def test_the_figure_has_a_point_for_each_budget(results, monkeypatch):
    monkeypatch.setattr(accuracy_per_byte, "ROWS", ROWS)
    for record in results.values():
        record["mean"] = record["bytes_of_folder"] / 10_000
    found = accuracy_per_byte.best(results, "digits")["coefficients_coded"]
    assert [point.name for point in found] == ["late_within_2500", "late"]
    # What exports take by themselves is told of others.
    monkeypatch.setattr(result_table, "ROWS", ROWS)
    assert not result_table._forms(list(ROWS), results)


def test_no_bytes_are_refused(made, tmp_path):
    path = tmp_path / "late_within_2500.json"
    record = json.loads((made / f"results/{path.name}").read_text())
    record["identity"]["form_bytes"] = -1
    path.write_text(json.dumps(records.seal(record)))
    with pytest.raises(ValueError, match="`form_bytes` must be "):
        reading.read(path)


@pytest.mark.parametrize(
    "stored",
    [
        {"budget_bytes": 4_000, "quality": 0},
        {"budget_bytes": "4000"},
        {"budget_bytes": 4_000, "encoding": "| 99 % |"},
        {"quality": 40},
        [],
    ],
)
def test_a_row_tells_no_other_picture(stored, made, tmp_path):
    path = tmp_path / "jpeg.json"
    record = json.loads((made / "results/jpeg.json").read_text())
    record["identity"]["stored"] = stored
    path.write_text(json.dumps(records.seal(record)))
    with pytest.raises(ValueError, match=f"{path} must state .*Delete {path}"):
        reading.read(path)


@pytest.fixture
def run_of(digits, decoded_of):
    """Takes a budget; returns a run whose memory takes about 3,700 bytes."""

    def make(budget_bytes):
        settings = Frequency.Settings(
            coefficients_per_channel=32,
            mask_rule="energy",
            step=0.5,
            budget_bytes=budget_bytes,
        )
        memory = Frequency(digits.image_shape, 10, 20, settings)
        memory.adapt(digits.normalized_train, digits.train.labels, seed=0)
        decoded = decoded_of(memory)
        return types.SimpleNamespace(
            synthetic_set=lambda: decoded, parameterization=memory
        )

    return make


def test_what_fits_is_scored_as_it_was_trained(run_of, tmp_path):
    run = run_of(9_000)
    found, path = storing.write(run, tmp_path / "stored", "")
    decoded = run.synthetic_set()
    np.testing.assert_array_equal(found.images, decoded.images)
    size = storing.bytes_of(path)["bytes_of_folder"]
    assert 3_000 < size <= 9_000
    # One that takes more is scored with what it loses.
    run = run_of(size - 500)
    found, path = storing.write(run, tmp_path / "stored", "")
    assert storing.bytes_of(path)["bytes_of_folder"] <= size - 500
    assert 0.01 < np.std(found.images - decoded.images) < 0.5
    np.testing.assert_array_equal(found.images, forms.read(path).images)
    with pytest.raises(OverBudgetError, match="Received: 700"):
        storing.write(run_of(700), tmp_path / "stored", "")


def test_rows_are_named_for_their_budgets():
    for name, row in BYTES.items():
        dataset, budget, word, *_ = name.split("_")
        memory = row.config().parameterization
        assert (word, int(budget)) == ("bytes", row.budget_bytes)
        assert row.config().dataset == dataset
        assert row.elsewhere == name.endswith("fred_tm_joint")
        if row.stored:
            encoding = row.stored.encoding
            assert name.endswith(f"{row.subject}_{encoding}")
        else:
            assert memory.step > 0


def test_a_picture_is_of_another_row_than_its_floats():
    row = ROWS["jpeg"]
    other = dataclasses.replace(row, stored=None)
    assert work.identity(row) != work.identity(other)
    assert "stored" not in work.identity(other)
