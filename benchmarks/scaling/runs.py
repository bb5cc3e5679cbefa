"""The runs that are foretold, and those of results that tell how well."""

import json
import pathlib
from typing import NamedTuple

from benchmarks.scaling.foretelling import Run
from fred_tf import config, presets
from fred_tf.config import Config
from trainers.results.rows import ROWS

RESULTS = pathlib.Path(__file__).parents[2] / "results"
# Shape and classes of what presets name.
_SHAPES = {
    "cifar100": ((32, 32, 3), 100),
    "tiny_imagenet": ((64, 64, 3), 200),
    "imagenet64": ((64, 64, 3), 1000),
    "imagenet128": ((128, 128, 3), 1000),
}
# Of ImageNet's thousand classes one command is published, with pixels: one
# image a class, 64 pixels a side, students of 10 steps on 100 images (Cui et
# al. 2023, arXiv 2211.10586, their code), and 10,000 outer steps by default.
# More images a class and 128 pixels take the same here; which share of the
# coefficients is kept is Tiny-ImageNet's.
_IMAGENET = {
    "objective.student_steps": 10,
    "objective.student_batch": 100,
    "outer_steps": 10_000,
    "network.depth": 0,
}


def foretold() -> list[Run]:
    """Returns the runs of the tables."""
    runs = []
    for dataset in _SHAPES:
        for ipc in (1, 10, 50):
            preset = dataset
            changes = {}
            if dataset.startswith("imagenet"):
                preset = "tiny_imagenet"
                changes = {"dataset": dataset, **_IMAGENET}
            settings = presets.preset(f"{preset}_ipc{ipc}_tm")
            runs.append(
                _run(
                    f"{dataset}, ipc {ipc}",
                    config.replace(settings, changes),
                    *_SHAPES[dataset],
                )
            )
    return runs


class Timed(NamedTuple):
    """A row of results that was distilled on the card of the anchor.

    Attributes:
        run: its settings.
        precision: what its convolutions multiplied.
        seconds: of an outer step, by the minutes of all.
    """

    run: Run
    precision: str
    seconds: float


def timed() -> list[Timed]:
    """Returns the rows of CIFAR-10 that matched trajectories on an H200."""
    found = []
    for path in sorted(RESULTS.glob("cifar10_*_fred_tm*.json")):
        if ROWS[path.stem].run_of:
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        values = record["identity"]["config"]
        minutes = record["minutes"].get("distilling")
        if "H200" not in record.get("distilled_on", "") or not minutes:
            continue
        objective, shape = values["objective"], record["data"]["image_shape"]
        run = Run(
            path.stem,
            image_size=shape[0],
            classes=len(record["data"]["class_names"]),
            images=record["images"],
            floats=record["floats"],
            student_steps=objective["student_steps"],
            student_batch=objective["student_batch"],
            outer_steps=record["outer_steps"],
            width=values["network"]["width"],
        )
        # Cards multiply float32 in TF32.
        precision = values.get("convolutions", "float32")
        precision = {"float32": "TF32"}.get(precision, precision)
        found.append(Timed(run, precision, 60 * minutes / run.outer_steps))
    return found


def _run(
    name: str, settings: Config, shape: tuple[int, int, int], classes: int
) -> Run:
    each = config.instances_per_class(settings, shape, classes)
    kept = settings.parameterization.sized(shape).coefficients_per_channel
    return Run(
        name,
        image_size=shape[0],
        classes=classes,
        images=classes * each,
        floats=classes * each * kept * shape[-1],
        student_steps=settings.objective.student_steps,
        student_batch=settings.objective.student_batch,
        outer_steps=settings.outer_steps,
        width=settings.network.width,
    )
