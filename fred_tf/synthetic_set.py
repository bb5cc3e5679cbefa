"""The distilled data set as everything downstream sees it: decoded images."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fred_tf.normalizations import Normalization
from fred_tf.settings import check_class_names, check_one_of, check_type

# What soft labels may be: probabilities of classes, or real numbers that are
# regressed on.
PROBABILITIES, SCORES = LABEL_KINDS = ("probabilities", "scores")


@dataclasses.dataclass(frozen=True)
class SyntheticSet:
    """Decoded images with labels and what is needed to use them elsewhere.

    Evaluators and exporters take this and never see a memory, so decoded,
    reloaded and exported sets enter by one door.

    Attributes:
        images: float32 `[n, height, width, channels]`, normalised.
        labels: int32 `[n]`, in [0, classes).
        class_names: one name per class; distinct single lines.
        normalization: undoes the normalisation of `images`.
        dataset: name of the data set that it stands for.
        floats_stored: floats that the set occupies where it is stored, i.e.
            the trainable weights of its parameterization, learned labels
            among them; classes and index tables are not counted.
        student_learning_rate: learned step size, or None if none was learned.
        details: anything else worth knowing, fit for JSON.
        soft_labels: float32 `[n, classes]`, a number per class that networks
            are trained on instead of `labels`; None if there are none.
        label_kind: what soft labels are, one of `LABEL_KINDS`.
        views: how many images in turn are views of one thing that is stored,
            such as HaBa's basis through all hallucinators; all of one class.

    Raises:
        TypeError: `normalization` is of another kind.
        ValueError: shapes, labels or values are not as stated above.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    normalization: Normalization
    dataset: str
    floats_stored: int
    student_learning_rate: float | None = None
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    soft_labels: np.ndarray | None = None
    label_kind: str = PROBABILITIES
    views: int = 1

    def __post_init__(self):
        set_field = object.__setattr__
        set_field(self, "images", np.asarray(self.images, np.float32))
        set_field(self, "labels", np.asarray(self.labels))
        set_field(self, "class_names", tuple(self.class_names))
        count = self.images.shape[:1]
        if self.images.ndim < 3 or self.labels.shape != count or 0 in count:
            raise ValueError(
                "A synthetic set holds images [n, ..., channels] and labels "
                f"[n], at least one. Received: {self.images.shape} and "
                f"{self.labels.shape}."
            )
        check_type("normalization", self.normalization, Normalization)
        self.normalization.check(self.images.shape[1:])
        if not np.issubdtype(self.labels.dtype, np.integer):
            raise ValueError(
                "`labels` must be integers. Received: dtype "
                f"{self.labels.dtype}."
            )
        check_class_names(self.class_names)
        classes = len(self.class_names)
        if self.labels.size and not (
            0 <= self.labels.min() <= self.labels.max() < classes
        ):
            raise ValueError(
                f"`labels` must lie in [0, {classes}), one per class name. "
                f"Received: {self.labels.min()} to {self.labels.max()}."
            )
        set_field(self, "labels", self.labels.astype(np.int32))
        self._check_views()
        check_one_of("label_kind", self.label_kind, LABEL_KINDS)
        if self.soft_labels is not None:
            soft = np.asarray(self.soft_labels, np.float32)
            set_field(self, "soft_labels", soft)
            self._check_soft_labels(soft)
        rate = self.student_learning_rate
        if rate is not None and not math.isfinite(rate):
            raise ValueError(
                "`student_learning_rate` must be finite. Received: "
                f"{rate}; go back to an earlier checkpoint."
            )
        if not np.isfinite(self.images).all():
            raise ValueError(
                "`images` of a synthetic set must be finite. Received "
                f"{int((~np.isfinite(self.images)).sum())} NaN or infinite "
                "values; go back to an earlier checkpoint."
            )

    def _check_views(self) -> None:
        """Raises ValueError if images do not come in views of one class."""
        count, views = len(self.labels), self.views
        if views < 1 or count % views or not _agree(self.labels, views):
            raise ValueError(
                "`views` says how many images in turn, all of one class, are "
                f"of one thing that is stored. Received: {views} for {count} "
                "images. Give a divisor of their number, or 1."
            )

    def _check_soft_labels(self, soft: np.ndarray) -> None:
        """Raises ValueError if they are not of their kind and shape."""
        wanted = len(self.labels), self.classes
        if wrong := np.count_nonzero(~np.isfinite(soft)):
            raise ValueError(
                "`soft_labels` must be finite. Received: "
                f"{wrong} NaN or infinite values; go back to an earlier "
                "checkpoint."
            )
        are_probabilities = (soft >= 0).all() and np.allclose(
            soft.sum(-1), 1, atol=1e-3
        )
        if soft.shape != wanted or not (
            are_probabilities or self.label_kind == SCORES
        ):
            rule = "scores [n, classes] = {}"
            if self.label_kind == PROBABILITIES:
                rule = "probabilities [n, classes] = {} that sum to 1"
            raise ValueError(
                f"`soft_labels` must be {rule.format(list(wanted))}. "
                f"Received: {soft.shape}."
            )

    @property
    def kind_of_soft_labels(self) -> str | None:
        """What the soft labels are; None if there are none."""
        return None if self.soft_labels is None else self.label_kind

    @property
    def targets(self) -> np.ndarray:
        """What networks are trained on: the soft labels, else the labels."""
        return self.labels if self.soft_labels is None else self.soft_labels

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def with_hard_labels(self) -> "SyntheticSet":
        """Returns the set with the likeliest classes in place of soft labels.

        That is the class of the largest number of each image. A set without
        soft labels is returned as it is. Views of one thing whose soft labels
        have come to different classes are views of one class no longer, and
        each image stands for itself.
        """
        if self.soft_labels is None:
            return self
        likeliest = self.soft_labels.argmax(-1)
        return dataclasses.replace(
            self,
            labels=likeliest,
            views=self.views if _agree(likeliest, self.views) else 1,
            soft_labels=None,
            label_kind=PROBABILITIES,
        )

    def pixels(self) -> np.ndarray:
        """Returns the images in [0, 1] units; values may leave that range."""
        return self.normalization.undo(self.images)


def _agree(labels: np.ndarray, views: int) -> bool:
    """Says whether so many images in turn are always of one class."""
    return not np.diff(labels.reshape(-1, views)).any()
