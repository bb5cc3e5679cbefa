"""Soft labels: what experts think that each distilled image shows."""

import numpy as np
import tensorflow as tf

from fred_tf.experts.store import ExpertStore
from fred_tf.networks import Functional

# Images at a time.
_BATCH = 500


def soft_labels(
    network: Functional,
    experts: ExpertStore,
    images: np.ndarray,
    most: int = 10,
) -> np.ndarray:
    """Returns the mean probabilities that trained experts give to classes.

    Networks trained on them learn how classes resemble each other (Hinton,
    Vinyals & Dean 2015, arXiv 1503.02531); distilled sets gain much of their
    accuracy that way (Qin, Deng & Alvarez-Melis 2024, arXiv 2406.10485).

    Args:
        network: the experts' architecture, without moving statistics.
        experts: their store; parameters after the last stored epoch count.
        images: normalised as the experts' were, `[n, height, width,
            channels]`.
        most: experts that are asked at most.

    Returns:
        float32 `[n, classes]`; each row sums to 1.

    Raises:
        ValueError: the network's parameters do not suffice, or the store is
            empty.
    """
    if statistics := network.initial_statistics():
        raise ValueError(
            "Experts are stored without moving moments, which the answers of "
            f"this network need. Received: {len(statistics)} of them. Use a "
            "network with another `norm`."
        )
    asked = min(most, len(experts))
    if not asked:
        raise ValueError(
            "Soft labels need at least one expert. Received: an empty store. "
            "Train experts with `python -m trainers.train_experts`."
        )

    @tf.function(autograph=False, reduce_retracing=True)
    def probabilities(vector: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
        logits = network.logits(network.unflatten(vector), batch)
        return tf.nn.softmax(logits)

    total = np.zeros((len(images), network.classes), np.float32)
    for number in range(asked):
        last = tf.constant(experts.trajectory(number)[-1].astype(np.float32))
        for start in range(0, len(images), _BATCH):
            rows = slice(start, start + _BATCH)
            batch = tf.constant(images[rows])
            total[rows] += probabilities(last, batch).numpy()
    return total / asked
