"""What a sweep refuses before any of its cells is made."""

import contextlib
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from fred_tf import assembly
from fred_tf import config as config_lib
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.disk import records
from fred_tf.objectives import OBJECTIVES
from trainers.sweep import making
from trainers.sweep.grid import Cell


def settings(config: Config, cell: Cell) -> Config:
    """Returns the settings of a cell.

    Raises:
        ValueError: they are out of range.
    """
    with _naming(cell.folder):
        changed = config_lib.override(config, cell.assignments)
        assembly.check_network(changed)
        return changed


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
        ValueError: two of the cells that are asked for have the same settings,
            one cannot match the experts, or one was made with others.
        FileNotFoundError: data, or experts that one needs, are missing.
    """
    _refuse_twins({folder: cells[folder] for folder in own})
    matching = {
        cells[folder]: folder
        for folder in own
        if OBJECTIVES[cells[folder].objective.name].needs_experts
        and not making.is_finished(
            root / folder, making.stated(root / folder), cells[folder]
        )
    }
    for config, folder in matching.items():
        with _naming(folder):
            assembly.check_experts(config, expert_dir)

    def check(config: Config, data: ImageData) -> None:
        if config in matching:
            with _naming(matching[config]):
                assembly.objective(config, data, expert_dir)

    facts = assembly.facts_of(cells.values(), data_dir, download, check)
    works = [
        making.work(root / folder, config, stated)
        for (folder, config), stated in zip(cells.items(), facts)
    ]
    for work in works:
        making.kept(work)
    return works


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
