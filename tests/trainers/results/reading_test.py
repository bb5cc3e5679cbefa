"""Files of `results/` that are damaged, hostile or none of ours."""

import json
import pathlib
import shutil
import sys

import pytest

from fred_tf.disk import records
from tests.flipping import flips
from trainers.results import __main__ as results
from trainers.results import reading
from trainers.results.clock import Clock
from trainers.results.table import table

ROOT = pathlib.Path(__file__).parents[3]
RUN, FORM = "digits_ipc1_fred_tm", "cifar10_ipc1_fred_tm_gpu_as_images_png"


@pytest.fixture
def row(tmp_path):
    return shutil.copy(ROOT / "results" / f"{RUN}.json", tmp_path)


def change(path, *changes):
    """Changes values under dotted names, and seals the file again."""
    record = json.loads(path.read_text())
    for name, value in changes:
        *parents, last = name.split(".")
        values = record
        for parent in parents:
            values = values[parent]
        values[last] = value
    path.write_text(json.dumps(records.seal(record)))


def test_all_rows_can_be_read():
    found = reading.rows(ROOT / "results")
    assert {RUN, FORM} <= found.keys()
    assert len(found) == len(list((ROOT / "results").glob("*.json")))


# Bytes between those that are flipped.
@pytest.mark.parametrize("every", [37, pytest.param(1, marks=pytest.mark.slow)])
def test_no_flipped_bit_is_read(every, row):
    row = pathlib.Path(row)
    before = reading.read(row)
    for _ in flips(row, every):
        try:
            assert reading.read(row) == before
        except ValueError as error:
            assert str(row) in str(error)


WRONG = {
    "above 1": ("accuracies", [17.5]),
    "below 0": ("accuracies", [-0.1]),
    "text": ("accuracies", ["0.5"]),
    "no networks": ("accuracies", []),
    "other mean": ("mean", 0.999),
    "no mean": ("mean", None),
    "images": ("images", 0),
    "floats": ("floats", 1.5),
    "bytes": ("bytes", None),
    "steps": ("outer_steps", "3"),
    "minutes": ("minutes", {"distilling": -1}),
    "no minutes": ("minutes", [1]),
    "cells": ("hardware", "2 cores | 99.9"),
    "lines": ("hardware", "2 cores\n| forged |"),
    "device": ("distilled_on", 3),
    "curve": ("curve", {"../x": {"accuracies": [0.5], "learning_rate": 1}}),
    "curve of 2": ("curve", {"2": {"accuracies": [2.0], "learning_rate": 1}}),
    "no curve": ("curve", None),
    "config": ("identity.config", None),
    "objective": ("identity.config.objective.name", "../x"),
    "memory": ("identity.config.parameterization.name", ["pixel"]),
    "data set": ("identity.config.dataset", "a|b"),
    "ipc": ("identity.config.ipc", "1"),
    "subject": ("identity.subject", "../x"),
    "form": ("identity.form", "images_png"),
    "network": ("identity.evaluation.network.name", "../x"),
    "epochs": ("identity.evaluation.evaluation.epochs", 0),
    "data": ("data", None),
    "source": ("data.preparation", {"source": 3}),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_row_says_only_what_can_be(wrong, row):
    row = pathlib.Path(row)
    change(row)
    table(row.parent)
    change(row, wrong)
    with pytest.raises(ValueError, match=f"{row} must state .*Delete {row}"):
        table(row.parent)


def test_names_of_files_are_names_of_rows(row):
    row = pathlib.Path(row)
    (row.parent / "._row.json").write_bytes(b"\0")  # Of macOS.
    table(row.parent)
    row.rename(row.with_name("a | b.json"))
    with pytest.raises(ValueError, match="A row must be called by small"):
        table(row.parent)


def test_links_are_not_followed(row, tmp_path):
    row = pathlib.Path(row)
    row.rename(tmp_path.parent / "aside.json")
    row.symlink_to(tmp_path.parent / "aside.json")
    with pytest.raises(ValueError, match="must be a plain file"):
        table(tmp_path)


@pytest.mark.parametrize("spent", [{"a": "1"}, {"a": -1}, [1], None])
def test_a_clock_shows_minutes(spent, tmp_path):
    path = tmp_path / "minutes.json"
    records.write(path, "clock", {"row": "a"}, None, minutes=spent)
    with pytest.raises(ValueError, match=f"{path} must state .*Delete {path}"):
        Clock(path, "a")


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--table=notes.md", "notes.md, which fred_tf has not written"),
        ("--table=folder", "folder, which fred_tf has not written"),
        ("--figure=photo.png", "photo.png, which fred_tf has not written"),
        ("--figure=drawing.svg", "drawing.svg, which fred_tf has not written"),
        ("--figure=figure.jpg", "written as PNG or SVG. Received: figure.jpg"),
    ],
)
def test_pages_of_others_stay(tmp_path, monkeypatch, capsys, flag, said):
    """And nothing begins that could not be told."""
    for name in ("notes.md", "photo.png", "drawing.svg"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(results, "finished", None)
    monkeypatch.setattr(sys, "argv", ["results", "--rows=none", flag])
    with pytest.raises(SystemExit) as ended:
        results.main()
    assert ended.value.code == 1 and said in capsys.readouterr().err


def test_files_that_no_page_can_have_are_refused_before(
    tmp_path, monkeypatch, capsys
):
    """Not after a row that took hours."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.json").write_text('{"format_version": 1}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(results, "finished", None)
    monkeypatch.setattr(sys, "argv", ["results", f"--rows={RUN}"])
    with pytest.raises(SystemExit) as ended:
        results.main()
    assert (
        ended.value.code == 1 and "a.json must be 4" in capsys.readouterr().err
    )


def test_pages_are_written_again(row, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["results", "--rows=none", "--figure=x.svg"]
    )
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            results.main()
        assert not ended.value.code
    assert "bytes](x.svg)" in (tmp_path / "RESULTS.md").read_text()
    shutil.copy(ROOT / "RESULTS.md", tmp_path)
    results.replaceable.check_file(tmp_path / "RESULTS.md", b"Generated by")
    results.figures.check_replaceable(ROOT / results.accuracy_per_byte.PATH)


def test_rows_of_ones_own_leave_the_pages_of_all(row, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "RESULTS.md").write_text(f"{results.MARK} kept")
    monkeypatch.setattr(
        sys, "argv", ["results", "--rows=none", "--results_dir=again"]
    )
    with pytest.raises(SystemExit) as ended:
        results.main()
    assert not ended.value.code
    assert (tmp_path / "RESULTS.md").read_text() == f"{results.MARK} kept"
    assert (tmp_path / "again" / "RESULTS.md").exists()
    assert (tmp_path / "again" / results.accuracy_per_byte.PATH).exists()
