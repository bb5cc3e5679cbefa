"""Evaluations that continue: one network after the other, kept in a record."""

import dataclasses
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from absl import logging

from fred_tf import assembly, seeds
from fred_tf.config import Config, to_json
from fred_tf.datasets import ImageData, Split
from fred_tf.disk import files, records
from fred_tf.distillation import devices
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluator import Evaluation

KIND = "evaluation"

WAY_OUT = (
    "Give the new evaluation a name of its own (`--name` of "
    "`trainers.evaluate`), choose another folder, or delete the file to make "
    "it anew."
)

# Evaluations that were made while distilling, at the outer step in the name.
_CURVE = re.compile(r"evaluation_step(\d{9})")


def score(
    config: Config,
    synthetic_set: SyntheticSet,
    data: ImageData,
    path: files.Path | None = None,
    corrupted: Mapping[str, Split] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Evaluates a set, continuing what `path` holds of the same evaluation.

    More networks than the file holds are added to it; fewer are the first of
    it, and the file stays as it is.

    Args:
        config: its `evaluation`, `network`, `convolutions`, `augmentation` and
            `seed` count.
        synthetic_set: what to train on.
        data: its test split scores the networks.
        path: JSON file that is written after each network; None keeps nothing.
        corrupted: more test images by name; every network is scored on them,
            too.
        facts: what else tells one evaluation from another, e.g. where the
            corrupted images come from; fit for JSON.

    Raises:
        ValueError: the data have no test images, or others than those of the
            set; XLA chooses by itself what it compiles; or the file is of
            another evaluation, and the message names the first difference.
    """
    devices.refuse_auto_jit()
    _check_alike(synthetic_set, data)
    corrupted = dict(corrupted or {})
    wanted = config.evaluation.networks
    counts = {name: len(split) for name, split in corrupted.items()}
    about = description(config, synthetic_set, counts, facts)
    identity, stated = about.pop("identity"), data.facts.to_json()
    record: dict[str, Any] = {}
    if path is not None:
        work = path, KIND, identity, stated
        record = records.continued(*work, way_out=WAY_OUT) or {}
    clean, others = record.get("accuracies", []), record.get("corrupted", {})
    if clean:
        logging.info("%s holds %d networks.", path, len(clean))
    evaluator = assembly.evaluator(config, data)
    rate = evaluator.rate_for(synthetic_set)
    for number in range(len(clean), wanted):
        seed = network_seed(config, number)
        state = evaluator.train(synthetic_set, seed)
        clean.append(evaluator.score(state, synthetic_set))
        for name, split in corrupted.items():
            others.setdefault(name, []).append(
                evaluator.score(state, synthetic_set, split)
            )
        logging.info(
            "%s, network %d of %d: test accuracy %.4f",
            config.network.name,
            number + 1,
            wanted,
            clean[-1],
        )
        if path is not None:
            scores = Evaluation(tuple(clean), rate, others).to_json()
            told = {**record, **about, **scores, "networks": wanted}
            records.write(*work, **told)
    return Evaluation(
        tuple(clean[:wanted]),
        rate,
        {name: tuple(values[:wanted]) for name, values in others.items()},
    )


def _check_alike(synthetic_set: SyntheticSet, data: ImageData) -> None:
    own = synthetic_set.images.shape[1:], synthetic_set.classes
    theirs = data.image_shape, data.classes
    if own != theirs:
        raise ValueError(
            "A set is scored on images like its own, which are "
            f"{own[0]} of {own[1]} classes. Received: {theirs[0]} of "
            f"{theirs[1]} classes in {data.name!r}. Give the data set that it "
            f"stands for, {synthetic_set.dataset!r}."
        )


def network_seed(config: Config, number: int) -> int:
    """Returns the seed of an evaluation's network by its number."""
    return seeds.integer(config.seed, "network", number)


def description(
    config: Config,
    synthetic_set: SyntheticSet,
    corrupted: Mapping[str, int] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns what the file of an evaluation says beside its accuracies.

    Args:
        config: as `score` takes it.
        synthetic_set: what is trained on.
        corrupted: numbers of corrupted test images by name.
        facts: as `score` takes them.

    Returns:
        `identity`, which evaluations that continue one another share; and the
        set's `images`, `floats_stored` and `details`.
    """
    settings = dataclasses.asdict(config.evaluation)
    del settings["networks"]
    identity = {
        "network": to_json(config)["network"],
        "convolutions": config.convolutions,
        "augmentation": config.augmentation,
        "evaluation": settings,
        "seed": config.seed,
        "corrupted": dict(corrupted or {}),
        **(facts or {}),
        "student_learning_rate": synthetic_set.student_learning_rate,
        "set": files.digest(synthetic_set.images.tobytes()),
        "targets": files.digest(synthetic_set.targets.tobytes()),
    }
    return {
        "identity": identity,
        "images": len(synthetic_set.labels),
        "floats_stored": synthetic_set.floats_stored,
        "details": dict(synthetic_set.details),
    }


def curve_path(folder: files.Path, step: int) -> pathlib.Path:
    """Returns the file of the evaluation that is made after an outer step."""
    return pathlib.Path(folder) / f"evaluation_step{step:09d}.json"


def _curve(folder: files.Path) -> dict[int, pathlib.Path]:
    """Returns the files of evaluations made while distilling, by outer step."""
    paths = sorted(pathlib.Path(folder).glob("evaluation*.json"))
    matches = {path: _CURVE.fullmatch(path.stem) for path in paths}
    return {int(match[1]): path for path, match in matches.items() if match}


def curve(folder: files.Path) -> dict[int, dict[str, Any]]:
    """Returns the evaluations made while distilling, by outer step.

    They are what `trainers.distill --evaluate_every` writes into a run folder.
    One that was stopped before all of its networks is left out: a run that has
    gone on cannot make up for it.
    """
    told = {step: records.read(p, KIND) for step, p in _curve(folder).items()}
    return {
        step: record
        for step, record in told.items()
        if len(record["accuracies"]) >= record.get("networks", 0)
    }


def rewind_curve(folder: files.Path, step: int) -> None:
    """Drops the evaluations of outer steps after `step`.

    A resumed run repeats these steps; where they do not come out bit for bit
    as before, the evaluations are of sets that are no more.
    """
    for evaluated_step, path in _curve(folder).items():
        if evaluated_step > step:
            path.unlink()


def measured(
    folder: files.Path, synthetic_set: SyntheticSet
) -> list[dict[str, Any]]:
    """Returns what the `evaluation*.json` of a folder say of a set.

    What `trainers.distill` wrote for its curve is left out.

    Returns:
        The network, the settings of the training, and the accuracies of each.
    """
    measured = []
    wanted = files.digest(synthetic_set.images.tobytes())
    of_curve = _curve(folder).values()
    for path in sorted(pathlib.Path(folder).glob("evaluation*.json")):
        if path in of_curve:
            continue
        record = records.read(path, KIND)
        identity = record["identity"]
        if identity["set"] == wanted:
            measured.append(
                {
                    "network": identity["network"],
                    "convolutions": identity["convolutions"],
                    "augmentation": identity["augmentation"],
                    "evaluation": identity["evaluation"],
                    "mean": record["mean"],
                    "deviation": record["deviation"],
                    "accuracies": record["accuracies"],
                }
            )
    return measured
