"""The tables of a sweep, from the records of its cells."""

import csv
import dataclasses
import io
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from fred_tf.config import Config
from fred_tf.datasets.data_facts import TEST, on_split
from fred_tf.disk import files, replaceable
from fred_tf.training.evaluation import Evaluation

_COLUMNS = (
    "images",
    "floats",
    "outer_steps",
    "loss",
    "seconds_distilling",
    "seconds_evaluating",
)
_SCORED = "networks", "accuracy", "deviation", "failed"
_RESULTS = ("images", "floats", "steps", "loss", "accuracy", "networks")
# Names of the tables, and what stands in their first lines.
_MARKS = {
    "table.md": f"{' | '.join(_RESULTS)} |",
    "table.csv": f",{','.join(_SCORED)}",
}


def check_replaceable(root: pathlib.Path) -> None:
    """Refuses a folder where tables of somebody else would be replaced.

    Raises:
        FileExistsError: see `replaceable.check_file`.
    """
    for name, mark in _MARKS.items():
        replaceable.check_file(root / name, mark.encode())


def write(
    root: pathlib.Path,
    cells: Sequence[tuple[Mapping[str, str], Config, Mapping[str, Any]]],
) -> str:
    """Writes `table.md` and `table.csv` of all cells.

    An axis that is called as a column of results is `..._asked` in the latter.

    Args:
        root: folder of the sweep.
        cells: of each the values by which people tell it from others, by
            name, its settings, and what has come of it.

    Returns:
        The table as Markdown.
    """
    axes = list(dict.fromkeys(a for values, *_ in cells for a in values))
    tested = {_tested_on(facts) for *_, facts in cells if "accuracies" in facts}
    if len(tested) > 1:  # Else a line below says it of all.
        axes.append("tested_on")
        cells = [
            ({**values, "tested_on": _tested_on(facts)}, config, facts)
            for values, config, facts in cells
        ]
    rows = []
    for values, _, facts in cells:
        told = {axis: values.get(axis, "") for axis in axes}
        row: dict[str, Any] = {_column(a): text for a, text in told.items()}
        row |= {name: facts.get(name) for name in _COLUMNS}
        accuracies = facts.get("accuracies", [])
        scored = Evaluation(tuple(accuracies), 0.0) if accuracies else None
        row["networks"] = len(accuracies)
        row["accuracy"] = scored and scored.mean
        several = scored if len(accuracies) > 1 else None
        row["deviation"] = several and several.deviation
        row["failed"] = facts.get("failed") or ""
        rows.append((told, row, scored))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0][1]))
    writer.writeheader()
    writer.writerows(row for _, row, _ in rows)
    files.write_text(root / "table.csv", text.getvalue())
    table = _markdown(
        [*axes, *_RESULTS],
        [
            [
                *told.values(),
                *(row[name] for name in _COLUMNS[:3]),
                None if row["loss"] is None else f"{row['loss']:.4g}",
                _result(scored, row["failed"]),
                row["networks"],
            ]
            for told, row, scored in rows
        ],
    )
    scores = [(told, scored) for told, _, scored in rows]
    configs = [config for _, config, _ in cells]
    table += _over_seeds(axes, configs, scores)
    if len(tested) == 1 and (on := on_split(tested.pop())):
        table += f"\nAccuracies are{on}.\n"
    files.write_text(root / "table.md", table)
    return table


def _column(axis: str) -> str:
    """Returns what an axis is called beside the columns of results."""
    return f"{axis}_asked" if axis in (*_COLUMNS, *_SCORED) else axis


def _tested_on(facts: Mapping[str, Any]) -> str:
    return facts.get("tested_on", TEST) if "accuracies" in facts else ""


def _result(scored: Evaluation | None, failed: str) -> str:
    """Returns what a cell has come to; what failed later takes nothing away."""
    if not failed:
        return str(scored or "")
    return f"{scored}, then failed: {failed}" if scored else f"failed: {failed}"


def _over_seeds(
    axes: list[str],
    configs: Sequence[Config],
    scores: Sequence[tuple[dict[str, str], Evaluation | None]],
) -> str:
    """Returns a second table, with cells that differ in their seed as one.

    By their settings: what a grid does not state is not another value.
    """
    if len({config.seed for config in configs}) == 1:
        return ""
    others = [axis for axis in axes if axis != "seed"]
    merged: dict[tuple, dict[int, tuple[dict[str, str], Evaluation]]] = {}
    for config, (told, scored) in zip(configs, scores):
        if scored:
            key = dataclasses.replace(config, seed=0), told.get("tested_on")
            # Earlier versions may have made two of the same settings.
            merged.setdefault(key, {}).setdefault(config.seed, (told, scored))
    lines = []
    for by_seed in merged.values():
        each, results = zip(*by_seed.values())
        means = Evaluation(tuple(scored.mean for scored in results), 0.0)
        texts = ([told[axis] for told in each if told[axis]] for axis in others)
        cells = [", ".join(dict.fromkeys(text)) for text in texts]
        lines.append([*cells, means, len(results)])
    table = _markdown([*others, "accuracy", "seeds"], lines)
    return "\nMean and standard deviation of the seeds' means.\n\n" + table


def _markdown(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    def line(cells: Sequence[Any]) -> str:
        texts = ("" if cell is None else str(cell) for cell in cells)
        return "| " + " | ".join(t.replace("|", "\\|") for t in texts) + " |"

    lines = [line(header), "|" + "---|" * len(header), *map(line, rows)]
    return "\n".join(lines) + "\n"
