"""What cannot be is refused before any cell is made."""

import shutil

import pytest

from fred_tf import presets
from fred_tf.experts.store import ExpertStore
from trainers.sweep import __main__ as sweep
from trainers.sweep import making
from trainers.sweep.grid import cells

DM = presets.preset("digits_ipc1_dm_tiny")


def test_a_wrong_cell_is_refused_before_any_work(tmp_path):
    grid = cells(["mask_rule=energy,enrgy"])
    with pytest.raises(ValueError, match="mask_rule=enrgy.*Did you mean"):
        sweep.run(DM, grid, tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("seed=0,00", "'seed=0' and 'seed=00'"),
        ("memory_learning_rate=1e-2,0.01", "=1e-2' and .*=0.01'"),
    ],
)
def test_cells_that_come_to_the_same_are_refused(
    tmp_path, made, written, named
):
    with pytest.raises(ValueError, match=f"{named}, which come .* Leave one"):
        sweep.run(DM, cells([written]), tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()
    # Another grid may ask for what is there already.
    sweep.run(DM, cells(["outer_steps=1,2"]), tmp_path)
    sweep.run(DM, cells(["outer_steps=2"], ["two: seed=0"]), tmp_path)
    assert made == ["outer_steps=1", "outer_steps=2"]


def test_a_grid_over_seeds_takes_the_cells_that_were_made_without(
    tmp_path, made, monkeypatch
):
    accuracies = iter([0.9, 0.5, 0.8, 0.7, 0.4, 0.3])
    make = making.make

    def scored(settings, folder, facts, *others):
        make(settings, folder, facts, *others)
        facts.update(accuracies=[next(accuracies)])

    monkeypatch.setattr(making, "make", scored)
    single = "evaluation.networks=1"
    sweep.run(DM, cells([single, "ipc=1,2"]), tmp_path)
    grid = cells([single, "ipc=1,2", "seed=0,1,2"])
    table = sweep.run(DM, grid, tmp_path).table
    assert made[:2] == ["ipc=1", "ipc=2"] and len(made) == 6
    assert not (tmp_path / "ipc=1,seed=0").exists()
    assert "\n| 1 | 0 |" in table  # Its seed is told by now.
    assert "\n| 1 | 80.0 +- 8.2 % | 3 |\n" in table
    # Whichever of the grids is given again.
    for again in (cells([single, "ipc=1,2"]), grid):
        assert sweep.run(DM, again, tmp_path).table == table
    # More networks extend it.
    more = cells(["evaluation.networks=2", "ipc=1", "seed=0,1"])
    assert [cell.folder for cell in more] == ["seed=0", "seed=1"]
    accuracies = iter([0.9, 0.8])
    sweep.run(DM, more, tmp_path)
    assert made[6:] == ["ipc=1", "ipc=1,seed=1"]


@pytest.mark.parametrize(
    ("given", "changes", "message"),
    [
        (None, [], "needs `--expert_dir`"),
        ("nowhere", [], "There is no expert store"),
        ("experts", ["network.width=16"], "`network.width` is 128 there, 16"),
        (
            "experts",
            ["max_start_epoch=5", "experts.epochs=9"],
            "must not exceed the epochs",
        ),
    ],
)
def test_experts_are_looked_at_before_any_cell(
    tmp_path, made, quick_tm, quick_experts, given, changes, message
):
    """Those of the last cell, too."""
    experts = {"experts": quick_experts, "nowhere": tmp_path / "nowhere"}
    last = "; ".join(["last: outer_steps=2", *changes])
    grid = cells([], ["one: objective.name=distribution_matching", last])
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        sweep.run(quick_tm, grid, tmp_path / "sweep", None, experts.get(given))
    assert not made and not (tmp_path / "sweep").exists()


def test_experts_are_verified_once_before_any_cell(
    tmp_path, made, quick_tm, quick_experts, monkeypatch
):
    """However many cells match them."""
    folder, compared = tmp_path / "experts", []
    shutil.copytree(quick_experts, folder)
    load = ExpertStore.load

    def watched(self, i, verify=True):
        compared.append(i)
        return load(self, i, verify)

    monkeypatch.setattr(ExpertStore, "load", watched)
    grid = cells(["outer_steps=1,2,3"])
    sweep.run(quick_tm, grid, tmp_path / "sweep", None, folder)
    assert len(made) == 3 and compared == [0, 1]
    last = sorted(folder.glob("*.npy"))[-1]
    last.write_bytes(last.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(ValueError, match=f"{last.name}, is damaged: its SHA"):
        sweep.run(quick_tm, grid, tmp_path / "other", None, folder)
    assert len(made) == 3 and not (tmp_path / "other").exists()


def test_a_finished_sweep_needs_no_experts(
    tmp_path, made, quick_tm, quick_experts
):
    grid = cells(["outer_steps=1,2"])
    sweep.run(quick_tm, grid, tmp_path, None, quick_experts)
    sweep.run(quick_tm, grid, tmp_path)
    assert made == ["outer_steps=1", "outer_steps=2"]


@pytest.mark.parametrize("program", ["sweep.__main__", "distill"])
def test_experts_that_nothing_matches_are_refused(program, tmp_path, call):
    folder = {"sweep.__main__": "sweep_dir", "distill": "run_dir"}[program]
    code, _, errors = call(
        f"trainers.{program}",
        "--preset=digits_ipc1_dm_tiny",
        f"--{folder}={tmp_path / 'made'}",
        f"--expert_dir={tmp_path}",
    )
    assert code == 1 and not (tmp_path / "made").exists()
    assert "with ['distribution_matching']. Leave them out" in errors
