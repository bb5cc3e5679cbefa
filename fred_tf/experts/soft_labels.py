"""Soft labels: what experts think that each distilled image shows."""

import numpy as np
import tensorflow as tf

from fred_tf.experts.store import ExpertStore
from fred_tf.experts.trainer import STANDARDIZED
from fred_tf.networks import Functional
from fred_tf.training.network_training import standardized

MOST_ASKED = 10
# Images at a time.
_BATCH = 500


def soft_labels(
    network: Functional,
    experts: ExpertStore,
    images: np.ndarray,
    most: int = MOST_ASKED,
) -> np.ndarray:
    """Returns the mean probabilities that trained experts give to classes.

    Networks trained on them learn how classes resemble each other (Hinton,
    Vinyals & Dean 2015, arXiv 1503.02531); distilled sets gain much of their
    accuracy that way (Qin, Deng & Alvarez-Melis 2024, arXiv 2406.10485).
    Experts of batches that were `standardized` see such batches of these
    images, too.

    Args:
        network: the experts' architecture, without moving statistics.
        experts: their store; parameters after the last stored epoch count.
        images: normalised as the experts' were, `[n, height, width,
            channels]`.
        most: experts that are asked at most, the first ones.

    Returns:
        float32 `[n, classes]`; each row sums to 1.

    Raises:
        ValueError: the network's parameters do not suffice, or the store is
            empty.
    """
    network.refuse_statistics("An expert", "it is stored without them")
    asked = min(most, len(experts))
    if not asked:
        raise ValueError(
            "Soft labels need at least one expert. Received: an empty store. "
            "Train experts with `python -m trainers.train_experts`."
        )

    last = [experts.trajectory(number)[-1] for number in range(asked)]
    vectors = tf.constant(np.stack(last).astype(np.float32))
    by_batch = str(experts.description.get("augmentation")).startswith(
        STANDARDIZED
    )
    answer = tf.function(mean_answers, autograph=False, reduce_retracing=True)
    batches = (
        tf.constant(images[first : first + _BATCH])
        for first in range(0, len(images), _BATCH)
    )
    parts = [answer(network, vectors, batch, by_batch) for batch in batches]
    return tf.concat(parts, axis=0).numpy()


def mean_answers(
    network: Functional,
    vectors: tf.Tensor,
    images: tf.Tensor,
    by_batch: bool = False,
) -> tf.Tensor:
    """Returns the mean probabilities `[n, classes]` by several parameters.

    Args:
        network: the architecture.
        vectors: its parameters, `[experts, size]`.
        images: normalised, `[n, *image_shape]`.
        by_batch: whether these are `standardized` before.
    """
    if by_batch:
        images = standardized(images)

    def one(vector: tf.Tensor) -> tf.Tensor:
        return tf.nn.softmax(network.logits(network.unflatten(vector), images))

    each = tf.map_fn(one, vectors, parallel_iterations=1)
    return tf.reduce_mean(each, axis=0)
