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
networks are kept); another grid may be added to the same folder. `table.md` and
`table.csv` are written after each cell. A cell that fails is named in the
table, and the others go on. `tensorboard --logdir=runs/masks` compares settings
and accuracies of the cells in its HPARAMS table.
"""

import contextlib
import csv
import dataclasses
import io
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import flags, logging

from fred_tf import assembly
from fred_tf import config as config_lib
from fred_tf.disk import files, folder_lock
from fred_tf.disk.run_folder import RunFolder
from fred_tf.distillation import interruption as interruptions
from fred_tf.distillation import loop
from fred_tf.scoring import score
from fred_tf.training.evaluator import Evaluation
from trainers import distill, run_flags
from trainers.log.hparams import SWEEP_RECORD, flat
from trainers.log.run_log import append_accuracy
from trainers.sweep.grid import Cell, cells

SWEEP_DIR = flags.DEFINE_string("sweep_dir", None, "Folder of the sweep.")
POINT = flags.DEFINE_multi_string(
    "point",
    [],
    "Overrides that belong together, joined by ';', as a point of one more "
    "axis of the grid; may be given many times.",
)

_FAILURES = (ValueError, loop.NonFiniteError, tf.errors.OpError)
# The loss in the table is the mean of this many steps, the last ones.
_LAST = 20


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
        ValueError: a cell's settings are out of range; nothing has run.
    """
    settings = [_settings(config, cell) for cell in grid]
    root = pathlib.Path(sweep_dir)
    root.mkdir(parents=True, exist_ok=True)
    interruption = interruption or interruptions.Interruption()
    with folder_lock.exclusive(root):
        record = _record(root, grid, settings)
        seen = record["cells"]
        files.write_json(root / SWEEP_RECORD, record)
        for number, (cell, chosen) in enumerate(zip(grid, settings)):
            place = f"cell {number + 1} of {len(grid)}, {cell.folder}"
            facts = seen[cell.folder]
            if facts.get("finished") == _finished(chosen):
                continue
            logging.info(place)
            try:
                _one(
                    chosen,
                    root / cell.folder,
                    facts,
                    (data_dir, expert_dir, download),
                    interruption,
                )
                facts["failed"] = None
            except _FAILURES as error:
                logging.error("%s failed: %s", place, error)
                facts["failed"] = str(error).splitlines()[0]
            files.write_json(root / SWEEP_RECORD, record)
            _write_tables(root, seen)
            # Graphs of finished cells would fill the memory.
            keras.backend.clear_session()
            if interruption.signal:
                break
    return (root / "table.md").read_text()


def _settings(config: config_lib.Config, cell: Cell) -> config_lib.Config:
    try:
        settings = config_lib.override(config, cell.assignments)
        assembly.check_network(settings)
        return settings
    except ValueError as error:
        raise ValueError(f"Cell {cell.folder!r}: {error}") from error


def _record(
    root: pathlib.Path,
    grid: Sequence[Cell],
    settings: Sequence[config_lib.Config],
) -> dict[str, Any]:
    """Returns the facts of all cells so far, in order of appearance.

    And the names of the settings in which cells of one grid differ, which
    TensorBoard shows first.
    """
    path = root / SWEEP_RECORD
    record = files.read_json(path) if path.exists() else {"cells": {}}
    for cell in grid:
        record["cells"].setdefault(cell.folder, {"values": dict(cell.values)})
    values = [flat(config_lib.to_json(chosen)) for chosen in settings]
    record["differing"] = sorted(
        {
            name
            for one in values
            for name in one
            if any(other.get(name) != one[name] for other in values)
        }.union(record.get("differing", ()))
    )
    return record


def _finished(config: config_lib.Config) -> dict[str, int]:
    """Returns how far a cell must have gone to be finished."""
    return {
        "outer_steps": config.outer_steps,
        **dataclasses.asdict(config.evaluation),
    }


def _one(config, folder, facts, places, interruption) -> None:
    """Distils and scores one cell, adding to its facts."""
    data_dir, expert_dir, download = places
    begun = time.monotonic()
    made = distill.run(
        config,
        folder,
        data_dir,
        expert_dir,
        download,
        interruption=interruption,
    )
    distilled = time.monotonic()
    facts["seconds_distilling"] = round(
        facts.get("seconds_distilling", 0) + distilled - begun
    )
    if interruption.signal:
        return
    data = assembly.load_data(config, data_dir)
    with contextlib.suppress(interruptions.Stopped), interruption.at_once():
        result = score(
            made.config, made.synthetic_set(), data, folder / "evaluation.json"
        )
    facts["seconds_evaluating"] = round(
        facts.get("seconds_evaluating", 0) + time.monotonic() - distilled
    )
    if interruption.signal:
        return
    append_accuracy(made.folder, made.step, config.network.name, result)
    losses = [line["loss"] for line in RunFolder.read(folder).metrics()]
    facts.update(
        images=made.parameterization.instances,
        floats=made.parameterization.floats_stored,
        outer_steps=made.step,
        loss=float(np.mean(losses[-_LAST:])) if losses else None,
        accuracies=list(result.accuracies),
        finished=_finished(config),
    )


_COLUMNS = (
    "images",
    "floats",
    "outer_steps",
    "loss",
    "seconds_distilling",
    "seconds_evaluating",
)


def _write_tables(root: pathlib.Path, seen: dict[str, Any]) -> None:
    axes = list(dict.fromkeys(a for f in seen.values() for a in f["values"]))
    rows = []
    for facts in seen.values():
        row = {axis: facts["values"].get(axis, "") for axis in axes}
        row |= {name: facts.get(name) for name in _COLUMNS}
        accuracies = facts.get("accuracies", [])
        scored = Evaluation(tuple(accuracies), 0.0) if accuracies else None
        row["networks"] = len(accuracies)
        row["accuracy"] = scored and scored.mean
        row["deviation"] = scored and scored.deviation
        row["failed"] = facts.get("failed") or ""
        rows.append((row, scored))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0][0]))
    writer.writeheader()
    writer.writerows(row for row, _ in rows)
    files.write_text(root / "table.csv", text.getvalue())
    table = _markdown(
        [*axes, "images", "floats", "steps", "loss", "accuracy", "networks"],
        [
            [
                *(row[axis] for axis in axes),
                *(row[name] for name in _COLUMNS[:3]),
                None if row["loss"] is None else f"{row['loss']:.4g}",
                row["failed"] and f"failed: {row['failed']}" or scored,
                row["networks"],
            ]
            for row, scored in rows
        ],
    )
    files.write_text(root / "table.md", table + _over_seeds(axes, rows))


def _over_seeds(axes: list[str], rows) -> str:
    """Returns a second table, with cells that differ in their seed as one."""
    others = [axis for axis in axes if axis != "seed"]
    if "seed" not in axes:
        return ""
    merged: dict[tuple, list[Evaluation]] = {}
    for row, scored in rows:
        if scored:
            key = tuple(row[axis] for axis in others)
            merged.setdefault(key, []).append(scored)
    table = _markdown(
        [*others, "accuracy", "seeds"],
        [
            [*key, Evaluation(tuple(e.mean for e in found), 0.0), len(found)]
            for key, found in merged.items()
        ],
    )
    return "\nMean and standard deviation of the seeds' means.\n\n" + table


def _markdown(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    def line(cells: Sequence[Any]) -> str:
        texts = ("" if cell is None else str(cell) for cell in cells)
        return "| " + " | ".join(t.replace("|", "\\|") for t in texts) + " |"

    lines = [line(header), "|" + "---|" * len(header), *map(line, rows)]
    return "\n".join(lines) + "\n"


@run_flags.program
def main() -> int:
    run_flags.set_determinism()
    config, overridden = run_flags.preset_and_overrides()
    grid = cells(overridden, POINT.value)
    sweep_dir = run_flags.required(SWEEP_DIR)
    print(f"{len(grid)} cells:", *(cell.folder for cell in grid), sep="\n  ")
    with interruptions.Interruption().watching() as interruption:
        table = run(
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
    print(f"\n{table}\n{sweep_dir}/table.csv")
    return int("failed: " in table)


if __name__ == "__main__":
    main()
