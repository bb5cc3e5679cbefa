"""The papers' tables cell by cell: published, here, and how to make it.

A cell is met by the rows of `rows.py` with its data set, images per class and
method, which are read off their settings: several rows are several lines, and
nothing is chosen by accuracy. An empty cell says why.
"""

import contextlib
import functools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fred_tf import config as config_lib
from fred_tf import presets
from fred_tf.config import Config
from fred_tf.datasets import corruptions
from fred_tf.disk import files
from fred_tf.kernels import RandomFeatures
from fred_tf.objectives import OBJECTIVES
from fred_tf.parameterizations import PARAMETERIZATIONS, MultiFormation
from fred_tf.presets.recipe import Recipe
from fred_tf.training.evaluation import Evaluation
from trainers.results import corrupted, reading
from trainers.results.published import (
    ON,
    STEPS,
    STEPS_OF_IMAGENET,
    TABLES,
    Published,
)
from trainers.results.row import Row
from trainers.results.rows import ROWS, UNSEEN

NAME = "slides"
_HEAD = "data | ipc | method | published | here | steps | command"
_CHOSEN = {"random": "Random", "herding": "Herding", "full": "Full data"}
# What the papers call by one name is an objective and a memory here.
_WHOLE = {"HaBa": "TM with HaBa", "IDC": "IDC with IDC", "IDC-I": "IDC"}
_NO_ROW = {
    "accuracy": "no row",
    "unseen": "no row is scored on these networks",
    "corrupted": "no row is scored on corrupted images",
}
# The rows that make up a cell, after the name of the one that it is met by.
_SUFFIXES = {
    "accuracy": ("",),
    "unseen": tuple(f"_on_{network}" for network in UNSEEN),
    "corrupted": (corrupted.SUFFIX,),
}
_CORRUPTIONS = dict(zip(ON, corruptions.CORRUPTIONS))  # But for the mean.
# Of presets: what is not as published.
_OURS = ("_cpu", "_tiny", "_joint")

Results = Mapping[str, Mapping[str, Any]]


class Cell(NamedTuple):
    """A published number.

    Attributes:
        dataset: its name, or that of the list of classes.
        ipc: images per class as the paper counts them; 0 for all.
        method: as the paper calls it.
        published: the number, in per cent.
        what: see `Published`.
        on: which corrupted images; empty for others.
    """

    dataset: str
    ipc: int
    method: str
    published: str
    what: str
    on: str = ""

    @property
    def key(self) -> tuple[str, int, str]:
        """Data set, images per class and method as rows have them.

        Of HaBa the paper counts bases, and the budget here its hallucinators
        too, which take an image of each class.
        """
        ipc = self.ipc + (self.method == "HaBa")
        return self.dataset, ipc, _WHOLE.get(self.method, self.method)


def cells(table: Published) -> Iterator[Cell]:
    """Yields the cells of a table that a number is published for."""
    for method, numbers in table.rows.items():
        on = table.on or ("",) * len(table.columns)
        for column, name, number in zip(
            table.columns, on, numbers.split(), strict=True
        ):
            if number != "-":
                yield Cell(*column, method, number, table.what, name)


def method_of(config: Config, subject: str = "run") -> str:
    """Returns what the papers call what settings do; empty for nothing."""
    if subject != "run":
        return _CHOSEN[subject]
    if not config.outer_steps:
        return ""
    member = OBJECTIVES[config.objective.name]
    matched = member.called_with(config.augmentation)
    if config.objective.to_json().get("kernel") == RandomFeatures.Settings.name:
        matched = "RFAD"
    memory = config.parameterization
    uncut = isinstance(memory, MultiFormation.Settings) and memory.factor == 1
    if memory.name == "pixel" or uncut:  # A canvas of one patch is pixels.
        return matched
    return f"{matched} with {PARAMETERIZATIONS[memory.name].called()}"


def slides(results_dir: files.Path) -> str:
    """Returns the tables as Markdown, from the rows and their files.

    Raises:
        ValueError: a file is no result, see `reading.rows`.
    """
    results, rows, made = reading.rows(results_dir), _rows(), _presets()
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
            here = rows.get(cell.key, [])
            lines += _lines(cell, here, made.get(cell.key), results)
    return "\n".join(lines)


def _key(config: Config, subject: str = "run") -> tuple[str, int, str]:
    ipc = 0 if subject == "full" else config.ipc
    name = config.preparation.classes or config.dataset
    return name, ipc, method_of(config, subject)


def _rows() -> dict[tuple[str, int, str], list[str]]:
    """Returns the names of rows by the cell that they are of."""
    found: dict[tuple[str, int, str], list[str]] = {}
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
        found.setdefault(_key(row.config(), row.subject), []).append(name)
    return found


@functools.cache
def _presets() -> dict[tuple[str, int, str], Recipe]:
    """Returns what is as published, by cell.

    A preset, or the objective of one on another memory.
    """
    published: dict[tuple[str, int, str], Recipe] = {}
    others: dict[tuple[str, int, str], Recipe] = {}
    for name in presets.names():
        if any(part in name for part in _OURS):
            continue
        config = presets.preset(name)
        published[_key(config)] = Recipe(name, ())
        for memory in PARAMETERIZATIONS:
            recipe = Recipe(name, (f"parameterization.name={memory}",))
            # Some objectives do not take the labels of others, and budgets
            # have no room for every memory.
            with contextlib.suppress(ValueError):
                key = _key(config_lib.override(config, recipe.overrides))
                others.setdefault(key, recipe)
    return {**others, **published}


def _lines(
    cell: Cell, names: list[str], recipe: Recipe | None, results: Results
) -> list[str]:
    """Returns the lines of a cell, one at least."""
    parts = {name: _scored(cell, name) for name in names}
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
    reason, command = _NO_ROW[cell.what], ""
    if recipe and cell.what == "accuracy":
        # A hundred experts of fifty epochs, and thousands of their students; or
        # images sixteen times as large.
        config = presets.preset(recipe.preset)
        large = config.preparation.image_size >= 128
        large |= OBJECTIVES[config.objective.name].needs_experts
        needs = ", needs a GPU" if large else ""
        there = " for this objective" if recipe.overrides else ""
        reason += f"{needs}; there is a preset of the paper's size{there}"
        run_dir = "_".join(map(str, cell.key)).replace(" ", "_").lower()
        command = " ".join(
            [
                f"python -m trainers.distill --preset={recipe.preset}",
                *(f"--override {change}" for change in recipe.overrides),
                f"--run_dir=runs/{run_dir}",
            ]
        )
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
    remarks = [records[0]["data"]["preparation"].get("source", "")]
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
