"""Rows on corrupted test images: what is scored, and their table."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from fred_tf.datasets import ImageData, Split, corruptions
from fred_tf.training.evaluation import Evaluation
from trainers.results.row import Row

SUFFIX = "_corrupted"
# The paper does not tell the level; its code has this one. Networks start with
# this step size there, whatever was learned with the set (arXiv 2311.08819).
_SEVERITY = 5
RATE = "evaluation.learning_rate=0.01"
_HOW = (
    RATE,
    "evaluation.networks=5",
    "evaluation.epochs=1000",
)
_OF = (
    "cifar10_ipc1_pixel_dc",
    "cifar10_ipc1_pixel_dsa",
    "cifar10_ipc1_pixel_tm",
    "cifar10_ipc1_idc",
    "cifar10_ipc1_fred_tm",
    "cifar10_ipc1_fred_tm_gpu",
    "cifar10_ipc1_fred_tm_joint",
)


def rows(own: Mapping[str, Row]) -> dict[str, Row]:
    """Returns rows that score the runs of others on corrupted images, too.

    Args:
        own: all rows with runs of their own.
    """
    return {
        f"{name}{SUFFIX}": dataclasses.replace(
            own[name],
            scored_with=(*own[name].scored_with, *_HOW),
            published="",
            run_of=name,
            severity=_SEVERITY,
        )
        for name in _OF
    }


def images(
    row: Row, data: ImageData, data_dir: str | None
) -> tuple[dict[str, Split], dict[str, Any]]:
    """Returns all corrupted test images and their facts, if a row wants any.

    See `corruptions.load_all`.
    """
    if not row.severity:
        return {}, {}
    names = corruptions.CORRUPTIONS
    return corruptions.load_all(data, names, row.severity, data_dir)


def table(origins: Mapping[str, str], results: Mapping[str, Any]) -> list[str]:
    """Returns the lines of the table of corrupted images; none if no row is.

    Args:
        origins: of each row on such images, the row whose run is scored.
        results: the records of all rows.
    """
    made = {name: of for name, of in origins.items() if name in results}
    if not made:
        return []
    names = [name.replace("_", " ") for name in corruptions.CORRUPTIONS]
    head = ["row", "images", *names, "mean of corrupted"]
    lines = ["", "## On corrupted images", "", f"| {' | '.join(head)} |"]
    lines.append("|---" * len(head) + "|")
    for name, origin in made.items():
        record = results[name]
        by_name = record["corrupted"]
        cells = [
            f"{100 * np.mean(by_name[c]):.1f}" for c in corruptions.CORRUPTIONS
        ]
        mean = Evaluation(corruptions.means(by_name), record["learning_rate"])
        how = f"{record['corrupted_by']}, severity {record['severity']}"
        cells.append(mean.cell)
        lines.append(f"| `{origin}` | {how} | {' | '.join(cells)} |")
    return lines
