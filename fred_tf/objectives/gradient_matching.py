"""Gradient matching: synthetic images that push a network like real ones."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from fred_tf import seeds
from fred_tf.networks import Network
from fred_tf.objectives.class_batch_objective import (
    ClassBatchObjective,
    ClassBatchSettings,
    check_without_statistics,
)
from fred_tf.objectives.gradient_distance import DISTANCES
from fred_tf.objectives.objective import Reference
from fred_tf.paper import Paper
from fred_tf.sequential import one_by_one, repeat
from fred_tf.settings import (
    MOST_PASSES,
    MOST_RATE,
    check_least,
    check_one_of,
    check_positive,
    later,
)
from fred_tf.training.network_training import NetworkTraining

MATCHED = ("all", "weights", "features")

# What counts only where a network serves several steps.
_OF_TRAINING = ("network_epochs", "network_batch", "network_learning_rate")


@dataclasses.dataclass(frozen=True)
class GradientMatchingSettings(ClassBatchSettings):
    """Settings of `GradientMatching`.

    Attributes:
        distance: `"layerwise"` as published, `"squared"`, `"absolute"` or
            `"cosine"`.
        network_steps: steps that a network serves, at least 1.
        network_epochs: epochs that it is trained between two of them; 1 where
            there is one alone.
        network_batch: images of a step of that training.
        network_learning_rate: its step size.
        matched: gradients of which parameters, one of `MATCHED`: `"all"`; the
            `"weights"`, which have more than one axis, as the scales and shifts
            of the norm `"layer"` do; or those of the `"features"`, which are
            the weights before the classifier.
    """

    name: ClassVar[str] = "gradient_matching"
    distance: str = "layerwise"
    network_steps: int = 1
    network_epochs: int = 1
    network_batch: int = 256
    network_learning_rate: float = 0.01
    matched: str = later("all")

    def __post_init__(self):
        super().__post_init__()
        check_one_of("distance", self.distance, DISTANCES)
        check_one_of("matched", self.matched, MATCHED)
        for name in ("network_steps", "network_epochs", "network_batch"):
            check_least(name, getattr(self, name), 1, MOST_PASSES)
        check_positive(
            "network_learning_rate", self.network_learning_rate, MOST_RATE
        )
        if self.network_steps == 1:
            self._refuse_training()

    def remarks(self, config):
        factor = config.distiller.outlier_factor
        if self.network_steps == 1 or not factor:
            return []
        return [
            "Gradients grow while a network is trained, so ordinary steps of "
            f"its `network_steps` {self.network_steps} are skipped as "
            f"outliers. Received: `distiller.outlier_factor` {factor:g}. Take "
            "0, as the presets do."
        ]

    def _refuse_training(self) -> None:
        """Refuses settings of a training that a single step leaves no time."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in _OF_TRAINING and value != field.default:
                raise ValueError(
                    "A network is trained between two of its steps. Received: "
                    f"`{field.name}` {value} and `network_steps` 1. Raise the "
                    f"latter, or leave the former at {field.default}."
                )


class GradientMatching(ClassBatchObjective):
    """Matches, class by class, the gradient of a network's loss.

        L = sum_c D( grad_theta l(theta; A(S_c)), grad_theta l(theta; A(B_c)) )

    (Zhao et al. 2021, eq. 7 to 9, arXiv 2006.05929), with l the mean
    cross-entropy, B_c a batch of real images of class c, S_c all synthetic
    images of the class, and D a distance, see `gradient_distance.py`. A is a
    siamese augmentation (Zhao & Bilen 2021, arXiv 2102.08259): one set of
    parameters per class and step, shared by both sides. The strategy "none"
    gives gradient matching as first published (DC), others give DSA.

    One network theta, the objective's state, serves `network_steps` steps.
    After each but the last of them it is trained on the synthetic set for
    `network_epochs` epochs of SGD, augmented per image; after the last, a
    fresh one is drawn. The authors call these numbers outer and inner loop:
    (1, 1) for 1 image per class, (10, 50) for 10, (50, 10) for 50. What members
    of this kind train it on instead, `trained` says. The gradient grows ten- to
    twentyfold while a network serves ten steps: presets where it serves several
    skip no outliers, as the authors do not.

    Raises:
        ValueError: a class has fewer images than `real_batch_per_class`, or
            the network has batch statistics.
    """

    Settings = GradientMatchingSettings
    settings: GradientMatchingSettings
    short_name = "DC"
    paper = Paper(
        "zhao2021gradient",
        "Zhao, Bo and Mopuri, Konda Reddy and Bilen, Hakan",
        "Dataset Condensation with Gradient Matching",
        "ICLR",
        2021,
        "2006.05929",
    )

    def __init__(self, network, augmentation, source, settings=None, **kwargs):
        super().__init__(network, augmentation, source, settings, **kwargs)
        check_without_statistics(network, "Gradient matching")
        self._matched = _matched(network.network, self.settings.matched)
        self.network_training = NetworkTraining(
            network, augmentation, self.settings.network_batch
        )
        self.theta = self.add_state("theta", (network.size,))
        self.served = self.add_state("served", dtype="int32")

    @classmethod
    def called_with(cls, augmentation):
        return "DSA" if augmentation != "none" else cls.short_name

    def initial_state(self, seed):
        return self.fresh(tf.constant(seeds.named(seed, "matched network")))

    def fresh(self, seed: tf.Tensor) -> list[tf.Tensor]:
        """Returns the state of a network that has not served."""
        theta = self.network.flatten(self.network.initialize(seed))
        return [theta, tf.constant(0)]

    def advance(self, images, labels, loss, seed, reference):
        served = tf.convert_to_tensor(self.served) + 1
        if self.settings.network_steps == 1:
            return self.fresh(seeds.fold(seed, 0))

        def trained():
            theta, *more = self.trained(images, labels, reference, seed)
            return [theta, served, *more]

        return tf.cond(
            served < self.settings.network_steps,
            trained,
            lambda: self.fresh(seeds.fold(seed, 0)),
        )

    def trained(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        reference: Reference,
        seed: tf.Tensor,
    ) -> list[tf.Tensor]:
        """Returns the state but `served` after the training of a step.

        Args:
            images, labels, reference, seed: as for `advance`.
        """
        images = tf.stop_gradient(images)
        theta = tf.convert_to_tensor(self.theta)
        still = tf.zeros_like(theta)
        return self.after_epochs(theta, still, images, labels, seed)[:1]

    def after_epochs(
        self,
        theta: tf.Tensor,
        velocity: tf.Tensor,
        images: tf.Tensor,
        labels: tf.Tensor,
        seed: tf.Tensor,
    ) -> list[tf.Tensor]:
        """Returns theta and its velocity after `network_epochs` epochs.

        Args:
            theta, velocity: `[size]`, before them.
            images: `[n, ...]`, all of which an epoch sees.
            labels: `[n]`.
            seed: int32 `[2]`.
        """
        rate = tf.constant(self.settings.network_learning_rate)

        def epoch(number, state):
            own = seeds.fold(seed, 1 + number)
            return (
                self.network_training.epoch(state, images, labels, own, rate),
            )

        state = tuple(map(self.network.unflatten, (theta, velocity)))
        (state,) = repeat(self.settings.network_epochs, epoch, state)
        return [*map(self.network.flatten, state)]

    def call(self, images, labels, reference, seed):
        real = tf.cast(reference["images"], images.dtype)
        classes = real.shape[0]
        theta = self.network.unflatten(
            tf.cast(tf.convert_to_tensor(self.theta), images.dtype)
        )
        class_seeds = seeds.folds(seed, classes)
        # Each class' label, not its number: instances may be of few classes.
        class_labels = tf.reshape(labels, [classes, -1])[:, 0]

        def pushed(images, label, seed):
            """Returns what of the gradient of one class' images is matched."""
            images = self.augmentation(images, seed, shared=True)
            with tf.GradientTape() as tape:
                tape.watch(theta)
                logits = self.network.logits(theta, images)
                loss = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(
                        tf.fill([images.shape[0]], label), logits
                    )
                )
            return tape.gradient(loss, [theta[i] for i in self._matched])

        def of_class(element):
            ours, theirs, label, seed = element
            target = pushed(theirs, label, seed)
            with tf.GradientTape() as tape:
                tape.watch(ours)
                distance = DISTANCES[self.settings.distance](
                    pushed(ours, label, seed), target
                )
            return distance, tape.gradient(distance, ours)

        # The gradient is computed beside the loss, one class at a time, so
        # that the activations of one class only are alive.
        @tf.custom_gradient
        def loss_of(images):
            by_class = tf.reshape(images, [classes, -1, *images.shape[1:]])
            losses, gradients = one_by_one(
                of_class,
                (by_class, real, class_labels, class_seeds),
                (images.dtype, images.dtype),
            )
            gradient = tf.reshape(gradients, images.shape)
            return tf.reduce_sum(losses), lambda upstream: upstream * gradient

        return loss_of(images)


def _matched(network: Network, which: str) -> list[int]:
    """Returns the places of the parameters whose gradients are matched."""
    parameters = network.trainable_variables
    last = {id(w) for w in network.classifier.trainable_variables}
    return [
        place
        for place, w in enumerate(parameters)
        if which == "all"
        or (len(w.shape) > 1 and (which == "weights" or id(w) not in last))
    ]
