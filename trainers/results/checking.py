"""What is looked at before any row is made."""

from collections.abc import Mapping
from typing import Any

from fred_tf import assembly
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.disk import files
from trainers.results import making, work
from trainers.results.row import Row


def finished(
    rows: Mapping[str, Row],
    runs_dir: files.Path,
    results_dir: files.Path,
    data_dir: str | None = None,
    download: bool = False,
) -> dict[str, dict[str, Any]]:
    """Returns the records of those rows that are made.

    Args:
        rows: those that are asked for, by name.
        runs_dir, results_dir, data_dir, download: as `making.make` takes them.

    Raises:
        ValueError: the file of a row was made with other settings or data.
        ValueError, ImportError: one of the others cannot be made, see
            `making.check`.
        FileNotFoundError: the data of one are missing.
    """
    there = {n for n in rows if work.path_of(n, results_dir).exists()}
    of_config: dict[Config, list[str]] = {}
    for name, row in rows.items():
        of_config.setdefault(row.config(), []).append(name)

    def check(config: Config, data: ImageData) -> None:
        for name in of_config[config]:
            if name not in there:
                making.check(name, rows[name], runs_dir, data, data_dir)

    stated = assembly.facts_of(of_config, data_dir, download, check)
    facts = dict(zip(of_config, stated))
    results = {
        name: work.kept(work.of(name, row, facts[row.config()], results_dir))
        for name, row in rows.items()
        if name in there
    }
    return {name: record for name, record in results.items() if record}
