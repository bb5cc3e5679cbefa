"""Distribution matching: equal mean features under random networks."""

import dataclasses
import functools
from typing import ClassVar

import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.networks import Functional
from fred_tf.objectives.objective import Objective
from fred_tf.settings import Settings, check_least


@dataclasses.dataclass(frozen=True)
class DistributionMatchingSettings(Settings):
    """Arguments of `DistributionMatching`."""

    name: ClassVar[str] = "distribution_matching"
    real_batch_per_class: int = 256
    batches_per_step: int = 0

    def __post_init__(self):
        check_least("real_batch_per_class", self.real_batch_per_class, 1)
        check_least("batches_per_step", self.batches_per_step, 0)


class DistributionMatching(Objective):
    """Matches the mean embedding of each class under a fresh random network.

        L = sum_c || mean_{x in B_c} phi(A(x)) - mean_{s in S_c} phi(A(s)) ||^2

    (Zhao & Bilen 2023, eq. 6, arXiv 2110.04181), with phi the features before
    the classifier of a network drawn anew for every reference, B_c a batch of
    real images of class c, S_c all synthetic images of the class and A a
    siamese augmentation: one set of parameters per class, shared by both
    sides. The square is summed over features, not averaged.

    Args:
        network: the architecture that embeds.
        augmentation: the siamese augmentation.
        batches: real images by class.
        real_batch_per_class: size of B_c.
        batches_per_step: batches of all classes, each with a network of its
            own, averaged in a step, over all replicas; 0 means one per replica.

    Raises:
        ValueError: a class has fewer images than `real_batch_per_class`.
    """

    Settings = DistributionMatchingSettings
    references_per_step_name = "batches_per_step"

    def __init__(
        self,
        network: Functional,
        augmentation: SiameseAugmentation,
        batches: ClassBatches,
        real_batch_per_class: int = 256,
        batches_per_step: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.network = network
        self.augmentation = augmentation
        self.batches = batches
        self.real_batch_per_class = real_batch_per_class
        self.references_per_step = batches_per_step
        batches.check(real_batch_per_class)

    def references(self, seed, numbers):
        return self.batches.stream(seed, numbers, self.real_batch_per_class)

    def call(self, images, labels, reference, seed):
        real = reference["images"]
        classes = real.shape[0]
        parameters = self.network.initialize(seeds.fold(seed, 0))
        class_seeds = tf.stack(
            [seeds.fold(seed, 1 + label) for label in range(classes)]
        )
        augment = functools.partial(self.augmentation, shared=True)
        embed = functools.partial(self.network.embed, parameters)

        def mean_of_class(element):
            return tf.reduce_mean(embed(augment(*element)), axis=0)

        def means(by_class):
            """Returns the mean features of classes `[c, n, ...]` as one batch.

            As in the authors' code, a batch norm then sees all classes.
            """
            augmented = tf.map_fn(
                lambda element: augment(*element),
                (by_class, class_seeds),
                fn_output_signature=images.dtype,
            )
            features = embed(tf.reshape(augmented, [-1, *images.shape[1:]]))
            return tf.reduce_mean(
                tf.reshape(features, [classes, -1, features.shape[-1]]), axis=1
            )

        real = tf.cast(real, images.dtype)
        if self.network.initial_statistics():
            real_means = means(real)
        else:
            # One class at a time: the real side needs no gradient, so that
            # only one class's activations are alive.
            real_means = tf.map_fn(
                mean_of_class,
                (real, class_seeds),
                fn_output_signature=images.dtype,
                parallel_iterations=1,
            )
        synthetic = tf.reshape(images, [classes, -1, *images.shape[1:]])
        return tf.reduce_sum(
            (tf.stop_gradient(real_means) - means(synthetic)) ** 2
        )
