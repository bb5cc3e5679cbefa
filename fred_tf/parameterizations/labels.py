"""Labels that a memory learns: settings, first values, room in a budget.

Two kinds are learned, see `LABEL_KINDS`. *Probabilities* are the softmax of the
stored numbers. *Scores* are the stored numbers themselves, which networks and
kernels regress on: they begin as KIP's and FRePo's, the one-hot class less
1 / classes, times a scale (Nguyen et al. 2021, arXiv 2011.00050; Zhou et al.
2022, arXiv 2206.00719).
"""

import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow as tf

from fred_tf.coding.labels import LEAST
from fred_tf.coresets import METHODS, RANDOM
from fred_tf.objectives import OBJECTIVES, check_label_kind
from fred_tf.settings import (
    MOST_RATE,
    Settings,
    check_least,
    check_one_of,
    later,
)
from fred_tf.synthetic_set import LABEL_KINDS, PROBABILITIES, SCORES

FIXED = "fixed"
CLASSES, EXPERTS = INITIAL_LABELS = ("classes", "experts")
# The logit of an image's own class, above the others'; and the scores' scale.
_USUAL_SCALES = {PROBABILITIES: 5.0, SCORES: 1.0}


@dataclasses.dataclass(frozen=True)
class MemorySettings(Settings):
    """Settings that all memories have.

    Attributes:
        labels: `"fixed"`, the class of each image; or what is learned beside
            the images and counted in the budget, `"probabilities"` or
            `"scores"`. Objectives say which they take.
        initial_labels: what labels begin as that are learned: the
            `"classes"`; or, of probabilities, what the run's `"experts"` think
            of the real images that the memory begins with, as in Guo et al.
            2024 (DATM, arXiv 2310.05773).
        label_scale: of the former, which are this times the one-hot class less
            1 / classes; 0 means 1 of scores, as in KIP, and 5 of the logits of
            probabilities. FRePo takes (10 / classes) ** 0.5.
        label_learning_rate: step size of the labels; 0 means that of the
            images in orthonormal units, which suits Adam and LAMB.
        labels_stay: whether labels that could be learned stay as they begin:
            what experts think, say.
        initial_images: which real images a memory begins with: `"random"`
            ones, or a coreset by the features of a network, a name in
            `CORESETS`, see `fred_tf/chosen_images`.
    """

    labels: str = later(FIXED)
    label_scale: float = later(0.0)
    label_learning_rate: float = later(0.0)
    initial_images: str = later(RANDOM)
    initial_labels: str = later(CLASSES)
    labels_stay: bool = later(False)

    # Fields without which stored numbers are read as others, of equal shapes.
    meaning: ClassVar[tuple[str, ...]] = ("labels",)
    # Fields that say how a memory begins with real images, and count for
    # nothing where it begins as another run ended.
    beginning: ClassVar[tuple[str, ...]] = (
        "initial_images",
        "initial_labels",
        "label_scale",
    )
    # Whether each image begins as a real one.
    begins_as_real_images: ClassVar[bool] = True
    # A field of those whose budget may be bytes of a file.
    budget_bytes = 0

    def __post_init__(self):
        check_one_of(
            "parameterization.labels", self.labels, (FIXED, *LABEL_KINDS)
        )
        check_one_of(
            "parameterization.initial_images",
            self.initial_images,
            METHODS,
        )
        check_one_of(
            "parameterization.initial_labels",
            self.initial_labels,
            INITIAL_LABELS,
        )
        if self.initial_labels == EXPERTS:
            self._check_taught()
        if self.labels_stay and (
            not self.learns_labels or self.label_learning_rate
        ):
            raise ValueError(
                "`parameterization.labels_stay` is for labels of each image "
                "that no step moves. Received: `parameterization.labels` "
                f"{self.labels!r} and `label_learning_rate` "
                f"{self.label_learning_rate:g}. Take {PROBABILITIES!r} or "
                "'scores' and 0, or leave it out."
            )
        for name, most in (
            ("label_scale", 1000),
            ("label_learning_rate", MOST_RATE),
        ):
            value = getattr(self, name)
            check_least(f"parameterization.{name}", value, 0, most)
            if value and not self.learns_labels:
                raise ValueError(
                    f"`parameterization.{name}` is of labels that are learned. "
                    f"Received: {value:g} and `parameterization.labels` "
                    f"{self.labels!r}. Take one of {list(LABEL_KINDS)}, or 0."
                )

    def _check_taught(self) -> None:
        """Refuses labels of experts that nothing could come of."""
        if self.labels != PROBABILITIES or self.label_scale:
            raise ValueError(
                "`parameterization.initial_labels` 'experts' are probabilities "
                "as they are. Received: `parameterization.labels` "
                f"{self.labels!r} and `label_scale` {self.label_scale:g}. Take "
                f"{PROBABILITIES!r} and 0, or leave it out."
            )
        if not self.begins_as_real_images:
            raise ValueError(
                "`parameterization.initial_labels` 'experts' are of the real "
                "images that images begin as. Received: "
                f"`parameterization.name` {self.name!r}, whose images are made "
                "of parts. Take 'frequency' or 'pixel', or leave it out."
            )

    @property
    def learns_labels(self) -> bool:
        """Whether labels are learned."""
        return self.labels != FIXED

    @property
    def export_bytes(self) -> int:
        """The bytes into which the export alone rounds; 0 if there are none."""
        return 0

    def seen_at_once(self, instances: int) -> int:
        """Returns how many of so many instances a step can see."""
        return instances

    def label_floats(self, classes: int) -> int:
        """Returns the floats that the label of one image takes."""
        return classes if self.learns_labels else 0

    def first_labels(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """Returns the numbers that learned labels begin as.

        Args:
            labels: the class of each instance, int `[n]`.
            classes: number of classes.

        Returns:
            float32 `[n, classes]`.
        """
        scale = self.label_scale or _USUAL_SCALES[self.labels]
        one_hot = np.eye(classes)[labels]
        return (scale * (one_hot - 1 / classes)).astype(np.float32)


def logits_of(probabilities: tf.Tensor) -> tf.Tensor:
    """Returns the numbers whose softmax probabilities are, `[n, classes]`.

    A class that is less likely than files tell counts as they have it, so that
    no label is out of reach of its steps.
    """
    least = LEAST / probabilities.shape[1]
    logits = tf.math.log(tf.maximum(probabilities, least))
    return logits - tf.reduce_mean(logits, axis=1, keepdims=True)


def check_learned(
    memory: MemorySettings, objective: str, optimizer: str
) -> None:
    """Refuses to learn labels where an objective or a step does not.

    Args:
        memory: settings of a parameterization.
        objective: a name in `OBJECTIVES`.
        optimizer: of the memory, a name in `MEMORY_OPTIMIZERS`.

    Raises:
        ValueError: labels are learned, but not of a kind that the objective
            takes, or by SGD without a step size of their own.
    """
    if not memory.learns_labels:
        return
    taken = OBJECTIVES[objective].label_kinds
    check_label_kind(memory.labels, taken, objective)
    rated = memory.label_learning_rate or memory.labels_stay
    if optimizer == "sgd" and not rated:
        raise ValueError(
            "Steps of SGD are as long as the gradient, and labels have others "
            "than images. Received: learned labels and "
            "`parameterization.label_learning_rate` 0. Give one, let "
            "`parameterization.labels_stay`, or take "
            "`distiller.memory_optimizer` 'adam' or 'lamb'."
        )
