"""How good a synthetic set is: fresh networks, scored on real test images."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.image_data import Split
from fred_tf.networks import Functional
from fred_tf.settings import (
    MOST_PASSES,
    MOST_RATE,
    Settings,
    check_least,
    check_share,
)
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.network_training import NetworkTraining, State, accuracy


@dataclasses.dataclass(frozen=True)
class EvaluatorSettings(Settings):
    """How a set is scored; `Evaluator` says what happens.

    Attributes:
        networks: how many are trained.
        epochs: 1,000 in the papers.
        batch_size: images a step.
        learning_rate: step size at the start; 0 means the set's learned
            student step size, 0.01 for sets without one.
        momentum: of SGD.
        weight_decay: L2 coefficient.
    """

    networks: int = 5
    epochs: int = 1000
    batch_size: int = 256
    learning_rate: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 5e-4

    def __post_init__(self):
        for name in ("networks", "epochs", "batch_size"):
            value = getattr(self, name)
            check_least(f"evaluation.{name}", value, 1, MOST_PASSES)
        for name, most in (("learning_rate", MOST_RATE), ("weight_decay", 1)):
            check_least(f"evaluation.{name}", getattr(self, name), 0, most)
        check_share("evaluation.momentum", self.momentum, "a decay")


# Passes in one call of TensorFlow, which a signal has to wait for.
_PASSES = 10


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Test accuracies of networks that were trained on one set.

    Attributes:
        accuracies: one value in [0, 1] per network.
        learning_rate: step size that the networks started with.
        corrupted: the same networks' accuracies on other test images, by
            name; one value per network.
    """

    accuracies: tuple[float, ...]
    learning_rate: float
    corrupted: Mapping[str, Sequence[float]] = dataclasses.field(
        default_factory=dict
    )

    @property
    def mean(self) -> float:
        """Mean accuracy."""
        return float(np.mean(self.accuracies))

    @property
    def deviation(self) -> float:
        """Population standard deviation, as the papers report it."""
        return float(np.std(self.accuracies))

    def __str__(self) -> str:
        return f"{100 * self.mean:.1f} +- {100 * self.deviation:.1f} %"

    @property
    def corruptions(self) -> dict[str, "Evaluation"]:
        """The evaluation on each of the other test sets."""
        return {
            name: Evaluation(tuple(values), self.learning_rate)
            for name, values in self.corrupted.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as JSON values."""
        figures = {
            "mean": self.mean,
            "deviation": self.deviation,
            "accuracies": list(self.accuracies),
            "learning_rate": self.learning_rate,
        }
        if self.corrupted:
            figures["corrupted"] = {
                name: list(values) for name, values in self.corrupted.items()
            }
        return figures


class Evaluator:
    """Trains fresh networks on a synthetic set, scores them on test data.

    The protocol is the one of dataset condensation with siamese augmentation
    (Zhao & Bilen 2021, arXiv 2102.08259), which FreD's authors use: SGD with
    momentum and L2 weight decay; `epochs + 1` passes; after pass number
    `epochs // 2 + 1`, counted from 0, the step size falls to a tenth and the
    velocities start from zero; accuracy once, at the end.

    Args:
        network: the architecture to train.
        augmentation: applied to every batch, per image.
        test: real test images.
        settings: see `EvaluatorSettings`; its defaults if None.
    """

    Settings = EvaluatorSettings

    def __init__(
        self,
        network: Functional,
        augmentation: SiameseAugmentation,
        test: Split,
        settings: EvaluatorSettings | None = None,
    ):
        self.test = test
        self.settings = settings or EvaluatorSettings()
        self.training = NetworkTraining(
            network,
            augmentation,
            self.settings.batch_size,
            self.settings.momentum,
            self.settings.weight_decay,
        )

    def __call__(
        self,
        synthetic_set: SyntheticSet,
        network_seeds: Sequence[int],
    ) -> Evaluation:
        """Returns the accuracies of one network per seed.

        Args:
            synthetic_set: the set to train on.
            network_seeds: one integer per network; it fixes the network's
                initial parameters, its orders and its augmentations.
        """
        accuracies = tuple(
            self.score(self.train(synthetic_set, seed), synthetic_set)
            for seed in network_seeds
        )
        return Evaluation(accuracies, self.rate_for(synthetic_set))

    @property
    def phases(self) -> tuple[tuple[int, float], ...]:
        """The training in turn: passes, and the factor of the step size.

        Velocities start from zero in each.
        """
        epochs = self.settings.epochs
        first = epochs // 2 + 2
        return (first, 1.0), (max(epochs + 1 - first, 0), 0.1)

    def rate_for(self, synthetic_set: SyntheticSet) -> float:
        """Returns the step size that networks start with on a set."""
        learned = synthetic_set.student_learning_rate
        return self.rate({"student_learning_rate": learned} if learned else {})

    def rate(self, learned: Mapping[str, Any]) -> Any:
        """Returns that step size, given what was learned beside the set."""
        usual = learned.get("student_learning_rate", 0.01)
        return self.settings.learning_rate or usual

    def start_seed(self, seed: int) -> np.ndarray:
        """Returns what `training.start` takes for the network of a seed."""
        return seeds.named(seed, "evaluation network")

    def train(self, synthetic_set: SyntheticSet, seed: int) -> State:
        """Returns one trained network."""
        rate = self.rate_for(synthetic_set)
        state = self.training.start(self.start_seed(seed))
        order_seed = seeds.named(seed, "evaluation order")
        images = tf.convert_to_tensor(synthetic_set.images)
        first = 0
        for passes, factor in self.phases:
            parameters, velocities, statistics = state
            state = parameters, [0 * v for v in velocities], statistics
            end = first + passes
            for begin in range(first, end, _PASSES):
                state = self.training.passes(
                    state,
                    images,
                    synthetic_set.targets,
                    order_seed,
                    begin,
                    min(_PASSES, end - begin),
                    rate * factor,
                )
                logging.log_every_n_seconds(
                    logging.INFO,
                    "epoch %d of %d",
                    60,
                    begin,
                    self.settings.epochs,
                )
            first = end
        return state

    def score(
        self,
        state: State,
        synthetic_set: SyntheticSet,
        test: Split | None = None,
    ) -> float:
        """Returns the test accuracy of a trained network, in [0, 1].

        Args:
            state: what `train` returned.
            synthetic_set: what it was trained on; test images are normalised
                as this set is, corrupted ones too. (FreD's code normalises
                those with other constants.)
            test: other test images than the evaluator's own.
        """
        test = test or self.test
        return accuracy(
            self.training.network,
            state,
            test.images,
            test.labels,
            synthetic_set.normalization,
        )
