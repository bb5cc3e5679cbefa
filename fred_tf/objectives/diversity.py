"""What keeps HaBa's hallucinators apart, on top of any objective."""

import numpy as np
import tensorflow as tf

from fred_tf import seeds
from fred_tf.objectives.objective import Objective
from fred_tf.optimizers.sgd import sgd_step

# The authors' settings of the extractor.
_LEARNING_RATE = 0.001
_MOMENTUM = 0.9
_TEMPERATURE = 0.07
_PULL_WEIGHT = 0.1
_CONTRAST_WEIGHT = 0.1


class Diversity(Objective):
    """Adds a penalty on hallucinators that show the same thing.

        L' = L + weight * mean [ (cos(e(x_0), e(x_1)) + 1) / 2 ]

    with x_0 and x_1 the images of all bases through two distinct hallucinators
    drawn for the step, augmented, and e the features of an extractor (Liu et
    al. 2022, section 3.3, arXiv 2210.16774). The extractor plays against it:
    after each step it takes one of its own, which lowers the cross-entropy of
    both views plus 0.1 * mean [ (1 - cos) / 2 ] plus 0.1 times the supervised
    contrastive loss, over all bases. (The source draws minibatches of bases.)

    The extractor has the objective's architecture. Its parameters and
    velocities are the state, before the objective's own.

    Args:
        objective: what is completed; it has a `network`, an `augmentation`.
        labels: the class of each basis. Images come in as many groups of equal
            size, one after the other: one basis, several hallucinators.
        weight: of the penalty.
    """

    def __init__(
        self,
        objective: Objective,
        labels: np.ndarray,
        weight: float = 0.1,
        **kwargs,
    ):
        super().__init__(
            objective.network,
            objective.augmentation,
            objective.source,
            objective.settings,
            **kwargs,
        )
        self.objective = objective
        self.bases = len(labels)
        self.label_kinds = objective.label_kinds
        self.advances_on_reference = objective.advances_on_reference
        self._labels = np.asarray(labels, np.int32)
        self.weight = weight
        self.weight_names = objective.weight_names
        size = (self.network.size,)
        self.extractor = self.add_state("extractor", size)
        self.velocity = self.add_state("velocity", size)

    def references(self, seed, numbers):
        return self.objective.references(seed, numbers)

    def recipe(self):
        return self.objective.recipe()

    def check_start(self, decode):
        self.objective.check_start(decode)

    def groups(self, momentum):
        return self.objective.groups(momentum)

    def constrain(self, weights):
        return self.objective.constrain(weights)

    def health(self, loss, weights):
        # The penalty is at most its weight: a run counts as lost where it is
        # lost for every share of it.
        return self.objective.health(loss - self.weight, weights)

    def initial_state(self, seed):
        stream = tf.constant(seeds.named(seed, "extractor"))
        parameters = self.network.initialize(stream)
        extractor = self.network.flatten(parameters)
        own = [extractor, tf.zeros_like(extractor)]
        return own + self.objective.initial_state(seed)

    def call(self, images, labels, reference, seed):
        # All instances are decoded for the pairs; the objective sees its own.
        seen = self.objective.used(images.shape[0], seed)
        loss = self.objective.call(
            tf.gather(images, seen), tf.gather(labels, seen), reference, seed
        )
        extractor = self.network.unflatten(
            tf.cast(tf.convert_to_tensor(self.extractor), images.dtype)
        )
        views = self._views(images, seeds.fold(seed, 200))
        features = self.network.embed(extractor, views)
        cosine = pair_cosines(features)
        return loss + self.weight * tf.reduce_mean((cosine + 1) / 2)

    def advance(self, images, labels, loss, seed, reference):
        parameters = self.network.unflatten(
            tf.convert_to_tensor(self.extractor)
        )
        velocities = self.network.unflatten(tf.convert_to_tensor(self.velocity))
        views = self._views(tf.stop_gradient(images), seeds.fold(seed, 200))
        both = tf.constant(np.concatenate([self._labels, self._labels]))
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            own_loss = self.extractor_loss(parameters, views, both)
        parameters, velocities = sgd_step(
            parameters,
            velocities,
            tape.gradient(own_loss, parameters, unconnected_gradients="zero"),
            [_LEARNING_RATE] * len(parameters),
            _MOMENTUM,
        )
        own = [self.network.flatten(x) for x in (parameters, velocities)]
        more = self.objective.advance(images, labels, loss, seed, reference)
        return own + more

    def extractor_loss(self, parameters, views, labels) -> tf.Tensor:
        """Returns what the extractor lowers; see above.

        Args:
            parameters: of the extractor.
            views: `[2 * bases, ...]`, the first views before the second ones.
            labels: their classes `[2 * bases]`.
        """
        features = self.network.embed(parameters, views)
        logits = self.network.logits(parameters, views)
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        apart = (1 - pair_cosines(features)) / 2
        return (
            tf.reduce_mean(entropy)
            + _PULL_WEIGHT * tf.reduce_mean(apart)
            + _CONTRAST_WEIGHT * supervised_contrast(features, labels)
        )

    def _views(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Returns all bases through two distinct hallucinators, augmented."""
        grouped = tf.reshape(images, [self.bases, -1, *images.shape[1:]])
        size = grouped.shape[1]
        first, more = (
            tf.random.stateless_uniform(
                [], seeds.fold(seed, i), 0, limit, tf.int32
            )
            for i, limit in enumerate((size, size - 1))
        )
        second = (first + 1 + more) % size
        views = tf.concat([grouped[:, first], grouped[:, second]], 0)
        return self.augmentation(views, seeds.fold(seed, 2))


def pair_cosines(features: tf.Tensor) -> tf.Tensor:
    """Returns the cosines between first and second halves, `[n / 2]`."""
    first, second = tf.split(tf.math.l2_normalize(features, axis=1), 2)
    return tf.reduce_sum(first * second, axis=1)


def supervised_contrast(features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Returns the supervised contrastive loss at temperature 0.07.

        - mean_i mean_{p in P(i)} log( exp(z_i z_p / T)
                                       / sum_{a != i} exp(z_i z_a / T) )

    with z normalised features and P(i) the others of i's class (Khosla et al.
    2020, eq. 2, arXiv 2004.11362).

    Args:
        features: `[n, d]`.
        labels: int `[n]`; every class occurs twice at least.
    """
    z = tf.math.l2_normalize(features, axis=1)
    similarity = tf.matmul(z, z, transpose_b=True) / _TEMPERATURE
    same = tf.cast(labels[:, None] == labels[None], z.dtype)
    itself = tf.eye(z.shape[0], dtype=z.dtype)
    # Far below every other, so that it adds nothing to the sum.
    others = similarity - 1e9 * itself
    log_share = others - tf.reduce_logsumexp(others, axis=1, keepdims=True)
    positive = same - itself
    return -tf.reduce_mean(
        tf.reduce_sum(positive * log_share, 1) / tf.reduce_sum(positive, 1)
    )
