"""CAFE: synthetic classes whose features are on average those of real ones."""

import dataclasses
from typing import ClassVar

import tensorflow as tf

from fred_tf import seeds
from fred_tf.objectives.class_batch_objective import (
    ClassBatchObjective,
    ClassBatchSettings,
    check_without_statistics,
)
from fred_tf.optimizers.sgd import zero_velocities
from fred_tf.paper import Paper
from fred_tf.sequential import one_by_one
from fred_tf.settings import (
    MOST_PASSES,
    MOST_RATE,
    check_least,
    check_positive,
)
from fred_tf.training.network_training import NetworkTraining

_WEIGHTS = (
    "early_weight",
    "last_weight",
    "features_weight",
    "discrimination_weight",
)


@dataclasses.dataclass(frozen=True)
class FeatureAlignmentSettings(ClassBatchSettings):
    """Settings of `FeatureAlignment`; the defaults are the source's, but caps.

    Distances are sums over a map: larger images or more channels want smaller
    weights, and so do more blocks, each of which but the last has
    `early_weight`. The discrimination is a sum over the real images: half as
    many want twice the weight.

    Attributes:
        early_weight: of the map of each block but the last.
        last_weight: of the last one's.
        features_weight: of what goes into the classifier, which the source
            counts twice: as the pooled map and flattened, with 1 each.
        discrimination_weight: of the cross-entropy of the real images.
        window: accuracies that are compared, of the last steps or epochs.
        settled_range: where those of the last steps differ by less, from 0 to
            1, the network has served.
        moved_range: where those of the last epochs differ by more, from 0 to
            1, it has been trained enough.
        most_steps: steps that a network serves at most. The source has no
            bound, and waits forever for a network that keeps changing.
        most_epochs: epochs between two of them at most. The source has none.
        accuracy_images: real images of each class that the accuracy is of; all
            of a reference if it has fewer.
        network_batch: images of a step of that training.
        network_learning_rate: its step size.
    """

    name: ClassVar[str] = "feature_alignment"
    early_weight: float = 0.1
    last_weight: float = 1.0
    features_weight: float = 2.0
    discrimination_weight: float = 0.01
    window: int = 10
    settled_range: float = 0.04
    moved_range: float = 0.03
    most_steps: int = 50
    most_epochs: int = 50
    accuracy_images: int = 128
    network_batch: int = 256
    network_learning_rate: float = 0.01

    def __post_init__(self):
        super().__post_init__()
        for name in _WEIGHTS:
            check_least(name, getattr(self, name), 0, 1e9)
        check_least("objective.window", self.window, 2, MOST_PASSES)
        for name in ("settled_range", "moved_range"):
            check_least(name, getattr(self, name), 0, 1)
        for name in ("most_steps", "most_epochs"):
            value = getattr(self, name)
            check_least(name, value, 1, MOST_PASSES)
            if value < self.window:
                raise ValueError(
                    f"`{name}` is at least `objective.window` "
                    f"({self.window}), whose accuracies are compared. "
                    f"Received: {value}. Raise it, or lower the window."
                )
        for name in ("accuracy_images", "network_batch"):
            check_least(name, getattr(self, name), 1, MOST_PASSES)
        check_positive(
            "network_learning_rate", self.network_learning_rate, MOST_RATE
        )


class FeatureAlignment(ClassBatchObjective):
    """Aligns the mean maps of each class in every block of a network.

        L = sum_l w_l sum_c | mean f_l(A(S_c)) - mean f_l(A(B_c)) |^2
            + v sum_c sum_{x in B_c} CE( f(A(x)) F^T, c ),
        F_c = mean f(A(S_c))

    with f_l the maps after the activation of block l, before pooling, and f
    the features before the classifier, which are one more f_l; S_c all
    synthetic images of class c, B_c real ones, and CE the cross-entropy (Wang
    et al. 2022, arXiv 2203.01531, and their code). The second term makes the
    real images tell the synthetic classes apart. A is a siamese augmentation:
    one set of parameters per class and step, shared by both sides. With the
    strategy "none" it is CAFE, with others CAFE+DSA.

    One network theta serves several steps. After each its accuracy on real
    images joins a window. If those in a full window differ by less than
    `settled_range`, or after `most_steps`, a fresh one is drawn. Otherwise it
    is trained on the synthetic set, augmented per image, by epochs of SGD,
    until the accuracies after the last `window` epochs differ by more than
    `moved_range`, or for `most_epochs`. Theta, the window and the count of
    steps are the state; the accuracy is that on the images of a reference as
    they are, the same for all epochs of a step, where the source draws new ones
    each time, whose noise ends a loop sooner, and mixes those of all earlier
    steps into it.

    Raises:
        ValueError: a class has fewer images than `real_batch_per_class`, or
            the network has batch statistics, or no layer that ends with an
            activation.
    """

    Settings = FeatureAlignmentSettings
    settings: FeatureAlignmentSettings
    short_name = "CAFE"
    advances_on_reference = True
    paper = Paper(
        "wang2022cafe",
        "Wang, Kai and Zhao, Bo and Peng, Xiangyu and Zhu, Zheng and Yang, Shuo"
        " and Wang, Shuo and Huang, Guan and Bilen, Hakan and Wang, Xinchao"
        " and You, Yang",
        "CAFE: Learning to Condense Dataset by Aligning Features",
        "CVPR",
        2022,
        "2203.01531",
    )

    def __init__(self, network, augmentation, source, settings=None, **kwargs):
        super().__init__(network, augmentation, source, settings, **kwargs)
        check_without_statistics(network, "Feature alignment")
        self.blocks = len(network.network.activated)
        if not self.blocks:
            raise ValueError(
                "Feature alignment needs a network whose layers end with an "
                f"activation. Received: {type(network.network).__name__}, none "
                "of whose layers is one of its `activations`. Choose another "
                "`network.name`, or list there what it has."
            )
        self._training = NetworkTraining(
            network, augmentation, self.settings.network_batch
        )
        self.theta = self.add_state("theta", (network.size,))
        self.accuracies = self.add_state("accuracies", (self.settings.window,))
        self.served = self.add_state("served", dtype="int32")

    @classmethod
    def called_with(cls, augmentation):
        return cls.short_name + ("+DSA" if augmentation != "none" else "")

    def initial_state(self, seed):
        return self._fresh(tf.constant(seeds.named(seed, "aligned network")))

    def _fresh(self, seed: tf.Tensor) -> list[tf.Tensor]:
        theta = self.network.flatten(self.network.initialize(seed))
        return [theta, tf.zeros([self.settings.window]), tf.constant(0)]

    def advance(self, images, labels, loss, seed, reference):
        theta, accuracies, served = map(
            tf.convert_to_tensor, self.non_trainable_variables
        )
        images = tf.cast(tf.stop_gradient(images), theta.dtype)
        real = reference["images"][:, : self.settings.accuracy_images]
        parameters = self.network.unflatten(theta)
        accuracies = _shifted(accuracies, self._accuracy(parameters, real))
        served = served + 1
        settled = _range(accuracies) < self.settings.settled_range
        settled &= served >= self.settings.window
        return tf.cond(
            settled | (served >= self.settings.most_steps),
            lambda: self._fresh(seeds.fold(seed, 0)),
            lambda: [
                self._trained(parameters, images, labels, seed, real),
                accuracies,
                served,
            ],
        )

    def _trained(self, parameters, images, labels, seed, real) -> tf.Tensor:
        """Returns theta after epochs on the set, until it has moved."""
        rate = tf.constant(self.settings.network_learning_rate)

        def goes_on(number, _, accuracies):
            moved = _range(accuracies) > self.settings.moved_range
            return ~moved | (number < self.settings.window)

        def epoch(number, parameters, accuracies):
            own = seeds.fold(seed, 1 + number)
            state = parameters, zero_velocities(parameters)
            parameters, _ = self._training.epoch(
                state, images, labels, own, rate
            )
            accuracy = self._accuracy(parameters, real)
            return number + 1, parameters, _shifted(accuracies, accuracy)

        _, parameters, _ = tf.while_loop(
            goes_on,
            epoch,
            (tf.constant(0), parameters, tf.zeros([self.settings.window])),
            parallel_iterations=1,
            maximum_iterations=self.settings.most_epochs,
        )
        return self.network.flatten(parameters)

    def _accuracy(self, parameters, real: tf.Tensor) -> tf.Tensor:
        """Returns the share that is right of `[classes, count, ...]`."""

        def of_class(element):
            images, label = element
            logits = self.network.logits(parameters, images)
            right = tf.argmax(logits, -1, tf.int32) == label
            return tf.reduce_mean(tf.cast(right, tf.float32))

        labels = tf.range(real.shape[0])
        return tf.reduce_mean(one_by_one(of_class, (real, labels), tf.float32))

    def call(self, images, labels, reference, seed):
        real = tf.cast(reference["images"], images.dtype)
        classes, count = real.shape[:2]
        kinds = (images.dtype, images.dtype)
        theta = self.network.unflatten(
            tf.cast(tf.convert_to_tensor(self.theta), images.dtype)
        )
        class_seeds = seeds.folds(seed, classes)

        def of_class(element):
            """Returns the mean maps of a class as a vector, and features."""
            images, seed = element
            images = self.augmentation(images, seed, shared=True)
            maps = self.network.maps(theta, images)
            return self._weighted_means(maps), maps[-1]

        def means_of_class(element):
            means, features = of_class(element)
            return means, tf.reduce_mean(features, 0)

        # The gradient computes the maps of one class anew, so that those of
        # one class only are alive.
        @tf.custom_gradient
        def means_of(images):
            by_class = tf.reshape(images, [classes, -1, *images.shape[1:]])

            def slope_of_class(element):
                ours, seed, *upstream = element
                with tf.GradientTape() as tape:
                    tape.watch(ours)
                    means = means_of_class((ours, seed))
                return tape.gradient(means, ours, upstream)

            def slope(*upstream):
                elements = (by_class, class_seeds, *upstream)
                slopes = one_by_one(slope_of_class, elements, images.dtype)
                return tf.reshape(slopes, images.shape)

            return one_by_one(
                means_of_class, (by_class, class_seeds), kinds
            ), slope

        theirs, features = one_by_one(of_class, (real, class_seeds), kinds)
        ours, centres = means_of(images)
        features = tf.reshape(features, [classes * count, -1])
        entropies = tf.nn.sparse_softmax_cross_entropy_with_logits(
            tf.repeat(tf.range(classes), count),
            tf.matmul(features, centres, transpose_b=True),
        )
        return tf.reduce_sum(
            (ours - theirs) ** 2
        ) + self.settings.discrimination_weight * tf.reduce_sum(entropies)

    def _weighted_means(self, maps: list[tf.Tensor]) -> tf.Tensor:
        """Returns means whose squared distances are weighted already."""
        own = self.settings
        weights = [own.early_weight] * (self.blocks - 1)
        weights += [own.last_weight, own.features_weight]
        means = [
            weight**0.5 * tf.reshape(tf.reduce_mean(values, 0), [-1])
            for weight, values in zip(weights, maps, strict=True)
        ]
        return tf.concat(means, 0)


def _shifted(window: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """Returns a window without its oldest value, and with a new one."""
    return tf.concat([window[1:], value[None]], 0)


def _range(window: tf.Tensor) -> tf.Tensor:
    return tf.reduce_max(window) - tf.reduce_min(window)
