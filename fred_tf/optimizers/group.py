"""Weights that move alike."""

import dataclasses
from collections.abc import Sequence

import keras

from fred_tf.optimizers.optimizer import Optimizer


@dataclasses.dataclass(frozen=True)
class Group:
    """Some weights of a memory or of an objective, and how they are learned.

    Attributes:
        name: tells it from others of a run, e.g. `memory`.
        weights: the trainable weights.
        optimizer: how they move.
        rate: their step size; None for that of the memory, which a run takes
            from its settings or measures.
    """

    name: str
    weights: Sequence[keras.Variable]
    optimizer: Optimizer
    rate: float | None = None


def check_groups(
    groups: Sequence[Group], weights: Sequence[keras.Variable], owner: str
) -> None:
    """Refuses groups that leave a trainable weight out, or share one.

    Args:
        groups: of one owner.
        weights: all its trainable weights.
        owner: what they belong to, for the message.

    Raises:
        ValueError: they are no partition of the weights.
    """
    grouped = [id(weight) for group in groups for weight in group.weights]
    if sorted(grouped) != sorted(map(id, weights)):
        named = {
            group.name: [w.name for w in group.weights] for group in groups
        }
        raise ValueError(
            f"Each trainable weight of {owner} belongs to one group: "
            f"{[weight.name for weight in weights]}. Received: {named}. Name "
            "each once in `groups`."
        )
