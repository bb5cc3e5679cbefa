"""LAMB: Adam's direction, as long as the parameter asks for.

    u = Adam's direction + weight_decay * p
    p <- p - rate * (|p| / |u|) u

per parameter, with the ratio 1 where either length is 0 (You et al. 2020,
algorithm 2, arXiv 1904.00962).
"""

import dataclasses

import tensorflow as tf

from fred_tf.optimizers.adam import Adam


@dataclasses.dataclass(frozen=True)
class LAMB(Adam):
    """The rule above; slots as Adam's.

    Attributes:
        weight_decay: not negative.
        epsilon: of Adam's direction; the source's.
    """

    gain_power = 0.0  # A step is a share of the length.
    epsilon: float = 1e-6
    weight_decay: float = 0.0

    def step(self, parameters, slots, gradients, rate):
        directions, slots = self.directions(slots, gradients)
        moved = []
        for parameter, direction in zip(parameters, directions):
            direction = direction + self.weight_decay * parameter
            length, of_step = tf.norm(parameter), tf.norm(direction)
            ratio = tf.where(
                tf.logical_and(length > 0, of_step > 0),
                tf.math.divide_no_nan(length, of_step),
                tf.ones_like(length),
            )
            moved.append(parameter - rate * ratio * direction)
        return moved, slots
