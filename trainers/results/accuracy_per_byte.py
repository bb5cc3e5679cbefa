"""Accuracy against bytes: a figure and a table of all rows."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from matplotlib.figure import Figure

from fred_tf import figures
from fred_tf.disk import files
from fred_tf.figures import Curve, Panel
from trainers.results import reading, together
from trainers.results.published_bytes import PUBLISHED_BYTES, Counted
from trainers.results.rows import ROWS

PATH = "docs/accuracy_per_byte.png"
# Titles, and what others published.
_DATASETS: Mapping[str, tuple[str, Mapping[str, Counted]]] = {
    "cifar10": ("CIFAR-10", PUBLISHED_BYTES),
    "mnist": ("MNIST", {}),
}
_CODED = "coefficients_coded"
# What a line is called, by the form of its rows; in their order.
_LINES = {
    _CODED: "FreD, coded",
    "coefficients_int4": "FreD, int4",
    "coefficients_int6": "FreD, int6",
    "coefficients_int8": "FreD, int8",
    "coefficients_float32": "FreD, float32",
    "jpeg": "real images, JPEG",
    "png": "real images, PNG",
}
# What is added to it where it has points that are not of a data set's own.
_OTHERS = "other images"

Results = Mapping[str, Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Point:
    """A row in the figure.

    Attributes:
        name: the row.
        form: a key of `_LINES`.
        budget: what it was made for: `ipc`, or bytes.
        size: bytes of its whole folder.
        mean, deviation: of its accuracies, in per cent.
    """

    name: str
    form: str
    budget: int
    size: int
    mean: float
    deviation: float


def best(results: Results, dataset: str) -> dict[str, list[Point]]:
    """Returns the points of each line, by form, in the order of their bytes.

    Of each budget the row with the highest accuracy, and of those the ones that
    no fewer bytes reach.

    Args:
        results: the records of all rows, by name.
        dataset: whose rows.
    """
    by_budget: dict[tuple[str, int], Point] = {}
    for point in _points(results, dataset):
        key = point.form, point.budget
        if key not in by_budget or point.mean > by_budget[key].mean:
            by_budget[key] = point
    found: dict[str, list[Point]] = {form: [] for form in _LINES}
    for point in sorted(by_budget.values(), key=lambda point: point.size):
        line = found[point.form]
        if not line or point.mean > line[-1].mean:
            line.append(point)
    return {form: line for form, line in found.items() if line}


def figure(results_dir: files.Path) -> Figure:
    """Returns the figure of the rows in `results_dir`, and of the papers.

    Raises:
        ValueError: a file is no result, see `reading.rows`.
    """
    results = together.fitting(reading.rows(results_dir), ROWS)
    return figures.accuracy_per_byte(
        {
            title: Panel(
                {
                    _called(form, line, results): Curve(
                        [point.size for point in line],
                        [point.mean for point in line],
                        [point.deviation for point in line],
                    )
                    for form, line in best(results, dataset).items()
                },
                {
                    f"{method}, published": Curve(
                        [*told.accuracies], [*told.accuracies.values()]
                    )
                    for method, told in published.items()
                },
            )
            for dataset, (title, published) in _DATASETS.items()
        }
    )


def table(results: Results, drawn: str = PATH) -> list[str]:
    """Returns the lines of the section on bytes.

    Args:
        results: the records of all rows, by name.
        drawn: where the figure is, as the page names it.
    """
    lines = [
        "",
        "## Accuracy per byte",
        "",
        f"![test accuracy against bytes]({drawn})",
        "",
        "Bytes are those of all files, but of a picture, which is one. Of each "
        "budget the best row is drawn, and of those what no fewer bytes reach. "
        f"Lines of {_OTHERS} have points that were distilled from, and tested "
        "on, others than the data set's own, as *counted* says. "
        "Published points are as their papers count them, with evaluations of "
        "their own.",
        "",
        "| data | stored as | bytes | accuracy | counted | of |",
        "|---|---|---|---|---|---|",
    ]
    for dataset, (title, published) in _DATASETS.items():
        for form, line in best(results, dataset).items():
            for point in line:
                record = results[point.name]
                told = "all files"
                if device := record.get("distilled_on"):
                    told += f"; distilled on {device}"
                if source := reading.source(record):
                    told += f"; of {source}"
                lines.append(
                    f"| {title} | {_LINES[form]} | {point.size:,} | "
                    f"{reading.accuracy(record)} | {told} | "
                    f"`{point.name}` |"
                )
        for method, theirs in published.items():
            for size, accuracy in theirs.accuracies.items():
                lines.append(
                    f"| {title} | {method} | {size:,} | {accuracy} | "
                    f"{theirs.counted} | {theirs.source} |"
                )
    return lines


def _called(form: str, line: list[Point], results: Results) -> str:
    """Returns what a line is called in the legend."""
    others = any(reading.source(results[point.name]) for point in line)
    return f"{_LINES[form]}, {_OTHERS}" if others else _LINES[form]


def _points(results: Results, dataset: str) -> Iterator[Point]:
    """Yields the rows of a data set that the figure may have."""
    for name, record in results.items():
        config = record["identity"]["config"]
        form, row = _form(record), ROWS.get(name)
        if config["dataset"] != dataset or form not in _LINES or row is None:
            continue
        # Of other tables.
        if row.severity or row.repeats or (row.run_of and not row.form):
            continue
        yield Point(
            name,
            form,
            reading.budget_bytes(record) or config["ipc"],
            record["bytes_of_folder"],
            100 * record["mean"],
            100 * record["deviation"],
        )


def _form(record: Mapping[str, Any]) -> str:
    """Returns what a row's set is stored as; empty where it has no line."""
    identity = record["identity"]
    config, scored = identity["config"], identity["evaluation"]["evaluation"]
    by_networks = scored.get("by", "networks") == "networks"
    if not by_networks or not record.get("bytes_of_folder"):
        return ""
    if stored := identity.get("stored"):
        return stored["encoding"]
    member = config["parameterization"]["name"]
    if (identity["subject"], member) != ("run", "frequency"):
        return ""
    in_bytes = reading.budget_bytes(record) > 0
    lossless = _CODED if in_bytes else "coefficients_float32"
    return identity["form"] or lossless
