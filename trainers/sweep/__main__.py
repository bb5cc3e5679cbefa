"""Distils and scores a small grid of settings, and writes one table.

    python -m trainers.sweep --preset=cifar10_ipc1_dm_cpu \\
        --sweep_dir=runs/masks --override outer_steps=300 \\
        --override parameterization.mask_rule=explained_variance,energy \\
        --override seed=0,1

Every combination of values is a run folder of its own in `--sweep_dir`, which
other programs take as `--run_dir`. Settings that belong together are points of
one more axis, with a name if wanted:

        --point "pixels: parameterization.name=pixel" \\
        --point "IDC: parameterization.name=idc; factor=3"

All cells are checked before the first runs. The same command continues where
it was stopped (a second Ctrl-C ends an evaluation at once; its finished
networks are kept); another grid may be added to the same folder, and what a
cell's folder holds of other settings is refused. `table.md` and `table.csv` are
written after each cell. A cell that fails is named in the
table, and the others go on. `tensorboard --logdir=runs/masks` compares settings
and accuracies of the cells in its HPARAMS table.
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from absl import flags, logging

from fred_tf import assembly
from fred_tf import config as config_lib
from fred_tf.disk import files, folder_lock, records
from fred_tf.distillation import interruption as interruptions
from fred_tf.distillation import loop
from trainers import run_flags
from trainers.log.hparams import SWEEP_KIND as KIND
from trainers.log.hparams import SWEEP_RECORD, flat
from trainers.sweep import making, table
from trainers.sweep.grid import Cell, cells

SWEEP_DIR = flags.DEFINE(
    run_flags.PATH, "sweep_dir", None, "Folder of the sweep."
)
POINT = flags.DEFINE_multi_string(
    "point",
    [],
    "Overrides that belong together, joined by ';', as a point of one more "
    "axis of the grid; may be given many times.",
)

_FAILURES = (ValueError, loop.DivergedError, tf.errors.OpError)


def run(
    config: config_lib.Config,
    grid: Sequence[Cell],
    sweep_dir: files.Path,
    data_dir: str | None = None,
    expert_dir: str | None = None,
    download: bool = False,
    interruption: interruptions.Interruption | None = None,
) -> str:
    """Runs all cells that are not finished, one after the other.

    Args:
        config: what all cells start from.
        grid: the cells.
        sweep_dir: folder of the sweep; made if missing.
        data_dir: where TensorFlow Datasets keeps its data.
        expert_dir: folder of the expert store, for objectives that need it.
        download: whether missing data may be downloaded.
        interruption: once it holds a signal, the sweep stops: after the outer
            step in progress, saved, or within an evaluation.

    Returns:
        The table as Markdown, of all cells that the folder has seen.

    Raises:
        ValueError: a cell's settings are out of range, or its folder holds a
            cell of other settings or data; nothing has run.
    """
    settings = [_settings(config, cell) for cell in grid]
    facts = assembly.facts_of(settings, data_dir, download)
    root = pathlib.Path(sweep_dir)
    works = [
        making.work(root / cell.folder, cell_config, stated)
        for cell, cell_config, stated in zip(grid, settings, facts)
    ]
    for work in works:
        making.kept(work)
    root.mkdir(parents=True, exist_ok=True)
    interruption = interruption or interruptions.Interruption()
    places = data_dir, expert_dir, download
    with folder_lock.exclusive(root):
        seen = _recorded(root / SWEEP_RECORD, grid, settings)
        for number, (cell, cell_config) in enumerate(zip(grid, settings)):
            place = f"cell {number + 1} of {len(grid)}, {cell.folder}"
            folder, record = root / cell.folder, making.kept(works[number])
            if making.is_finished(record, cell_config):
                continue
            logging.info(place)
            try:
                making.make(cell_config, folder, record, *places, interruption)
                record["failed"] = None
            except _FAILURES as error:
                logging.error("%s failed: %s", place, error)
                record["failed"] = str(error).splitlines()[0]
            records.write(*works[number], **record)
            table.write(root, seen)
            # Graphs of finished cells would fill the memory.
            keras.backend.clear_session()
            if interruption.signal:
                break
        table.write(root, seen)
    return (root / "table.md").read_text()


def _settings(config: config_lib.Config, cell: Cell) -> config_lib.Config:
    try:
        settings = config_lib.override(config, cell.assignments)
        assembly.check_network(settings)
        return settings
    except ValueError as error:
        raise ValueError(f"Cell {cell.folder!r}: {error}") from error


def _recorded(
    path: pathlib.Path,
    grid: Sequence[Cell],
    settings: Sequence[config_lib.Config],
) -> dict[str, Mapping[str, str]]:
    """Adds a grid to the record of a sweep.

    It also has the names of the settings in which cells of one grid differ,
    which TensorBoard shows first.

    Returns:
        The values of all cells so far by folder, in order of appearance.
    """
    identity: dict[str, Any] = {}
    work = path, KIND, identity, None
    record = records.continued(*work) or {"cells": {}, "differing": []}
    for cell in grid:
        record["cells"].setdefault(cell.folder, dict(cell.values))
    values = [flat(config_lib.to_json(cell_config)) for cell_config in settings]
    record["differing"] = sorted(
        {
            name
            for one in values
            for name in one
            if any(other.get(name) != one[name] for other in values)
        }.union(record["differing"])
    )
    records.write(*work, **record)
    return record["cells"]


@run_flags.program
def main() -> int:
    run_flags.set_determinism()
    config, overridden = run_flags.preset_and_overrides()
    grid = cells(overridden, POINT.value)
    sweep_dir = run_flags.required(SWEEP_DIR)
    print(f"{len(grid)} cells:", *(cell.folder for cell in grid), sep="\n  ")
    with interruptions.Interruption().watching() as interruption:
        tables = run(
            config,
            grid,
            sweep_dir,
            run_flags.DATA_DIR.value,
            run_flags.EXPERT_DIR.value,
            run_flags.DOWNLOAD.value,
            interruption,
        )
    if interruption.signal:
        print("Stopped; run again to continue.")
        return interruption.exit_code
    print(f"\n{tables}\n{sweep_dir}/table.csv")
    return int("failed: " in tables)


if __name__ == "__main__":
    main()
