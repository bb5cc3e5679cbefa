"""How good a synthetic set is: fresh networks, scored on real test images."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf import progress, seeds
from fred_tf.augmentations import SiameseAugmentation, check_mixed
from fred_tf.datasets.image_data import Split
from fred_tf.networks import Functional
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluation import Evaluation
from fred_tf.training.evaluator_settings import LOSSES, EvaluatorSettings
from fred_tf.training.network_training import (
    NetworkTraining,
    State,
    accuracy,
)

# Passes in one call of TensorFlow, which a signal has to wait for.
_PASSES = 10


class Evaluator:
    """Trains fresh networks on a synthetic set, scores them on test data.

    The protocol is the one of dataset condensation with siamese augmentation
    (Zhao & Bilen 2021, arXiv 2102.08259), which FreD's authors use: SGD with
    momentum and L2 weight decay; `epochs + 1` passes; after pass number
    `epochs // 2 + 1`, counted from 0, the step size falls to a tenth and the
    velocities start from zero; accuracy once, at the end. The settings have
    what FRePo does instead (Zhou et al. 2022, arXiv 2206.00719): Adam, a cosine
    and the squared error of learned scores; and what IDC does (Kim et al. 2022,
    arXiv 2205.14959): an augmentation of its own, cutmix, batches of 64, and
    two drops of the step size, between which velocities are kept.

    Args:
        network: the architecture to train.
        augmentation: applied to every batch, per image, unless the settings
            name another.
        test: real test images.
        settings: see `EvaluatorSettings`; its defaults if None.

    Raises:
        ValueError: `settings.cutmix` is to mix images of one class, or the
            step size still grows when the training ends.
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
        check_mixed("evaluation.cutmix", self.settings.cutmix, network.classes)
        if self.settings.augmentation:
            augmentation = SiameseAugmentation(self.settings.augmentation)
        self.settings.check_schedule()
        cosine = self.settings.schedule == "cosine"
        usual = NetworkTraining(
            network,
            augmentation,
            self.settings.batch_size,
            self.settings.momentum,
            self.settings.weight_decay,
            optimizer=self.settings.optimizer,
            factor=self._cosine if cosine else None,
            cutmix=self.settings.cutmix,
            standardized=self.settings.standardized_batches,
        )
        self._trainings = {
            loss: dataclasses.replace(usual, loss=loss) for loss in LOSSES[1:]
        }
        self.training = self.training_for(None)

    def _cosine(self, number: tf.Tensor) -> tf.Tensor:
        """Returns the factor of the step size in a pass."""
        begin, passes = self.settings.warm_up_epochs, self.settings.epochs + 1
        made = tf.cast(number, tf.float32)
        grown = (made + 1) / (begin + 1)
        way = np.pi * (made - begin) / max(passes - begin, 1)
        fallen = 0.505 + 0.495 * tf.cos(tf.clip_by_value(way, 0.0, np.pi))
        return tf.where(made < begin, grown, fallen)

    def training_for(self, kind: str | None) -> NetworkTraining:
        """Returns how networks are trained on a set of a kind, or of None."""
        return self._trainings[self.settings.loss_for(kind)]

    def targets(self, labels: Any, soft: Any, kind: str | None) -> Any:
        """Returns what networks are trained on, as tensors or arrays.

        Args:
            labels: classes `[n]`.
            soft: soft labels `[n, classes]`; None if there are none.
            kind: of the soft labels; None if there are none.
        """
        if self.settings.loss_for(kind) == "cross_entropy":
            return soft if kind == "probabilities" else labels
        if kind == "scores":
            return soft
        classes = self.training.network.classes
        probabilities = tf.one_hot(labels, classes) if soft is None else soft
        return probabilities - 1 / classes

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
        """The training in turn: passes, and the factor of the step size."""
        epochs = self.settings.epochs
        if self.settings.schedule == "cosine":
            return ((epochs + 1, 1.0),)
        if self.settings.schedule == "two_drops":
            first, second = 2 * epochs // 3, 5 * epochs // 6
            rest = epochs - second
            return (first, 1.0), (second - first, 0.2), (rest, 0.04)
        first = epochs // 2 + 2
        return (first, 1.0), (max(epochs + 1 - first, 0), 0.1)

    @property
    def keeps_velocities(self) -> bool:
        """Whether each of them begins with the velocities of the one before.

        They start from zero otherwise.
        """
        return self.settings.schedule == "two_drops"

    def rate_for(self, synthetic_set: SyntheticSet) -> float:
        """Returns the step size that networks start with on a set."""
        return self.settings.rate(synthetic_set.student_learning_rate or None)

    def rate(self, learned: Mapping[str, Any]) -> Any:
        """Returns that step size, given what was learned beside the set."""
        return self.settings.rate(learned.get("student_learning_rate"))

    def start_seed(self, seed: int) -> np.ndarray:
        """Returns what `training.start` takes for the network of a seed."""
        return seeds.named(seed, "evaluation network")

    def train(self, synthetic_set: SyntheticSet, seed: int) -> State:
        """Returns one trained network."""
        rate = self.rate_for(synthetic_set)
        kind = synthetic_set.kind_of_soft_labels
        training = self.training_for(kind)
        targets = self.targets(
            synthetic_set.labels, synthetic_set.soft_labels, kind
        )
        state = training.start(self.start_seed(seed))
        order_seed = seeds.named(seed, "evaluation order")
        images = tf.convert_to_tensor(synthetic_set.images)
        first, epochs = 0, sum(passes for passes, _ in self.phases)
        with progress.shown("epoch", epochs) as report:
            for passes, factor in self.phases:
                if not self.keeps_velocities:
                    parameters, velocities, statistics = state
                    state = parameters, [0 * v for v in velocities], statistics
                end = first + passes
                for begin in range(first, end, _PASSES):
                    state = training.passes(
                        state,
                        images,
                        targets,
                        order_seed,
                        begin,
                        min(_PASSES, end - begin),
                        rate * factor,
                        synthetic_set.views
                        if self.settings.views == "one"
                        else 1,
                    )
                    report(min(begin + _PASSES, end))
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
            by_batch=self.settings.standardized_batches,
        )
