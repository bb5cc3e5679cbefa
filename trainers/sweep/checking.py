"""What a sweep refuses before any of its cells is made."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from fred_tf import assembly, open_run
from fred_tf import config as config_lib
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.disk import records
from fred_tf.experts import of_run
from fred_tf.experts.store import ExpertStore
from fred_tf.objectives import OBJECTIVES
from fred_tf.presets import fitting
from trainers.sweep import making
from trainers.sweep.grid import Cell


def settings(config: Config, cell: Cell) -> Config:
    """Returns the settings of a cell.

    Raises:
        ValueError: they are out of range, or no network can be made of them.
    """
    changed = _changed(config, cell)
    with _naming(cell.folder):
        assembly.check_network(changed)
    return changed


def placed(
    config: Config, known: Mapping[str, Cell], grid: Sequence[Cell]
) -> tuple[dict[str, Cell], list[str]]:
    """Returns the cells of a sweep with those of a grid, and their folders.

    A cell is told from others by its settings, not by how they are written:
    one of a grid that has those of a cell that is there takes its folder. It is
    shown with the values of both, so that a grid over seeds tells the seed of
    one that was made without.

    Args:
        config: what all cells start from.
        known: cells of other grids, by folder.
        grid: the cells that are asked for.

    Returns:
        All cells by folder, and the folders of those of the grid.

    Raises:
        ValueError: settings are out of range, or two cells of the grid have
            the same.
    """
    there = {
        folder: _work(_changed(config, cell)) for folder, cell in known.items()
    }
    own = [_changed(config, cell) for cell in grid]
    _refuse_twins(dict(zip((cell.folder for cell in grid), own)))
    works = [_work(one) for one in own]
    # Of twins that earlier versions have made the first.
    holding = {work: folder for folder, work in reversed(there.items())}
    cells, folders = dict(known), []
    for cell, work in zip(grid, works):
        folder = cell.folder
        # Cells that differ in their networks alone are not one another.
        if folder not in there and works.count(work) == 1:
            folder = holding.get(work, folder)
        if there.get(folder) == work:
            values = {**known[folder].values, **cell.values}
            cell = dataclasses.replace(cell, values=values)
        cells[folder] = cell
        folders.append(folder)
    return cells, folders


def works(
    root: pathlib.Path,
    cells: Mapping[str, Config],
    own: Sequence[str],
    data_dir: str | None,
    expert_dir: str | None,
    download: bool,
) -> list[records.Work]:
    """Returns what tells each cell from others, see `making.work`.

    Args:
        root: folder of the sweep.
        cells: settings of all its cells, by folder.
        own: folders of those that are asked for; what is not finished of them
            is about to be made.
        data_dir: where TensorFlow Datasets keeps its data.
        expert_dir: folder of the expert store, if any.
        download: whether missing data may be downloaded.

    Raises:
        ValueError: one of the cells that are asked for does not fit the data
            or cannot match the experts, one was made with others, or an expert
            is damaged.
        FileNotFoundError: data, or experts that one needs, are missing.
    """
    unfinished = {
        cells[folder]: folder
        for folder in own
        if not making.is_finished(
            root / folder, making.stated(root / folder), cells[folder]
        )
    }
    matching = {
        config: folder
        for config, folder in unfinished.items()
        if OBJECTIVES[config.objective.name].needs_experts
    }
    for config, folder in matching.items():
        with _naming(folder):
            assembly.check_experts(config, expert_dir)

    def check(config: Config, data: ImageData) -> None:
        if config in unfinished:
            with _naming(unfinished[config]):
                open_run.check_on(fitting.fitted(config, data), data)
        if config in matching:
            with _naming(matching[config]):
                assembly.objective(config, data, expert_dir)

    facts = assembly.facts_of(cells.values(), data_dir, download, check)
    if matching and expert_dir:
        of_run.verify(ExpertStore.open(expert_dir))
    works = [
        making.work(root / folder, config, stated)
        for (folder, config), stated in zip(cells.items(), facts)
    ]
    for work in works:
        making.kept(work)
    return works


def _changed(config: Config, cell: Cell) -> Config:
    """Returns the settings of a cell, whose network is not built to check."""
    with _naming(cell.folder):
        return config_lib.override(config, cell.assignments)


def _work(config: Config) -> Config:
    """Returns settings without what extends the work they are of."""
    scored = dataclasses.replace(config.evaluation, networks=1)
    return dataclasses.replace(config, evaluation=scored)


def _refuse_twins(cells: Mapping[str, Config]) -> None:
    """Refuses cells that would make the same run, however they are written."""
    first: dict[Config, str] = {}
    for folder, config in cells.items():
        if (other := first.setdefault(config, folder)) != folder:
            raise ValueError(
                "The cells of a sweep must have settings of their own. "
                f"Received: {other!r} and {folder!r}, which come to the same. "
                "Leave one of them out."
            )


@contextlib.contextmanager
def _naming(folder: str) -> Iterator[None]:
    """Says which cell is refused."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Cell {folder!r}: {error}") from error
