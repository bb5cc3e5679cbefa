"""How good a synthetic set is: fresh networks, scored on real test images."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf import progress, seeds
from fred_tf.augmentations import SiameseAugmentation, check_mixed, suited
from fred_tf.datasets.image_data import Split
from fred_tf.networks import Functional
from fred_tf.settings import (
    MOST_PASSES,
    MOST_RATE,
    Settings,
    check_least,
    check_one_of,
    check_share,
    later,
)
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluation import Evaluation
from fred_tf.training.network_training import (
    OPTIMIZERS,
    NetworkTraining,
    State,
    accuracy,
)

WAYS = ("networks", "kernel", "label_solve")
LOSSES = ("usual", "cross_entropy", "squared")
SCHEDULES = ("drop", "cosine", "two_drops")
VIEWS = ("all", "one")


@dataclasses.dataclass(frozen=True)
class EvaluatorSettings(Settings):
    """How a set is scored; `Evaluator` says what happens.

    Attributes:
        by: what is scored on the set, one of `WAYS`: fresh `"networks"`, or
            the regression of a `"kernel"`, that of the objective
            `kernel_ridge` if it is the run's, else the usual of that; or the
            same with the best labels for all training images in place of the
            set's, `"label_solve"`. See `KernelEvaluator`; it is told nothing
            but `networks`, how often a random kernel is drawn.
        networks: how many are trained.
        loss: one of `LOSSES`: `"cross_entropy"`; `"squared"`, half the squared
            error summed over classes, on scores, or on probabilities or
            one-hot classes less 1 / classes; or `"usual"`, which is squared
            where a set has scores. By cross-entropy, sets with scores are
            trained on their classes.
        optimizer: `"sgd"` or `"adam"`.
        schedule: of the step size: `"drop"`, as in `Evaluator`; `"cosine"`,
            which grows over the first `warm_up_epochs` and falls to a
            hundredth, as FRePo's; or `"two_drops"`, to a fifth after two thirds
            of the epochs and once more after five sixths, as IDC's.
        warm_up_epochs: of `"cosine"`.
        epochs: 1,000 in the papers.
        batch_size: images a step.
        learning_rate: step size at the start; 0 means the set's learned
            student step size, 0.01 for sets without one.
        momentum: of SGD.
        weight_decay: L2 coefficient of SGD.
        augmentation: of networks, in place of the run's; empty for that.
        cutmix: share of the batches that are mixed, in [0, 1].
        views: what a pass sees of the images that are views of one stored
            thing, see `SyntheticSet.views`: `"all"`, or `"one"` of them, drawn
            for the pass, as HaBa's does with each basis.
        standardized_batches: whether each batch, of test images too, is
            brought to mean 0 and deviation 1 by itself, as in HaBa's code, see
            `network_training.standardized`.
    """

    networks: int = 5
    epochs: int = 1000
    batch_size: int = 256
    learning_rate: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    by: str = later("networks")
    loss: str = later("usual")
    optimizer: str = later("sgd")
    schedule: str = later("drop")
    warm_up_epochs: int = later(0)
    augmentation: str = later("")
    cutmix: float = later(0.0)
    views: str = later("all")
    standardized_batches: bool = later(False)

    def __post_init__(self):
        for name in ("networks", "epochs", "batch_size"):
            value = getattr(self, name)
            check_least(f"evaluation.{name}", value, 1, MOST_PASSES)
        for name, known in (
            ("by", WAYS),
            ("loss", LOSSES),
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("views", VIEWS),
        ):
            check_one_of(f"evaluation.{name}", getattr(self, name), known)
        check_least(
            "evaluation.warm_up_epochs", self.warm_up_epochs, 0, MOST_PASSES
        )
        for name, most in (("learning_rate", MOST_RATE), ("weight_decay", 1)):
            check_least(f"evaluation.{name}", getattr(self, name), 0, most)
        check_share("evaluation.momentum", self.momentum, "a decay")
        check_least("evaluation.cutmix", self.cutmix, 0, 1)
        if self.augmentation:
            SiameseAugmentation(self.augmentation)  # Refuses unknown ones.

    def sized(self, image_shape):
        own = suited(self.augmentation, image_shape)
        return dataclasses.replace(self, augmentation=own)

    def rate(self, learned: Any = None) -> Any:
        """Returns the step size that networks start with.

        Args:
            learned: the one that was learned beside a set; None for a set
                without.
        """
        return self.learning_rate or (0.01 if learned is None else learned)

    def loss_for(self, kind: str | None) -> str:
        """Returns what networks lower on a set.

        Args:
            kind: of its soft labels; None if it has none.
        """
        usual = "squared" if kind == "scores" else "cross_entropy"
        return usual if self.loss == "usual" else self.loss


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
        cosine = self.settings.schedule == "cosine"
        begin, epochs = self.settings.warm_up_epochs, self.settings.epochs
        if cosine and begin >= epochs:
            raise ValueError(
                "A step size falls once it has grown, within the epochs. "
                f"Received: `evaluation.warm_up_epochs` {begin} of {epochs} "
                "`evaluation.epochs`. Lower it with them."
            )
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
