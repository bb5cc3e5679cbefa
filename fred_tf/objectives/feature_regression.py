"""FRePo: regression with the features of networks that train on the set."""

import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow as tf

from fred_tf import seeds
from fred_tf.kernels.regression import (
    centered,
    predict,
    solve,
    squared_loss,
)
from fred_tf.objectives.class_batch_objective import (
    ClassBatchObjective,
    ClassBatchSettings,
)
from fred_tf.objectives.kernel_ridge import regression_targets, sound_or_nan
from fred_tf.optimizers import Adam
from fred_tf.paper import Paper
from fred_tf.settings import (
    MOST_PASSES,
    MOST_RATE,
    check_least,
    check_positive,
)


@dataclasses.dataclass(frozen=True)
class FeatureRegressionSettings(ClassBatchSettings):
    """Settings of `FeatureRegression`; the defaults are the source's.

    Attributes:
        real_batch_per_class: real images of each class in a reference; the
            source has 1,024 of all classes, without balance.
        pool: networks that live side by side.
        most_steps: after how many steps on the set, beyond one, a network of
            the pool is drawn anew.
        network_batch: synthetic images of such a step.
        network_learning_rate: of Adam, which makes them.
        mirror: whether the regression sees each synthetic image mirrored, too;
            not for digits.
        regularization: ridge over the mean diagonal.
    """

    name: ClassVar[str] = "feature_regression"
    real_batch_per_class: int = 102
    pool: int = 10
    most_steps: int = 100
    network_batch: int = 1000
    network_learning_rate: float = 3e-4
    mirror: bool = True
    regularization: float = 1e-6

    def __post_init__(self):
        super().__post_init__()
        check_least("objective.pool", self.pool, 1, 1000)
        for name in ("most_steps", "network_batch"):
            check_least(name, getattr(self, name), 1, MOST_PASSES)
        check_positive(
            "network_learning_rate", self.network_learning_rate, MOST_RATE
        )
        check_least("regularization", self.regularization, 0, 1000)


class FeatureRegression(ClassBatchObjective):
    """Lowers the error of ridge regression with a network's features.

        L = mean_t 1/2 | k(t, s) (K_ss + l tr(K_ss) / m I)^-1 Y - y_t |^2
            - mean_s min( margin(Y_s), 1 / classes ),    k(a, b) = <f(a), f(b)>

    with s the m synthetic images, their mirrors beside them if `mirror`, t a
    batch of real ones, f the features before the classifier of a network, y_t
    the one-hot class less 1 / classes, Y the same of the synthetic images or
    learned (`parameterization.labels` `"scores"`), and the margin that of the
    highest over the second value of a learned label (Zhou et al. 2022, sections
    3 and 4.1, arXiv 2206.00719, and their code).

    The state is a pool of networks whose ages are staggered from the start. One
    of them, drawn after each step, is what the next step sees. It then takes a
    step of Adam that lowers half its squared error on the synthetic set, or is
    drawn anew if it has made `most_steps` of them and one more. A batch norm
    takes running moments in the regression, which have nine tenths of those of
    the last step's batch, and the batch's own in that step.

    Real images are not augmented, and `augmentation` of a run is that of its
    evaluation. A kernel that becomes singular makes a loss of NaN, and so ends
    the run by one line.

    Raises:
        ValueError: a class has fewer images than `real_batch_per_class`.
    """

    Settings = FeatureRegressionSettings
    settings: FeatureRegressionSettings
    short_name = "FRePo"
    label_kinds = ("scores",)
    paper = Paper(
        "zhou2022dataset",
        "Zhou, Yongchao and Nezhadarya, Ehsan and Ba, Jimmy",
        "Dataset Distillation using Neural Feature Regression",
        "NeurIPS",
        2022,
        "2206.00719",
    )

    def __init__(self, network, augmentation, source, settings=None, **kwargs):
        super().__init__(network, augmentation, source, settings, **kwargs)
        self.classes = network.network.classes
        first = network.initial_statistics()
        self._moments = [(s.shape, int(np.prod(s.shape))) for s in first]
        pool, size = self.settings.pool, network.size
        moments = sum(count for _, count in self._moments)
        # A network is a row of each: parameters, Adam's two moments and its
        # count, a norm's moving moments, and the steps it has made.
        self.thetas = self.add_state("thetas", (pool, size))
        self.first = self.add_state("first", (pool, size))
        self.second = self.add_state("second", (pool, size))
        self.counts = self.add_state("counts", (pool,))
        self.statistics = self.add_state("statistics", (pool, moments))
        self.ages = self.add_state("ages", (pool,), "int32")
        self.drawn = self.add_state("drawn", dtype="int32")

    def initial_state(self, seed):
        stream = tf.constant(seeds.named(seed, "pool of networks"))
        pool, most = self.settings.pool, self.settings.most_steps
        rows = [self._fresh(seeds.fold(stream, i)) for i in range(pool)]
        state = [tf.stack(parts) for parts in zip(*rows)]
        # Counters only: all of them begin untrained.
        state[-1] = tf.range(pool, dtype=tf.int32) * most // pool
        return [*state, self._draw(seeds.fold(stream, pool))]

    def _fresh(self, seed: tf.Tensor) -> list[tf.Tensor]:
        """Returns a new network as one row of each part of the state."""
        theta = self.network.flatten(self.network.initialize(seed))
        none = tf.zeros_like(theta)
        moments = self._flat(self.network.initial_statistics())
        return [theta, none, none, tf.zeros([]), moments, tf.constant(0)]

    def _draw(self, seed: tf.Tensor) -> tf.Tensor:
        pool = self.settings.pool
        return tf.random.stateless_uniform([], seed, 0, pool, tf.int32)

    def _flat(self, statistics: list[tf.Tensor]) -> tf.Tensor:
        parts = [tf.reshape(s, [-1]) for s in statistics]
        return tf.concat([tf.zeros([0]), *parts], 0)

    def _statistics(self, flat: tf.Tensor) -> list[tf.Tensor]:
        if not self._moments:
            return []
        pieces = tf.split(flat, [count for _, count in self._moments])
        return [tf.reshape(p, s) for p, (s, _) in zip(pieces, self._moments)]

    def check_start(self, decode):
        images, labels = decode()
        reference = {"images": tf.cast(images, tf.float32)[None, :1]}
        kernel, _, targets = self._regression(images, labels, reference)
        solve(kernel, targets, self.settings.regularization)

    def _regression(self, images, labels, reference):
        """Returns kernels of the set, and with real images; and targets."""
        drawn = tf.convert_to_tensor(self.drawn)
        theta = tf.convert_to_tensor(self.thetas)[drawn]
        parameters = self.network.unflatten(tf.cast(theta, images.dtype))
        moments = tf.convert_to_tensor(self.statistics)[drawn]
        statistics = self._statistics(tf.cast(moments, images.dtype))

        def features(images):
            embedded = self.network.embed(parameters, images, statistics)
            return tf.cast(embedded, tf.float64)

        targets = regression_targets(labels, self.classes)
        if self.settings.mirror:
            # The axis before the channels runs from left to right.
            images = tf.concat([images, tf.reverse(images, [-2])], 0)
            targets = tf.concat([targets, targets], 0)
        real = tf.cast(reference["images"], images.dtype)
        real = tf.reshape(real, [-1, *real.shape[2:]])
        ours, theirs = features(images), tf.stop_gradient(features(real))
        return (
            tf.matmul(ours, ours, transpose_b=True),
            tf.matmul(theirs, ours, transpose_b=True),
            targets,
        )

    def call(self, images, labels, reference, seed):
        classes, per_class = reference["images"].shape[:2]
        kernel, cross, targets = self._regression(images, labels, reference)
        solution = solve(kernel, targets, self.settings.regularization)
        wanted = centered(tf.repeat(tf.range(classes), per_class), classes)
        predictions = predict(cross, solution.weights)
        loss = classes * squared_loss(predictions, wanted)
        if labels.dtype.is_floating:
            best = tf.math.top_k(tf.cast(labels, loss.dtype), 2).values
            margin = tf.minimum(best[:, 0] - best[:, 1], 1 / classes)
            loss -= tf.reduce_mean(margin)
        return sound_or_nan(loss, solution.sound, images.dtype)

    def advance(self, images, labels, loss, seed, reference):
        *pool, drawn = map(tf.convert_to_tensor, self.non_trainable_variables)
        own = [part[drawn] for part in pool]
        own = tf.cond(
            own[-1] > self.settings.most_steps,
            lambda: self._fresh(seeds.fold(seed, 0)),
            lambda: self._trained(own, images, labels, seeds.fold(seed, 1)),
        )
        moves = tf.range(self.settings.pool) == drawn
        state = [
            tf.where(tf.reshape(moves, [-1] + [1] * len(row.shape)), row, part)
            for part, row in zip(pool, own)
        ]
        return [*state, self._draw(seeds.fold(seed, 2))]

    def _trained(self, row, images, labels, seed) -> list[tf.Tensor]:
        """Returns a network after one step on the synthetic set."""
        theta, first, second, count, moments, age = row
        targets = regression_targets(labels, self.classes)
        images = tf.stop_gradient(images)
        targets = tf.cast(tf.stop_gradient(targets), theta.dtype)
        batch, size = self.settings.network_batch, images.shape[0]
        if batch < size:
            order = seeds.permutation(seed, size)
            images = tf.gather(images, order[:batch])
            targets = tf.gather(targets, order[:batch])
        with tf.GradientTape() as tape:
            tape.watch(theta)
            outputs, after = self.network.apply(
                self.network.unflatten(theta),
                self._statistics(moments),
                tf.cast(images, theta.dtype),
                training=True,
            )
            error = self.classes * squared_loss(outputs, targets)
        (theta,), ((first,), (second,), (count,)) = Adam().step(
            [theta],
            [[first], [second], [count]],
            [tape.gradient(error, theta)],
            self.settings.network_learning_rate,
        )
        # After a tenth of the batch; the source's norms take nine tenths.
        moments = moments + 9 * (self._flat(after) - moments)
        return [theta, first, second, count, moments, age + 1]
