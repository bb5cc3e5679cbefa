"""What tells the record of a row from that of other work."""

import pathlib
from typing import Any

from fred_tf import config as config_lib
from fred_tf.datasets import DataFacts
from fred_tf.disk import files, records
from trainers.results import reading
from trainers.results.reading import KIND
from trainers.results.row import Row


def path_of(name: str, results_dir: files.Path) -> pathlib.Path:
    """Returns the file of a row."""
    return pathlib.Path(results_dir) / f"{name}.json"


def identity(row: Row) -> dict[str, Any]:
    """Returns the settings that tell a row from others."""
    return {
        "config": config_lib.to_json(row.config()),
        "evaluation": config_lib.to_json(row.evaluation()),
        "subject": row.subject,
        "form": row.form,
        **({"form_bytes": row.form_bytes} if row.form_bytes else {}),
        **({"severity": row.severity} if row.severity else {}),
        **({"stored": row.stored.to_json()} if row.stored else {}),
    }


def of(
    name: str, row: Row, facts: DataFacts, results_dir: files.Path
) -> records.Work:
    """Returns what tells a row from others, as `records` takes it."""
    path = path_of(name, results_dir)
    return path, KIND, identity(row), facts.to_json()


def kept(own: records.Work) -> dict[str, Any] | None:
    """Returns the record of a row if there is one; refuses that of another."""
    path = own[0]
    if records.continued(*own, way_out=reading.way_out(path)) is None:
        return None
    return reading.read(path)
