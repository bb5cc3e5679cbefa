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

Settings that are lists (`distiller.drop_steps`, `preparation.classes`) are
points, too: commas are theirs there.

All cells, and the experts that they match, are checked before the first runs.
The same command continues where it was stopped (a second Ctrl-C ends an
evaluation at once; its finished networks are kept). Another grid of the same
preset and seed may be added to the same folder; overrides that all cells of one
grid share are a column of the table where another grid has others. What the
folder holds of other settings or data is refused. `table.md` and `table.csv`
are written after each cell. A cell that fails is named in the table, beside the
accuracy that it had before, and the others go on. `tensorboard
--logdir=runs/masks` compares settings and accuracies of the cells in its
HPARAMS table.
"""

import dataclasses
import pathlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from absl import logging

from export import command_line, flags
from fred_tf import config as config_lib
from fred_tf import open_run
from fred_tf.disk import files, folder_lock, records
from fred_tf.distillation import interruption as interruptions
from trainers import process_memory, run_flags
from trainers.log.hparams import SWEEP_KIND as KIND
from trainers.log.hparams import SWEEP_RECORD, flat
from trainers.sweep import checking, making, table
from trainers.sweep.grid import Cell, cells

SWEEP_DIR = flags.DEFINE(
    run_flags.FOLDER, "sweep_dir", None, "Folder of the sweep."
)
POINT = flags.DEFINE_multi_string(
    "point",
    [],
    "Overrides that belong together, joined by ';', as a point of one more "
    "axis of the grid; may be given many times.",
)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What has come of a sweep.

    Attributes:
        table: of all cells that its folder has seen, as Markdown.
        failed: folders of the cells that were asked for and have failed.
    """

    table: str
    failed: tuple[str, ...]


def run(
    config: config_lib.Config,
    grid: Sequence[Cell],
    sweep_dir: files.Path,
    data_dir: str | None = None,
    expert_dir: str | None = None,
    download: bool = False,
    interruption: interruptions.Interruption | None = None,
) -> Outcome:
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

    Raises:
        ValueError: a cell's settings are out of range, the folder holds a
            sweep of another preset or seed, or `checking.works` refuses a
            cell; nothing has run.
        FileNotFoundError: data or experts are missing; nothing has run.
        FileExistsError: the folder holds another table of this name.
        RuntimeError: another process is at work in the folder, or has just
            added cells to it.
    """
    root = pathlib.Path(sweep_dir)
    sweep = root / SWEEP_RECORD, KIND, making.identity(config), None
    asked, own = checking.placed(config, _known(sweep), grid)
    settings = [checking.settings(config, cell) for cell in asked.values()]
    places = data_dir, expert_dir, download
    works = checking.works(root, dict(zip(asked, settings)), own, *places)

    def tables() -> str:
        results = map(making.kept, works)
        told = zip(_told_apart(asked.values()), settings, results)
        return table.write(root, list(told))

    table.check_replaceable(root)
    files.make_folder(root)
    interruption = interruption or interruptions.Interruption()
    with folder_lock.exclusive(root):
        now, _ = checking.placed(config, _known(sweep), grid)
        if now.keys() != asked.keys():
            raise RuntimeError(
                f"Another process has just added cells to {root}. Give the "
                "same command again."
            )
        _write(sweep, asked, settings)
        for folder, cell_config, work in zip(asked, settings, works):
            path, record = root / folder, making.kept(work)
            done = making.is_finished(path, record, cell_config)
            if done or folder not in own:
                continue
            number = f"Cell {own.index(folder) + 1} of {len(own)}"
            logging.info("%s, %s", number, folder)
            with process_memory.forgetting():
                record["failed"] = _failure(
                    cell_config, path, record, *places, interruption
                )
            records.write(*work, **record)
            tables()
            if interruption.signal:
                break
        failed = (
            folder
            for folder, work in zip(asked, works)
            if folder in own and making.kept(work).get("failed")
        )
        return Outcome(tables(), tuple(failed))


def _failure(
    config: config_lib.Config, path: pathlib.Path, *others: Any
) -> str | None:
    """Makes a cell and returns why that failed, None where it did not.

    A folder that another process is at work in fails the cell, as does a disk
    that is full; where not even its record can be written, the sweep ends.
    """
    try:
        making.make(config, path, *others)
        return None
    except BrokenPipeError:
        raise  # Nobody reads on.
    except command_line.MISTAKES as error:
        logging.error("Cell %s failed: %s", path.name, error)
        return str(error).partition("\n")[0] or type(error).__name__


def _known(sweep: records.Work) -> dict[str, Cell]:
    """Returns the cells of a sweep's record, by folder.

    Raises:
        ValueError: the record is damaged, or of another preset or seed.
    """
    way_out = "Choose another --sweep_dir."
    places = [path for path in sweep[0].parent.glob("*") if path.is_dir()]
    found = records.continued(
        *sweep,
        way_out=way_out,
        has_begun=lambda content: any(map(making.has_begun, places)),
    ) or {"cells": {}}
    return {
        folder: Cell(
            values["values"],
            tuple(values["assignments"]),
            tuple(values["common"]),
        )
        for folder, values in found["cells"].items()
    }


def _told_apart(asked: Collection[Cell]) -> list[dict[str, str]]:
    """Returns what tells each cell from the others, for people.

    Its values of the axes; and where grids have different overrides in
    common, those.
    """
    common = [
        dict(assignment.split("=", 1) for assignment in cell.common)
        for cell in asked
    ]
    differing = [
        name
        for name in dict.fromkeys(name for values in common for name in values)
        if any(values.get(name) != common[0].get(name) for values in common)
    ]
    return [
        {**cell.values}
        | {name: values[name] for name in differing if name in values}
        for cell, values in zip(asked, common)
    ]


def _write(
    sweep: records.Work,
    asked: Mapping[str, Cell],
    settings: Sequence[config_lib.Config],
) -> None:
    """Writes the record of a sweep.

    It also has the names of the settings in which cells differ, which
    TensorBoard shows first.
    """
    values = [flat(config_lib.to_json(cell_config)) for cell_config in settings]
    names = {name for one in values for name in one}
    records.write(
        *sweep,
        cells={
            folder: dataclasses.asdict(cell) for folder, cell in asked.items()
        },
        differing=sorted(
            name
            for name in names
            if any(one.get(name) != values[0].get(name) for one in values)
        ),
    )


@run_flags.of_settings("expert_dir")
def main() -> int:
    run_flags.set_determinism()
    grid = cells(command_line.OVERRIDE.value, POINT.value)
    # What axes name is of a cell each.
    config = run_flags.start(grid[0].common)
    settings = [checking.settings(config, cell) for cell in grid]
    for cell_config in settings:
        run_flags.check_budget(cell_config)
    sweep_dir = run_flags.required(SWEEP_DIR)
    expert_dir = run_flags.EXPERT_DIR.value
    open_run.check_matched(settings, expert_dir)
    print(f"{len(grid)} cells:", *(cell.folder for cell in grid), sep="\n  ")
    with interruptions.Interruption().watching() as interruption:
        outcome = run(
            config,
            grid,
            sweep_dir,
            run_flags.DATA_DIR.value,
            expert_dir,
            run_flags.DOWNLOAD.value,
            interruption,
        )
    if interruption.signal:
        print("Stopped; run again to continue.")
        return interruption.exit_code
    print(f"\n{outcome.table}\n{sweep_dir}/table.csv")
    return int(bool(outcome.failed))


if __name__ == "__main__":
    main()
