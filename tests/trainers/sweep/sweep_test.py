import csv
import dataclasses
import shutil

import numpy as np
import pytest
from tensorboard.backend.event_processing import (
    data_provider,
)
from tensorboard.backend.event_processing import (
    plugin_event_multiplexer as event_multiplexer,
)
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import (
    api_pb2,
    backend_context,
    list_session_groups,
)

from fred_tf import assembly, config, presets
from fred_tf.datasets import Split
from fred_tf.disk import records
from fred_tf.distillation import interruption as interruptions
from fred_tf.distilled_run import DistilledRun
from trainers.sweep import __main__ as sweep
from trainers.sweep import making
from trainers.sweep.grid import cells

DM = presets.preset("digits_ipc1_dm_tiny")
QUICK = [
    "outer_steps=2",
    "evaluation.epochs=1",
    "augmentation=none",
    "network.name=mlp",
]
IDC = "parameterization.name=idc"


def rows(folder):
    return list(csv.DictReader((folder / "table.csv").open()))


def compared(folder) -> dict[str, float]:
    """Returns the accuracy by trial of TensorBoard's HPARAMS table."""
    multiplexer = event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    context = base_plugin.TBContext(
        logdir=str(folder),
        multiplexer=multiplexer,
        data_provider=data_provider.MultiplexerDataProvider(
            multiplexer, str(folder)
        ),
    )
    statuses = [api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_RUNNING]
    handler = list_session_groups.Handler(
        RequestContext(),
        backend_context.Context(context),
        experiment_id="",
        request=api_pb2.ListSessionGroupsRequest(
            slice_size=10, allowed_statuses=statuses
        ),
    )
    return {
        group.name: {
            value.name.tag: value.value for value in group.metric_values
        }["measured/mlp/accuracy"]
        for group in handler.run().session_groups
    }


class StopAt(interruptions.Interruption):
    """Behaves as if SIGTERM arrived when asked for the nth time."""

    def __init__(self, asked):
        self._left = asked

    @property
    def signal(self):
        self._left -= 1
        return 15 if self._left <= 0 else None


def fails(*_):
    raise ValueError("No room.\nNot at all.")


@pytest.mark.slow  # Runs that stop have quick tests.
def test_stopped_and_continued_equals_uninterrupted(tmp_path):
    grid = cells([*QUICK, "seed=0,1"])
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    sweep.run(DM, grid, stopped, interruption=StopAt(4))
    assert len(rows(stopped)) == 2
    assert sum(bool(row["accuracy"]) for row in rows(stopped)) < 2
    table = sweep.run(DM, grid, stopped).table
    sweep.run(DM, grid, whole)
    for one, other in zip(rows(stopped), rows(whole), strict=True):
        for name in ("accuracy", "deviation", "loss", "images", "networks"):
            assert one[name] == other[name], name
    assert rows(whole)[0]["networks"] == "2"
    assert "Mean and standard deviation of the seeds' means." in table
    for folder in (whole, stopped):
        measured = {
            f"seed={row['seed']} ({folder.name})": 100 * float(row["accuracy"])
            for row in rows(folder)
        }
        assert len(measured) == 2
        assert compared(folder) == pytest.approx(measured, rel=1e-6)
        record = records.read(folder / "sweep.json", "sweep")
        assert record["differing"] == ["seed"]

    # A finished sweep does nothing, another grid adds to it.
    before = {p: p.stat().st_mtime_ns for p in whole.glob("*/*.json*")}
    assert sweep.run(DM, grid, whole).table == (whole / "table.md").read_text()
    assert before == {p: p.stat().st_mtime_ns for p in before}
    more = cells(QUICK, ["pixels: parameterization.name=pixel"])
    sweep.run(DM, more, whole)
    assert len(rows(whole)) == 3
    assert rows(whole)[2]["point"] == "pixels"
    distilled = DistilledRun.restore(whole / "point=pixels")
    assert distilled.config.parameterization.name == "pixel"


@pytest.mark.parametrize("name", ["table.md", "table.csv"])
def test_tables_of_others_stay(name, tmp_path):
    (tmp_path / name).write_text("a,b")
    with pytest.raises(FileExistsError, match=f"{name}, which fred_tf has"):
        sweep.run(DM, cells([], ["one: outer_steps=0"]), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_cell_that_fails_is_named_and_the_others_go_on(tmp_path, monkeypatch):
    make = sweep.making.make

    def full(config, path, *others):
        if config.ipc == 2:
            raise OSError("No space left on device")
        make(config, path, *others)

    monkeypatch.setattr(sweep.making, "make", full)
    grid = cells([*QUICK, "ipc=2,1"])
    outcome = sweep.run(DM, grid, tmp_path)
    assert "failed: " in outcome.table
    assert outcome.failed == (grid[0].folder,)
    failed, good = rows(tmp_path)
    assert failed["failed"] and not good["failed"]
    assert float(good["accuracy"]) > 0
    record = records.read(tmp_path / grid[1].folder / "cell.json", "cell")
    assert np.isfinite(record["loss"])


@pytest.mark.parametrize(
    ("value", "message"),
    [("ipc=1,1000", "begins with 1,000 real"), ("depth=1,4", "8")],
)
def test_no_cell_is_made_where_one_does_not_fit_the_data(
    tmp_path, digits, monkeypatch, value, message
):
    """Of images of which nothing is known before they are read."""
    monkeypatch.setattr(sweep.making, "make", lambda *_: pytest.fail("made"))
    monkeypatch.setattr(assembly, "known_images", lambda config: None)
    grid = cells([*QUICK[:-1], value])
    with pytest.raises(
        ValueError, match=f"Cell '{grid[1].folder}': .*{message}"
    ):
        sweep.run(DM, grid, tmp_path)


def test_a_cell_that_another_process_makes_fails_alone(tmp_path, monkeypatch):
    grid, made = cells([*QUICK, "seed=0,1"]), []

    def make(config, path, *_):
        made.append(path.name)
        if config.seed == 0:
            raise RuntimeError(f"Another process is at work in {path}.")

    monkeypatch.setattr(sweep.making, "make", make)
    outcome = sweep.run(DM, grid, tmp_path)
    assert made == [cell.folder for cell in grid]
    assert outcome.failed == (grid[0].folder,)
    assert "failed: Another process is at work in" in outcome.table


def test_a_cell_of_other_settings_or_data_is_refused(
    tmp_path, digits, monkeypatch
):
    """Before any cell runs, and nothing shows the old figures as the new."""
    quick = [*QUICK, "evaluation.networks=1"]
    sweep.run(DM, cells([*quick, "seed=0,1"]), tmp_path)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.*")}
    for change, message in (
        ("evaluation.epochs=2", "`evaluation.epochs` is 1 there, 2 is asked"),
        ("outer_steps=3", "`outer_steps` is 2 there, 3 is asked for"),
    ):
        grid = cells([*quick, change, "seed=2,1"])
        with pytest.raises(
            ValueError, match=f"seed=1/cell.json .*{message}.*--sweep_dir"
        ):
            sweep.run(DM, grid, tmp_path)
    darker = Split(digits.train.images // 2, digits.train.labels)
    other = dataclasses.replace(digits, train=darker)
    monkeypatch.setattr(assembly, "load_data", lambda *_: other)
    with pytest.raises(ValueError, match="`data.train` is "):
        sweep.run(DM, cells([*quick, "seed=0,1"]), tmp_path)
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.*")}
    monkeypatch.undo()
    # The whole folder is of one preset and seed, whatever cells are asked for.
    for other, named in (
        (presets.preset("digits_ipc1_dc_tiny"), "sweep.json .*`"),
        (config.replace(DM, {"seed": 5}), "sweep.json .*`seed` is 0 there"),
    ):
        with pytest.raises(ValueError, match=f"{named}.*--sweep_dir"):
            sweep.run(other, cells([*quick, "ipc=1,2"]), tmp_path)
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.*")}
    # More networks are added to those that are there.
    more = cells([*QUICK, "seed=0,1"])
    with monkeypatch.context() as patch:
        patch.setattr(making, "score", fails)
        outcome = sweep.run(DM, more, tmp_path)
    (accuracy, *_), (failed, *_) = zip(
        *((row["accuracy"], row["failed"]) for row in rows(tmp_path))
    )
    assert float(accuracy) > 0 and failed == "No room."
    assert " %, then failed: No room. | 1 |" in outcome.table
    assert outcome.failed == ("seed=0", "seed=1")
    assert sweep.run(DM, more, tmp_path).failed == ()
    assert [row["networks"] for row in rows(tmp_path)] == ["2", "2"]
    assert not any(row["failed"] for row in rows(tmp_path))


def test_a_cell_of_another_grid_is_never_shown_as_one_of_this(tmp_path, made):
    """What the grids have in common, and differ in, is a column of its own."""
    here, there = tmp_path / "here", tmp_path / "there"
    sweep.run(DM, cells(["outer_steps=1", "factor=8", IDC]), here)
    table = sweep.run(DM, cells(["outer_steps=2", "factor=8", IDC]), here).table
    assert table.startswith("| outer_steps | images |")
    assert [row["outer_steps"] for row in rows(here)] == ["1", "2"]
    table = sweep.run(DM, cells(["outer_steps=1,3"]), here).table
    assert table.startswith(
        "| outer_steps | factor | parameterization.name | images |"
    )
    assert [row["factor"] for row in rows(here)] == ["8", "8", "", ""]

    # A record out of another sweep is no record of this one.
    other = cells(["outer_steps=1", "factor=4", IDC])
    sweep.run(DM, other, there)
    shutil.copy(
        there / other[0].folder / "cell.json",
        here / "outer_steps=1" / "cell.json",
    )
    with pytest.raises(ValueError, match="outer_steps=1/cell.json is of other"):
        sweep.run(DM, cells(["ipc=1,2"]), here)


def test_a_table_is_of_the_records_whatever_was_killed(tmp_path, made):
    grid = cells(["outer_steps=1,2"])
    table = sweep.run(DM, grid, tmp_path).table
    assert table.count("62.5") == 2
    paths = [tmp_path / "table.md", tmp_path / "table.csv"]
    whole = [path.read_text() for path in paths]
    paths[0].unlink()
    paths[1].write_text(whole[1].partition("\n")[0])  # As before any cell.
    assert sweep.run(DM, grid, tmp_path).table == table
    assert [path.read_text() for path in paths] == whole
    # A record without its run tells of nothing that is there.
    (tmp_path / "outer_steps=1" / "config.json").unlink()
    sweep.run(DM, grid, tmp_path)
    assert made == ["outer_steps=1", "outer_steps=2", "outer_steps=1"]


def test_the_exit_code_is_of_the_cells_that_are_asked_for(
    tmp_path, made, monkeypatch, call
):
    """Whatever words a table has, and whatever others are in it."""
    preset, place = "--preset=digits_ipc1_dm_tiny", f"--sweep_dir={tmp_path}"
    program = "trainers.sweep.__main__", preset, place
    with monkeypatch.context() as patch:
        patch.setattr(making, "make", fails)
        code, output, _ = call(*program, "--override=outer_steps=1,2")
        assert code == 1 and "failed: No room." in output
    code, output, _ = call(*program, "--point=failed: outer_steps=3")
    assert code == 0 and "failed: No room." in output


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), FileNotFoundError("x")]
)
def test_a_disk_that_is_full_fails_one_cell(tmp_path, made, monkeypatch, error):
    make = making.make

    def fails_once(settings, *others):
        if settings.outer_steps == 1:
            raise error
        make(settings, *others)

    monkeypatch.setattr(making, "make", fails_once)
    outcome = sweep.run(DM, cells(["outer_steps=1,2"]), tmp_path)
    assert outcome.failed == ("outer_steps=1",) and made == ["outer_steps=2"]
    assert rows(tmp_path)[0]["failed"] == str(error)


def test_nobody_reading_on_ends_the_sweep(tmp_path, monkeypatch):
    def fail(*_):
        raise BrokenPipeError

    monkeypatch.setattr(making, "make", fail)
    with pytest.raises(BrokenPipeError):
        sweep.run(DM, cells(["outer_steps=1,2"]), tmp_path)
