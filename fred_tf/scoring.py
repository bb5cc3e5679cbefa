"""Evaluations that continue: one network after the other, kept in a file."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from absl import logging

from fred_tf import assembly, seeds
from fred_tf.config import Config, trained_network
from fred_tf.datasets import ImageData, Split
from fred_tf.disk import files
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluator import Evaluation

# Beginning of the names of evaluations that were made while distilling.
CURVE = "evaluation_step"


def score(
    config: Config,
    synthetic_set: SyntheticSet,
    data: ImageData,
    path: files.Path,
    corrupted: Mapping[str, Split] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Evaluates a set, continuing what `path` holds of the same evaluation.

    Args:
        config: its `evaluation`, `network`, `convolutions`, `augmentation` and
            `seed` count.
        synthetic_set: what to train on.
        data: its test split scores the networks.
        path: JSON file that is written after each network.
        corrupted: more test images by name; every network is scored on them,
            too.
        facts: what else tells one evaluation from another, e.g. where the
            corrupted images come from; fit for JSON.
    """
    path, corrupted = pathlib.Path(path), dict(corrupted or {})
    wanted = config.evaluation.networks
    counts = {name: len(split) for name, split in corrupted.items()}
    about = description(config, synthetic_set, data.name, counts, facts)
    evaluator = assembly.evaluator(config, data)
    rate = evaluator.rate_for(synthetic_set)
    found = _finished(path, about["identity"])
    clean, others = found.get("accuracies", []), found.get("corrupted", {})
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
        files.write_json(
            path,
            {
                **found,
                **about,
                **Evaluation(tuple(clean), rate, others).to_json(),
            },
        )
    return Evaluation(
        tuple(clean[:wanted]),
        rate,
        {name: tuple(values[:wanted]) for name, values in others.items()},
    )


def network_seed(config: Config, number: int) -> int:
    """Returns the seed of an evaluation's network by its number."""
    return seeds.integer(config.seed, "network", number)


def description(
    config: Config,
    synthetic_set: SyntheticSet,
    dataset: str,
    corrupted: Mapping[str, int] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns what the file of an evaluation says beside its accuracies.

    Args:
        config: as `score` takes it.
        synthetic_set: what is trained on.
        dataset: name of the data set that scores.
        corrupted: numbers of corrupted test images by name.
        facts: as `score` takes them.

    Returns:
        `identity`, which evaluations that continue one another share; and the
        set's `images` and `floats_stored`.
    """
    settings = dataclasses.asdict(config.evaluation)
    del settings["networks"]
    identity = {
        "dataset": dataset,
        "set": files.digest(synthetic_set.images.tobytes()),
        "details": dict(synthetic_set.details),
        "network": trained_network(config),
        "augmentation": config.augmentation,
        "evaluation": settings,
        "seed": config.seed,
        "corrupted": dict(corrupted or {}),
        **(facts or {}),
    }
    if synthetic_set.soft_labels is not None:
        identity["soft_labels"] = files.digest(
            synthetic_set.soft_labels.tobytes()
        )
    return {
        "identity": identity,
        "images": len(synthetic_set.labels),
        "floats_stored": synthetic_set.floats_stored,
    }


def curve(folder: files.Path) -> dict[int, dict[str, Any]]:
    """Returns the evaluations made while distilling, by outer step.

    They are what `trainers.distill --evaluate_every` writes into a run folder.
    """
    paths = sorted(pathlib.Path(folder).glob(f"{CURVE}*.json"))
    return {
        int(path.stem.removeprefix(CURVE)): files.read_json(path)
        for path in paths
    }


def measured(
    folder: files.Path, synthetic_set: SyntheticSet
) -> list[dict[str, Any]]:
    """Returns what the `evaluation*.json` of a folder say of a set.

    What `trainers.distill` wrote for its curve is left out.

    Returns:
        The network, the settings of the training, and the accuracies of each.
    """
    found = []
    wanted = files.digest(synthetic_set.images.tobytes())
    for path in sorted(pathlib.Path(folder).glob("evaluation*.json")):
        if path.stem.startswith(CURVE):
            continue
        written = files.read_json(path)
        identity = written.get("identity", {})
        if identity.get("set") == wanted:
            found.append(
                {
                    "network": identity["network"],
                    "augmentation": identity["augmentation"],
                    "evaluation": identity["evaluation"],
                    "mean": written["mean"],
                    "deviation": written["deviation"],
                    "accuracies": written["accuracies"],
                }
            )
    return found


def _finished(path: pathlib.Path, identity: dict[str, Any]) -> dict[str, Any]:
    """Returns what an earlier, equal evaluation has written, empty if none."""
    if not path.exists():
        return {}
    written = files.read_json(path)
    if written.get("identity") != identity:
        return {}
    logging.info("%s holds %d networks.", path, len(written["accuracies"]))
    return written
