"""What a page says first: what a set is worth, and what else its room buys."""

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fred_tf import config as config_lib
from fred_tf import scoring
from fred_tf.datasets.data_facts import on_split
from fred_tf.datasets.sources import IN_MEMORY
from fred_tf.disk import claims, evaluation_files, records
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms.making import stated_scores
from fred_tf.training.evaluation import Evaluation
from fred_tf.training.evaluator_settings import EvaluatorSettings
from trainers.figures import title as stored_as
from trainers.report import evaluating, markup

# Bytes.
FLOAT = 4
_UNKNOWN = "not evaluated yet"


@dataclasses.dataclass(frozen=True)
class Baseline:
    """What networks reached on real images.

    Attributes:
        method: how the images were chosen.
        images: how many.
        evaluation: the accuracies.
        alike: whether networks were trained as those beside them.
    """

    method: str
    images: int
    evaluation: Evaluation
    alike: bool


class Row(NamedTuple):
    """What networks are trained on, and what they reach.

    Attributes:
        name: in words.
        baseline: of `trainers.evaluate`, which finds out what they reach.
        images: how many there are; None if unknown.
        size: bytes as float32; None if unknown.
        evaluation: what they reach; None if unknown.
    """

    name: str
    baseline: str
    images: int | None
    size: int | None
    evaluation: Evaluation | None = None

    @property
    def cells(self) -> list[str]:
        """What a table says of it."""
        counts = (
            "" if n is None else f"{n:,}" for n in (self.images, self.size)
        )
        known = self.evaluation
        return [
            self.name,
            *counts,
            _UNKNOWN if known is None else accuracy(known),
        ]


def title(config: config_lib.Config) -> str:
    """Returns what a set is called: of what, how much of it, and by what."""
    objective = config.objective.name.replace("_", " ")
    size = f"ipc {config.ipc}"
    if budget_bytes := config.parameterization.budget_bytes:
        size = f"{budget_bytes:,} bytes"
    return f"{config.dataset}, {size}: {stored_as(config)} by {objective}"


def accuracy(evaluation: Evaluation) -> str:
    """Returns an accuracy with its spread; one network has none."""
    return f"{evaluation.cell} %"


def evaluations(run: DistilledRun) -> list[dict[str, Any]]:
    """Returns what was measured of a run's set, see `scoring.measured`.

    In its own folder, or in the one around it, where `trainers.quickstart`
    keeps what it measures of several.
    """
    decoded, found = run.synthetic_set(), []
    own = run.folder.path
    if here := scoring.measured(own, decoded, run.facts):
        return here
    # Files of others there may be anything.
    with contextlib.suppress(ValueError):
        found = scoring.measured(own.absolute().parent, decoded, run.facts)
    return found


def of_own_network(
    found: list[dict[str, Any]], config: config_lib.Config
) -> dict[str, Any] | None:
    """Returns the evaluation by the network that a set was distilled with.

    The one as its settings say, where there are several; without one the first
    there is; None where there is none.
    """
    own = scoring.by_own_network(found, config)
    return next(iter([*own, *found]), None)


def of_run(run: DistilledRun, found: list[dict[str, Any]]) -> str:
    """Returns the numbers of a run, and those of other sets beside them.

    And the commands that find out what is not known.

    Args:
        run: the run.
        found: what was measured of its set.
    """
    memory, own = run.parameterization, of_own_network(found, run.config)
    on = f"test accuracy{on_split(run.facts.tested_on)}"
    size = FLOAT * memory.floats_stored
    rounds = run.config.parameterization.export_bytes
    name = "this set, before its export rounds it" if rounds else "this set"
    this = Row(name, "", memory.instances, size)
    first = ("?", f"{on}: {_UNKNOWN}")
    if own is not None:
        scores = Evaluation(tuple(own["accuracies"]), 0.0)
        this = this._replace(evaluation=scores)
        first = accuracy(scores), f"{on}, {_trained(own)}"
    room = f"{size:,}", "bytes as float32"
    if budget_bytes := run.config.parameterization.budget_bytes:
        room = f"{budget_bytes:,}", "bytes that it was made for"
    how = own or scoring.how(run.config)
    rows = [this, *_beside(run, how)]
    unknown = [
        f"# {row.name}\n{evaluating.command(run, row.baseline, how)}"
        for row in rows
        if row.evaluation is None and run.config.dataset != IN_MEMORY
    ]
    parts = [
        markup.numbers(
            [
                first,
                (f"{memory.instances:,}", "images"),
                room,
            ]
        ),
        markup.table(
            ("trained on", "images", "bytes as float32", on),
            [row.cells for row in rows],
        ),
    ]
    if unknown:
        parts.append(markup.paragraph(f"{_UNKNOWN.capitalize()}:"))
        parts.append(markup.code("\n".join(unknown)))
    return "".join(parts)


def _trained(found: Mapping[str, Any]) -> str:
    """Returns what was trained, in words."""
    by = EvaluatorSettings.from_json(found["evaluation"]).by
    if by != "networks":
        return f"by {by.replace('_', ' ')}"
    count = len(found["accuracies"])
    many = f"{found['network']['name']}{'s' if count > 1 else ''}"
    if "networks" in found:  # It was stopped.
        return f"{count} {many} of {found['networks']}"
    return f"{count} {many}"


def _beside(run: DistilledRun, how: Mapping[str, Any]) -> Iterator[Row]:
    """Yields rows of real images: as many as the room holds, and all.

    And as many as the set has, where they were evaluated, for which no run
    asks: `trainers.evaluate --baseline=random --override ipc=N --name=WORD`.

    Args:
        run: the run.
        how: networks were trained on its set, which these stand beside.
    """
    found = list(_baselines(run, how))
    in_room = len(run.facts.class_names) * run.config.ipc
    as_many = run.parameterization.instances

    def row(name: str, method: str, images: int | None = None) -> Row:
        own = [
            x
            for x in found
            if x.method == method and images in (None, x.images)
        ]
        best = max(
            own, key=lambda x: (x.alike, x.evaluation.mean), default=None
        )
        if best is not None and not best.alike:
            name += ", trained otherwise"
        scores = None if best is None else best.evaluation
        count = images if best is None else best.images
        size = FLOAT * math.prod(run.facts.image_shape)
        return Row(
            name,
            method,
            count,
            None if count is None else count * size,
            scores,
        )

    yield row("random real images", "random", in_room)
    same = row("as many random real images", "random", as_many)
    if as_many != in_room and same.evaluation is not None:
        yield same
    yield row("all training images", "full")


def _baselines(run: DistilledRun, how: Mapping[str, Any]) -> Iterator[Baseline]:
    """Yields what was reached on real images of its data, trained alike.

    All of them are what nothing smaller reaches, however it was found: with
    other settings, too. Where `evaluations` looks. What cannot be read is left
    to who reads it.
    """
    data = records.plain(run.facts.to_json())

    def scorer(how: Mapping[str, Any]) -> tuple[Any, Any]:
        by = claims.mapping(how, "evaluation").get("by")
        return records.plain(how.get("network")), by

    own = run.folder.path.absolute()
    for folder in (own, own.parent):
        for path in sorted(folder.glob("evaluation*.json")):
            with contextlib.suppress(ValueError, OSError):
                record = records.read(path, evaluation_files.KIND)
                stated = claims.mapping(record, "data")
                identity = claims.mapping(record, "identity")
                details = claims.mapping(record, "details")
                method = claims.text(details, "method")
                alike = scoring.are_alike(identity, how)
                usual = method == "full" and scorer(identity) == scorer(how)
                if not (alike or usual) or any(
                    stated.get(split) != data[split]
                    for split in ("train", "test")
                ):
                    continue
                yield Baseline(
                    method,
                    claims.integer(record, "images", 1),
                    Evaluation(tuple(stated_scores(record)), 0.0),
                    alike,
                )
