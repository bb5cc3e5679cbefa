"""The contract of an optimiser."""

import abc
from collections.abc import Sequence
from typing import ClassVar

import tensorflow as tf

Tensors = list[tf.Tensor]
# What an optimiser remembers between steps: lists of tensors.
Slots = list[Tensors]


class Optimizer(abc.ABC):
    """A rule by which parameters move, as pure functions of tensors.

    What it remembers, its *slots*, goes in and comes out, so that checkpoints,
    replicas and packs carry it like everything else that a step changes.

    Attributes:
        gain_power: how the step size follows the unit of the parameters. In
            one of which an image takes g ** 0.5 times as many, images move as
            before by g ** `gain_power` times the step size.
    """

    gain_power: ClassVar[float]

    @abc.abstractmethod
    def start(self, parameters: Sequence[tf.Tensor]) -> Slots:
        """Returns the slots before the first step of `parameters`."""

    @abc.abstractmethod
    def step(
        self,
        parameters: Sequence[tf.Tensor],
        slots: Slots,
        gradients: Sequence[tf.Tensor],
        rate: tf.Tensor | float,
    ) -> tuple[Tensors, Slots]:
        """Returns parameters and slots after one step.

        Args:
            parameters, gradients: equally long lists of tensors with matching
                shapes.
            slots: from `start` or the step before.
            rate: step size, scalar.
        """
