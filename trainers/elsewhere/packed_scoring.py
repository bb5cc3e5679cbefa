"""Scoring as a part of a pack: what goes out with it.

`runner` does the part in between: it trains the networks that
`trainers.evaluate` would train, with the same steps in the same phases, and
classifies the same test images.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf import assembly, scoring
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.normalizations import Normalization
from fred_tf.training.evaluator import Evaluator
from fred_tf.training.evaluator_settings import EvaluatorSettings
from trainers.elsewhere.lowering import lower
from trainers.elsewhere.runner import arrays

# Test images that are classified at a time.
_BLOCK = 500


def check(settings: EvaluatorSettings) -> None:
    """Refuses evaluations that packs cannot do.

    Raises:
        ValueError: no networks are trained, or by other phases, or on other
            images in each pass, or on batches that are standardised.
    """
    if (
        settings.by != "networks"
        or settings.schedule == "cosine"
        or settings.views != "all"
        or settings.standardized_batches
    ):
        raise ValueError(
            "A pack scores `evaluation.by` 'networks' with "
            "`evaluation.schedule` 'drop' or 'two_drops', "
            "`evaluation.views` 'all' and `evaluation.standardized_batches` "
            f"false. Received: {settings.by!r}, {settings.schedule!r}, "
            f"{settings.views!r} and {settings.standardized_batches}. Override "
            "them here, and score the set with `python -m trainers.evaluate` "
            "once it is back."
        )


def evaluator(config: Config, data: ImageData) -> Evaluator:
    """Returns the evaluator of a config.

    Raises:
        ValueError: see `check`.
    """
    check(config.evaluation)
    found = assembly.evaluator(config, data)
    assert isinstance(found, Evaluator)
    return found


def write(
    folder: pathlib.Path,
    configs: Mapping[str, Config],
    data: ImageData,
    labels: np.ndarray,
    kind: str | None,
    normalization: Normalization,
) -> dict[str, Any]:
    """Writes what scores a set, but for its images.

    Args:
        folder: the pack.
        configs: settings by network; they differ in the network only.
        data: its test split scores.
        labels: what networks are trained on, `[n]` or soft ones.
        kind: what the soft labels of the set are; None if it has none.
        normalization: of the set's images.

    Returns:
        What `pack.json` says of it.

    Raises:
        ValueError: the data have no test images.
    """
    evaluators = {k: evaluator(v, data) for k, v in configs.items()}
    for name, own in evaluators.items():
        training = own.training_for(kind)
        _lower_training(folder / name, training, data, labels)
        _lower_classifier(folder / name, own, data, normalization)
    test = data.scored
    config, first = next(iter(zip(configs.values(), evaluators.values())))
    numbers = range(config.evaluation.networks)
    seeds = [scoring.network_seed(config, number) for number in numbers]
    return {
        "networks": list(configs),
        "seeds": seeds,
        "start_seeds": [first.start_seed(s).tolist() for s in seeds],
        "phases": first.phases,
        "keeps_velocities": first.keeps_velocities,
        "batch_size": config.evaluation.batch_size,
        "block": min(_BLOCK, len(test)),
    }


def write_set(
    folder: pathlib.Path, rate: float, images: np.ndarray, labels: np.ndarray
) -> None:
    """Writes a set that is scored as it is, and the step size it is given."""
    arrays.write(
        folder / "set.npz",
        "set",
        images=images,
        labels=labels,
        rate=rate,
    )


def _lower_training(path, training, data, labels) -> None:
    seed = np.zeros(2, np.int32)
    state = list(training.start(seed))

    def start(seed):
        return list(training.start(seed))

    def step(state, images, labels, seed, rate):
        return list(training.step(state, images, labels, seed, rate))

    lower(start, (seed,), f"{path}_start.jax")
    whole, rest = divmod(len(labels), training.batch_size)
    for size in [training.batch_size] * bool(whole) + [rest] * bool(rest):
        images = np.zeros((size, *data.image_shape), np.float32)
        arguments = (state, images, labels[:size], seed, np.float32(0))
        lower(step, arguments, f"{path}_step_{size}.jax")


def _lower_classifier(path, evaluator, data, normalization) -> None:
    network = evaluator.training.network
    parameters, _, statistics = evaluator.training.start(np.zeros(2, np.int32))

    def classify(parameters, statistics, images):
        images = normalization(images)
        logits, _ = network.apply(parameters, statistics, images, False)
        return tf.argmax(logits, axis=-1, output_type=tf.int32)

    images = data.scored.images[:_BLOCK]
    lower(classify, (parameters, statistics, images), f"{path}_classify.jax")
