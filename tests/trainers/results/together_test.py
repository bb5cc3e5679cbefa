"""Rows stand together by their settings and data, not by their names."""

import copy
import json
import logging
import pathlib

import pytest

from trainers.results import corrupted, regression, together
from trainers.results import table as result_table
from trainers.results.row import Row
from trainers.results.rows import ROWS

RESULTS = pathlib.Path(__file__).parents[3] / "results"
OWN = "mnist_ipc1_pixel_tm"
AGAIN = [OWN, f"{OWN}_seed1", f"{OWN}_seed2"]
CPUS = "2 cores, Intel(R) Xeon(R) Processor; 1 core, AMD EPYC"


def records(*names) -> dict:
    """Returns records of the project, as the table takes them."""
    found = {
        name: json.loads((RESULTS / f"{name}.json").read_text())
        for name in names
    }
    return {name: {**r["identity"], **r} for name, r in found.items()}


def changed(record, **settings) -> dict:
    """Returns a record whose run had other settings."""
    other = copy.deepcopy(record)
    for section in ("config", "evaluation"):
        other["identity"][section].update(settings)
    return other


def over_seeds(results) -> str:
    left = together.fitting(results, ROWS)
    return together.over_seeds(OWN, left, ROWS)


def test_seeds_of_a_row_are_one_line_that_says_on_what():
    found = records(*AGAIN)
    assert over_seeds(found) == f"88.7 ± 1.4 of 3, on NVIDIA H200; {CPUS}"
    del found[OWN]["distilled_on"]  # Two processors are one kind.
    assert over_seeds(found) == "88.7 ± 1.4 of 3"
    assert over_seeds(records(OWN)) == ""


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"outer_steps": 10}, "`config.outer_steps` is 10, and 300 there"),
        ({"seed": 2}, "its seed is 2, that of mnist_ipc1_pixel_tm_seed1"),
    ],
)
def test_a_repeat_of_other_settings_is_named_and_left_out(
    settings, named, caplog
):
    """As those that outlive a change of their row; and a copied file."""
    found = records(*AGAIN)
    found[AGAIN[1]] = changed(found[AGAIN[1]], **settings)
    with caplog.at_level(logging.WARNING):
        assert " of 2, on " in over_seeds(found)
    assert named in caplog.text and "_seed1" in caplog.text


def test_a_repeat_of_other_data_is_left_out(caplog):
    found = records(*AGAIN)
    found[AGAIN[2]]["data"] = {**found[OWN]["data"], "train": "another"}
    assert " of 2, on " in over_seeds(found)
    # Earlier versions did not say what stands for the test split.
    found = records(*AGAIN)
    found[OWN]["data"]["tested_on"] = "test"
    assert " of 3, on " in over_seeds(found)


ORIGIN = "cifar10_ipc1_fred_tm_gpu"


@pytest.mark.parametrize(
    "name",
    [
        f"{ORIGIN}_on_vgg11",
        f"{ORIGIN}_as_images_png",
        "mnist_ipc1_pixel_kip_usual",
    ],
)
def test_what_scores_another_run_than_its_rows_is_left_out(name, caplog):
    origin = ROWS[name].run_of
    found = records(origin, name)
    assert together.fitting(found, ROWS) == found
    stale = {**found, name: changed(found[name], outer_steps=10)}
    assert list(together.fitting(stale, ROWS)) == [origin]
    assert f"{name} is left out" in caplog.text
    lines = result_table._transfer([*found], found)
    lines += result_table._forms([*found], found)
    lines += regression.table(result_table.USUAL, found)
    assert any(f"`{origin}`" in line for line in lines)


def test_an_export_is_scored_as_the_set_itself():
    name = f"{ORIGIN}_as_images_png"
    found = records(ORIGIN, name)
    other = copy.deepcopy(found[name])
    other["identity"]["evaluation"]["evaluation"]["epochs"] = 3
    assert [*together.fitting({**found, name: other}, ROWS)] == [ORIGIN]


def test_scores_of_a_run_that_is_not_there_have_to_agree():
    names = [f"{ORIGIN}_on_{network}" for network in result_table.UNSEEN]
    found = records(*names)
    assert together.fitting(found, ROWS) == found
    found[names[2]] = changed(found[names[2]], outer_steps=10)
    assert [*together.fitting(found, ROWS)] == names[:2]


def test_corrupted_images_are_of_their_rows_run():
    """No row of the project has its file yet."""
    (record,) = records(ORIGIN).values()
    rows = {"a": Row("x"), "a_corrupted": Row("x", run_of="a", severity=5)}
    stale = {"a": record, "a_corrupted": changed(record, ipc=3)}
    left = together.fitting(stale, rows)
    assert corrupted.table({"a_corrupted": "a"}, left) == []


def test_the_best_on_the_way_is_of_means():
    """Five poor networks are not better than a good one."""
    found = records(OWN)
    found[OWN]["curve"] = {
        "100": {"accuracies": [0.3] * 5, "learning_rate": 0.01},
        "200": {"accuracies": [0.9], "learning_rate": 0.01},
    }
    assert "| 90.0 at 200 |" in result_table._line(OWN, found)


def test_the_pages_take_what_fits_alone(monkeypatch):
    found = records(OWN, AGAIN[1])
    found[AGAIN[1]] = changed(found[AGAIN[1]], outer_steps=10)
    copies = {}  # None was made of other images.
    monkeypatch.setattr(
        result_table.reading,
        "rows",
        lambda folder: copies if folder.name == "of_copies" else found,
    )
    line = next(
        x
        for x in result_table.table(RESULTS).splitlines()
        if x.endswith(f"| `{OWN}` |")
    )
    assert "| 90.7 ± 1.0 |  |" in line
