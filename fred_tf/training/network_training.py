"""Trains a network on arrays: the loop that experts and evaluations share."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation, mixed
from fred_tf.datasets.disk_images import DiskImages
from fred_tf.networks import Functional
from fred_tf.normalizations import Normalization
from fred_tf.optimizers import SGD, Adam, Optimizer
from fred_tf.sequential import repeat

OPTIMIZERS: dict[str, Callable[[float, float], Optimizer]] = {
    "sgd": SGD,
    "adam": lambda momentum, weight_decay: Adam(),
}
# Parameters, an optimiser's slots, statistics: three lists of tensors.
State = tuple[list[tf.Tensor], list[tf.Tensor], list[tf.Tensor]]


@dataclasses.dataclass(eq=False)
class NetworkTraining:
    """Passes of minibatches over a labelled set, as pure functions.

    A pass visits every image once in an order drawn for that pass; the last
    batch may be smaller. Each batch is augmented per image and lowers the
    mean loss of its images. What happens in pass k depends on the seed, on k
    and on the state before it, never on how passes are grouped into calls.

    Attributes:
        network: the architecture.
        augmentation: applied to each batch after normalisation.
        batch_size: images a step.
        momentum: of SGD, in [0, 1).
        weight_decay: L2 coefficient added to every gradient.
        normalization: applied to each batch first; None if the images are
            already normalised. Keeping images as uint8 until then saves three
            quarters of their memory.
        optimizer: one of `OPTIMIZERS`; `"adam"` has no weight decay.
        loss: a name in `LOSSES`.
        factor: of the step size, by the number of a pass; None for 1.
        cutmix: share of the batches of which the images are mixed with one
            another after that, see `augmentations/cutmix.py`.
        standardized: whether each batch is `standardized` before it is
            augmented.
    """

    network: Functional
    augmentation: SiameseAugmentation
    batch_size: int
    momentum: float = 0.0
    weight_decay: float = 0.0
    normalization: Normalization | None = None
    optimizer: str = "sgd"
    loss: str = "cross_entropy"
    factor: Callable[[tf.Tensor], tf.Tensor] | None = None
    cutmix: float = 0.0
    standardized: bool = False

    @property
    def _rule(self) -> Optimizer:
        return OPTIMIZERS[self.optimizer](self.momentum, self.weight_decay)

    def start(self, seed: tf.Tensor) -> State:
        """Returns a fresh network's state for an int32 seed `[2]`."""
        traceable = self.network.traceable
        return self._traced_start(seed) if traceable else self._start(seed)

    @functools.partial(tf.function, autograph=False)
    def _traced_start(self, seed: tf.Tensor) -> State:
        return self._start(seed)

    def _start(self, seed: tf.Tensor) -> State:
        parameters, statistics = self.network.fresh(seed)
        slots = tf.nest.flatten(self._rule.start(parameters))
        return parameters, slots, statistics

    def passes(
        self,
        state: State,
        images: np.ndarray | tf.Tensor | DiskImages,
        labels: np.ndarray | tf.Tensor,
        seed: np.ndarray | tf.Tensor,
        first: int,
        count: int,
        learning_rate: float,
        views: int = 1,
    ) -> State:
        """Trains for `count` passes, numbered from `first`.

        Args:
            state: from `start` or an earlier call.
            images: `[n, height, width, channels]`.
            labels: int `[n]`, or soft ones, float32 `[n, classes]`.
            seed: int32 `[2]`; orders and augmentations follow from it.
            first: number of the first pass.
            count: passes to make.
            learning_rate: constant during these passes.
            views: of so many images in turn, a pass sees one drawn for it.
        """
        state = tf.nest.map_structure(tf.convert_to_tensor, state)
        integer = functools.partial(tf.constant, dtype=tf.int32)
        labels = tf.convert_to_tensor(labels)
        if labels.dtype.is_integer:
            labels = tf.cast(labels, tf.int32)
        if isinstance(images, DiskImages):
            whole, rows = images.tensor()
        else:
            whole, rows = images, np.arange(len(images))
        return self._passes(
            state,
            tf.convert_to_tensor(whole),
            integer(rows),
            labels,
            tf.convert_to_tensor(seed),
            integer(first),
            integer(count),
            tf.constant(learning_rate, tf.float32),
            views,
        )

    @functools.partial(tf.function, autograph=False, reduce_retracing=True)
    def _passes(
        self, state, images, rows, labels, seed, first, count, rate, views
    ):
        size = tf.shape(rows)[0] // views
        batches = (size + self.batch_size - 1) // self.batch_size

        def one_pass(number, state):
            pass_seed = seeds.fold(seed, number)
            own = rate if self.factor is None else rate * self.factor(number)
            order = seeds.permutation(pass_seed, size)
            if views > 1:
                seen = tf.random.stateless_uniform(
                    [size], seeds.fold(pass_seed, -1), 0, views, tf.int32
                )
                order = order * views + seen

            def one_batch(batch, state):
                begin = batch * self.batch_size
                indices = order[begin : begin + self.batch_size]
                state = self.step(
                    state,
                    tf.gather(images, tf.gather(rows, indices)),
                    tf.gather(labels, indices),
                    seeds.fold(pass_seed, batch),
                    own,
                )
                return batch + 1, state

            _, state = tf.while_loop(
                lambda batch, _: batch < batches,
                one_batch,
                (tf.constant(0), state),
                parallel_iterations=1,
            )
            return number + 1, state

        _, state = tf.while_loop(
            lambda number, _: number < first + count,
            one_pass,
            (first, state),
            parallel_iterations=1,
        )
        return state

    def epoch(
        self,
        state: tuple[list[tf.Tensor], list[tf.Tensor]],
        images: tf.Tensor,
        labels: tf.Tensor,
        seed: tf.Tensor,
        rate: tf.Tensor,
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Returns parameters and velocities after one pass over a few images.

        Pure; for networks without statistics. It is made of loops of known
        lengths, which XLA compiles.
        """
        count = images.shape[0]
        batch = min(self.batch_size, count)
        order = seeds.permutation(seed, count)

        def step(state, rows, seed):
            return self.step(
                (*state, []),
                tf.gather(images, rows),
                tf.gather(labels, rows),
                seed,
                rate,
            )[:2]

        def whole(position, state):
            rows = order[position * batch :][:batch]
            rows = tf.ensure_shape(rows, [batch])
            return (step(state, rows, seeds.fold(seed, position)),)

        (state,) = repeat(count // batch, whole, state)
        if rest := count % batch:
            last = seeds.fold(seed, count // batch)
            state = step(state, order[-rest:], last)
        return state

    def step(
        self,
        state: State,
        images: tf.Tensor,
        labels: tf.Tensor,
        seed: tf.Tensor,
        rate: tf.Tensor,
    ) -> State:
        """Returns the state after one batch; pure."""
        parameters, slots, statistics = state
        if self.normalization is not None:
            images = self.normalization(images)
        if self.standardized:
            images = standardized(images)
        images = self.augmentation(images, seed)
        if self.cutmix:
            if labels.dtype.is_integer:
                classes = self.network.classes
                labels = tf.one_hot(labels, classes, dtype=images.dtype)
            images, labels = mixed(images, labels, seed, self.cutmix)
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            logits, statistics = self.network.apply(
                parameters, statistics, images, training=True
            )
            loss = tf.reduce_mean(LOSSES[self.loss](labels, logits))
        gradients = tape.gradient(loss, parameters)
        # Lists as long as the parameters; what is left is the last one.
        size = len(parameters)
        parts = [slots[i : i + size] for i in range(0, len(slots), size)]
        parameters, parts = self._rule.step(parameters, parts, gradients, rate)
        return parameters, tf.nest.flatten(parts), statistics


def standardized(images: tf.Tensor) -> tf.Tensor:
    """Returns a batch with mean 0 and deviation 1 over all of its values.

    Channels are taken together, and the variance is unbiased, as in the code
    of HaBa (Liu et al. 2022, arXiv 2210.16774). A norm that follows the first
    convolution undoes nearly all of it; networks without one see the
    difference.

    Args:
        images: floating, of any shape. Where all values are the same, they
            become 0.
    """
    values = tf.cast(tf.size(images), images.dtype)
    centered = images - tf.reduce_mean(images)
    deviation = tf.sqrt(tf.reduce_sum(centered**2) / (values - 1))
    return tf.math.divide_no_nan(centered, deviation)


def cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the cross-entropy of each image, with hard or soft labels.

    Soft ones may be learned through the steps of a student. TensorFlow's own op
    gives the derivative by the logits none by the labels.
    """
    if labels.dtype.is_floating:
        return -tf.reduce_sum(labels * tf.nn.log_softmax(logits), axis=-1)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def squared_error(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Returns half the squared error of each image, summed over classes."""
    return tf.reduce_sum((outputs - targets) ** 2, -1) / 2


LOSSES = {"cross_entropy": cross_entropy, "squared": squared_error}


def accuracy(
    network: Functional,
    state: State,
    images: np.ndarray | tf.Tensor,
    labels: np.ndarray | tf.Tensor,
    normalization: Normalization | None = None,
    batch_size: int = 500,
    by_batch: bool = False,
) -> float:
    """Returns the share of images that a trained network classifies rightly.

    Args:
        network: the architecture.
        state: a state of `NetworkTraining`.
        images: `[n, height, width, channels]`.
        labels: int `[n]`.
        normalization: applied to the images first, unless None.
        batch_size: images classified at a time.
        by_batch: whether these are `standardized` before.

    Returns:
        Accuracy in [0, 1].
    """
    predict = _predictor(network, normalization, by_batch)
    parameters, _, statistics = state
    right = 0
    for begin in range(0, len(labels), batch_size):
        block = tf.convert_to_tensor(images[begin : begin + batch_size])
        predicted = predict(parameters, statistics, block).numpy()
        right += int((predicted == labels[begin : begin + batch_size]).sum())
    return right / len(labels)


# Of the network in training and one beside it: each keeps its whole graph.
@functools.lru_cache(maxsize=2)
def _predictor(
    network: Functional, normalization: Normalization | None, by_batch: bool
):
    @tf.function(autograph=False, reduce_retracing=True)
    def predict(parameters, statistics, images):
        if normalization is not None:
            images = normalization(images)
        if by_batch:
            images = standardized(images)
        logits, _ = network.apply(parameters, statistics, images, False)
        return tf.argmax(logits, axis=-1, output_type=tf.int32)

    return predict
