"""Weights that move alike."""

import dataclasses
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from fred_tf.optimizers.optimizer import Optimizer, Slots

# What the optimisers of several groups remember, by group.
GroupSlots = dict[str, Slots]


@dataclasses.dataclass(frozen=True)
class Group:
    """Some weights of a memory or of an objective, and how they are learned.

    Attributes:
        name: tells it from others of a run, e.g. `memory`.
        weights: the trainable weights.
        optimizer: how they move.
        rate: their step size; None for that of the memory, which a run takes
            from its settings or measures.
        factor: of that of the memory, where `rate` is None.
    """

    name: str
    weights: Sequence[keras.Variable]
    optimizer: Optimizer
    rate: float | None = None
    factor: float = 1.0


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


def starting_slots(
    groups: Sequence[Group], values: Mapping[int, tf.Tensor]
) -> GroupSlots:
    """Returns what the optimisers of groups remember before the first step.

    Args:
        groups: the groups.
        values: of their weights, by the weight's `id`.
    """
    return {
        group.name: group.optimizer.start(
            [values[id(weight)] for weight in group.weights]
        )
        for group in groups
    }


def step_of_groups(
    groups: Sequence[Group],
    values: Mapping[int, tf.Tensor],
    slots: GroupSlots,
    gradients: Mapping[int, tf.Tensor],
    rate: tf.Tensor,
) -> tuple[dict[int, tf.Tensor], GroupSlots]:
    """Returns the values of all weights, and slots, after a step; pure.

    Args:
        groups: the groups.
        values: before it, by the weight's `id`; their order is kept.
        slots: before it.
        gradients: by the weight's `id`.
        rate: step size of the groups that name none, scalar.
    """
    values, new_slots = dict(values), {}
    for group in groups:
        keys = [id(weight) for weight in group.weights]
        moved, new_slots[group.name] = group.optimizer.step(
            [values[key] for key in keys],
            slots[group.name],
            [gradients[key] for key in keys],
            rate * group.factor if group.rate is None else group.rate,
        )
        values.update(zip(keys, moved))
    return values, new_slots
