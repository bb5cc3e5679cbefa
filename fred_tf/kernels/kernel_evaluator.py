"""How good a set is for kernel regression: predictions on real test images."""

import functools

import numpy as np
import tensorflow as tf

from fred_tf import seeds
from fred_tf.datasets.image_data import Split
from fred_tf.kernels.kernel import Kernel
from fred_tf.kernels.regression import centered, predict, solve, solve_labels
from fred_tf.normalizations import Normalization
from fred_tf.synthetic_set import SyntheticSet

# Real images whose kernel with the set is there at a time.
_BLOCK = 1000

# Representations of a set, its solved weights, and the kernel's seed.
State = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


class KernelEvaluator:
    """Regresses on a set with a kernel, and classifies by the highest value.

    What `Evaluator` does with networks, this does in closed form (Nguyen et al.
    2021, arXiv 2011.00050): "training" solves for the weights. A kernel that is
    drawn gives another accuracy with each seed, others always the same.

    Args:
        kernel: of images.
        regularization: ridge over the mean diagonal.
        test: real test images.
        train: real images that labels are solved for with, see `solved`; None
            takes the labels of the set.
    """

    def __init__(
        self,
        kernel: Kernel,
        regularization: float,
        test: Split,
        train: Split | None = None,
    ):
        self.kernel = kernel
        self.regularization = regularization
        self.test = test
        self._train = train
        self._represent = tf.function(kernel.represent, autograph=False)

    def rate_for(self, synthetic_set: SyntheticSet) -> float:
        """Returns 0: nothing is trained by steps."""
        return 0.0

    def train(self, synthetic_set: SyntheticSet, seed: int) -> State:
        """Returns the solution on a set.

        Args:
            synthetic_set: its scores are regressed on, or its probabilities or
                one-hot classes less 1 / classes.
            seed: of the kernel.

        Raises:
            ValueError: the kernel of the images is singular.
        """
        drawn = tf.constant(seeds.named(seed, "evaluation kernel"))
        support = self._represent(synthetic_set.images, drawn)
        inner = self.kernel.between(support)
        labels = targets_of(synthetic_set)
        if self._train is not None:
            labels = self.solved(synthetic_set, support, drawn)
        solution = solve(inner, labels, self.regularization)
        return support, solution.weights, drawn

    def solved(
        self, synthetic_set: SyntheticSet, support: tf.Tensor, drawn: tf.Tensor
    ) -> np.ndarray:
        """Returns the best labels for all real images that `train` has.

        KIP's label solve: scores, float64 `[n, classes]`.
        """
        split, classes = self._train, synthetic_set.classes
        assert split is not None
        normalization = synthetic_set.normalization
        return solve_labels(
            self.kernel.between(support),
            (
                (
                    self._cross(images, normalization, support, drawn),
                    centered(labels, classes),
                )
                for images, labels in _blocks(split)
            ),
            self.regularization,
        )

    def score(
        self,
        state: State,
        synthetic_set: SyntheticSet,
        test: Split | None = None,
    ) -> float:
        """Returns the test accuracy of a solution, in [0, 1].

        Args:
            state: what `train` returned.
            synthetic_set: what it is of; test images are normalised as it is.
            test: other test images than the evaluator's own.
        """
        support, weights, drawn = state
        split, right = test or self.test, 0
        for images, labels in _blocks(split):
            cross = self._cross(
                images, synthetic_set.normalization, support, drawn
            )
            chosen = tf.argmax(predict(cross, weights), 1).numpy()
            right += int((chosen == labels).sum())
        return right / len(split)

    def _cross(
        self,
        images: np.ndarray,
        normalization: Normalization,
        support: tf.Tensor,
        drawn: tf.Tensor,
    ) -> tf.Tensor:
        others = self._represent(normalization(images), drawn)
        return self._between(others, support)

    @functools.cached_property
    def _between(self):
        return tf.function(self.kernel.between, autograph=False)


def targets_of(synthetic_set: SyntheticSet) -> tf.Tensor:
    """Returns what is regressed on of a set, float64 `[n, classes]`."""
    soft, classes = synthetic_set.soft_labels, synthetic_set.classes
    if soft is None:
        return centered(synthetic_set.labels, classes)
    mean = 1 / classes if synthetic_set.label_kind == "probabilities" else 0.0
    return tf.constant(soft.astype(np.float64) - mean)


def _blocks(split: Split):
    """Yields images and labels, some at a time."""
    for begin in range(0, len(split), _BLOCK):
        end = begin + _BLOCK
        yield split.images[begin:end], split.labels[begin:end]
