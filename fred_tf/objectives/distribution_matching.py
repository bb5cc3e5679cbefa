"""Distribution matching: equal mean features under random networks."""

import dataclasses
import functools
from typing import ClassVar

import tensorflow as tf

from fred_tf import seeds
from fred_tf.objectives.class_batch_objective import (
    ClassBatchObjective,
    ClassBatchSettings,
)
from fred_tf.paper import Paper
from fred_tf.sequential import one_by_one


@dataclasses.dataclass(frozen=True)
class DistributionMatchingSettings(ClassBatchSettings):
    """Settings of `DistributionMatching`; `real_batch_per_class` is |B_c|."""

    name: ClassVar[str] = "distribution_matching"


class DistributionMatching(ClassBatchObjective):
    """Matches the mean embedding of each class under a fresh random network.

        L = sum_c || mean_{x in B_c} phi(A(x)) - mean_{s in S_c} phi(A(s)) ||^2

    (Zhao & Bilen 2023, eq. 6, arXiv 2110.04181), with phi the features before
    the classifier of a network drawn anew for every reference, B_c a batch of
    real images of class c, S_c all synthetic images of the class and A a
    siamese augmentation: one set of parameters per class, shared by both
    sides. The square is summed over features, not averaged.
    """

    Settings = DistributionMatchingSettings
    short_name = "DM"
    paper = Paper(
        "zhao2023distribution",
        "Zhao, Bo and Bilen, Hakan",
        "Dataset Condensation with Distribution Matching",
        "WACV",
        2023,
        "2110.04181",
    )

    def call(self, images, labels, reference, seed):
        real = reference["images"]
        classes = real.shape[0]
        parameters = self.network.initialize(seeds.fold(seed, 0))
        class_seeds = seeds.folds(seed, classes, first=1)
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
            real_means = one_by_one(
                mean_of_class, (real, class_seeds), images.dtype
            )
        synthetic = tf.reshape(images, [classes, -1, *images.shape[1:]])
        return tf.reduce_sum(
            (tf.stop_gradient(real_means) - means(synthetic)) ** 2
        )
