"""How a synthetic set is scored: the settings of an evaluation."""

import dataclasses
from typing import Any

from fred_tf.augmentations import SiameseAugmentation, suited
from fred_tf.settings import (
    MOST_PASSES,
    MOST_RATE,
    Settings,
    check_least,
    check_one_of,
    check_share,
    later,
)
from fred_tf.training.network_training import OPTIMIZERS

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

    def check_schedule(self) -> None:
        """Checks what only who trains networks needs, before any work.

        Raises:
            ValueError: the step size still grows when the training ends, or
                would grow on a schedule where it does not.
        """
        begin, epochs = self.warm_up_epochs, self.epochs
        if begin and self.schedule != "cosine":
            raise ValueError(
                "A step size grows where it then falls along a cosine. "
                f"Received: `evaluation.warm_up_epochs` {begin} and "
                f"`evaluation.schedule` {self.schedule!r}. Make it 0, or take "
                "'cosine'."
            )
        if begin >= epochs:
            raise ValueError(
                "A step size falls once it has grown, within the epochs. "
                f"Received: `evaluation.warm_up_epochs` {begin} of {epochs} "
                "`evaluation.epochs`. Lower it with them."
            )

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
