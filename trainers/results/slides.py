"""The papers' tables cell by cell: published, here, and how to make it.

A cell is met by the rows of `rows.py` with its data set, images per class and
method, see `cells.py`: several rows are several lines, and nothing is chosen by
accuracy. An empty cell says why, and what makes its number.
"""

from collections.abc import Mapping
from typing import Any

from fred_tf.datasets import corruptions
from fred_tf.disk import files
from fred_tf.training.evaluation import Evaluation
from trainers.results import corrupted, empty_cells, reading, together
from trainers.results.cells import Cell, Key, cells, is_joint, key_of
from trainers.results.published import ON, STEPS, STEPS_OF_IMAGENET, TABLES
from trainers.results.row import Row
from trainers.results.rows import ROWS, UNSEEN

NAME = "slides"
_HEAD = "data | ipc | method | published | here | steps | command"
# The rows that make up a cell, after the name of the one that it is met by.
_SUFFIXES = {
    "accuracy": ("",),
    "unseen": tuple(f"_on_{network}" for network in UNSEEN),
    "corrupted": (corrupted.SUFFIX,),
}
_CORRUPTIONS = dict(zip(ON, corruptions.CORRUPTIONS))  # But for the mean.

Results = Mapping[str, Mapping[str, Any]]


def slides(results_dir: files.Path) -> str:
    """Returns the tables as Markdown, from the rows and their files.

    Raises:
        ValueError: a file is no result, see `reading.rows`.
    """
    results, rows = together.fitting(reading.rows(results_dir), ROWS), _rows()
    lines = [
        "# The papers' tables, cell by cell",
        "",
        "Test accuracy in per cent, mean and deviation over networks; here at "
        "the final step. Steps are those made, of those published. Sources are "
        "in `trainers/results/published.py`; numbers with a dagger are not "
        "seen there but as others quote them.",
    ]
    for table in TABLES:
        lines += ["", f"## {table.title}", "", f"| {_HEAD} |"]
        lines.append("|---" * (_HEAD.count("|") + 1) + "|")
        for cell in cells(table):
            lines += _lines(cell, rows, results)
    return "\n".join(lines)


def _rows() -> dict[Key, list[str]]:
    """Returns the names of rows by the cell that they are of."""
    found: dict[Key, list[str]] = {}
    for name, row in ROWS.items():
        # The papers count images, not bytes.
        if row.repeats or row.budget_bytes:
            continue
        # Their networks score what kernels do here.
        by_kernel = row.evaluation().evaluation.by != "networks"
        of_kernel = name == f"{row.run_of}_usual" and (
            ROWS[row.run_of].evaluation().evaluation.by != "networks"
        )
        if by_kernel or (row.run_of and not of_kernel):
            continue
        found.setdefault(key_of(row.config(), row.subject), []).append(name)
    return found


def _lines(
    cell: Cell, rows: Mapping[Key, list[str]], results: Results
) -> list[str]:
    """Returns the lines of a cell, one at least."""
    parts = {name: _scored(cell, name) for name in rows.get(cell.key, [])}
    parts = {name: scored for name, scored in parts.items() if scored}
    made = {
        name: [results[n] for n in scored]
        for name, scored in parts.items()
        if results.keys() >= set(scored)
    }
    if made:
        return [
            _line(
                cell,
                _here(cell, records),
                _steps(cell, records),
                _make(parts[n]),
            )
            for n, records in made.items()
        ]
    if parts:
        near = [n for n in parts if not ROWS[n].elsewhere]
        reason = "not made yet" if near else "not made yet, needs a GPU"
        return [_line(cell, reason, "", _make(parts[(near or [*parts])[0]]))]
    reason, command = empty_cells.told(cell, rows)
    return [_line(cell, reason, "", command)]


def _scored(cell: Cell, name: str) -> list[str]:
    """Returns the rows that make up a cell, by the row that it is met by."""
    others = [f"{name}{suffix}" for suffix in _SUFFIXES[cell.what]]
    return others if all(n in ROWS for n in others) else []


def _make(names: list[str]) -> str:
    """Returns the command that makes rows."""
    rows: list[Row] = [ROWS[name] for name in names]
    elsewhere = any(row.elsewhere and not row.run_of for row in rows)
    pack = " --pack=packs" if elsewhere else ""
    return f"python -m trainers.results{pack} --rows={','.join(names)}"


def _here(cell: Cell, records: list[Mapping[str, Any]]) -> str:
    accuracies = records[0]["accuracies"]
    remarks = [reading.source(records[0])]
    if is_joint(records[0]["identity"]["config"]):
        remarks.append("joint channels, ours")
    if cell.what == "corrupted":
        by_name, one = records[0]["corrupted"], _CORRUPTIONS.get(cell.on, "")
        accuracies = by_name[one] if one else corruptions.means(by_name)
        remarks.append(records[0]["corrupted_by"])
    if len(records) > 1:  # The mean of each of several networks.
        mean = sum(record["mean"] for record in records) / len(records)
        number = f"{100 * mean:.1f}"
    else:
        rate = records[0]["learning_rate"]
        number = Evaluation(tuple(accuracies), rate).cell.replace(" ", "")
    told = "; ".join(filter(None, remarks))
    return number + (f" ({told})" if told else "")


def _steps(cell: Cell, records: list[Mapping[str, Any]]) -> str:
    made = records[0]["outer_steps"]
    if made is None:
        return ""
    of_imagenet = cell.dataset.startswith("imagenet")
    more = STEPS_OF_IMAGENET if of_imagenet else {}
    known = {**STEPS, **more}.get(cell.method)
    if isinstance(known, Mapping):
        known = known.get(cell.ipc)
    return f"{made:,} of {known:,}" if known else f"{made:,} of n/p"


def _line(cell: Cell, here: str, steps: str, command: str) -> str:
    run = f"`{command}`" if command else ""
    shown = (
        f"{cell.dataset}, {cell.on}" if cell.on else cell.dataset,
        str(cell.ipc or "all"),
        cell.method,
        cell.published,
        here,
        steps,
        run,
    )
    return f"| {' | '.join(shown)} |"
