"""The variables of a run, and the replicas that share its steps."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from fred_tf.disk import files
from fred_tf.distillation import memory_step
from fred_tf.distillation.outer_step import OuterStep, State
from fred_tf.distillation.reference_stream import ReferenceStream
from fred_tf.objectives import Objective
from fred_tf.optimizers.optimizer import Tensors
from fred_tf.parameterizations import Parameterization
from fred_tf.settings import Settings, check_least


@dataclasses.dataclass(frozen=True)
class DistillerSettings(Settings):
    """Settings of `Distiller`.

    Attributes:
        memory_learning_rate: step size of the memory; 0 means the usual one of
            the parameterization and the objective, or where none is known one
            that is measured, see `memory_step.py`.
        memory_momentum: momentum for the memory and the objective's weights.
        memory_average: decay of the running average of the memory that is
            kept as the result; 0 keeps the last memory.
        references_per_step: references (class batches, expert segments) that a
            step averages, over all replicas; 0 means one per replica.
    """

    memory_learning_rate: float = 0.0
    memory_momentum: float = 0.5
    memory_average: float = 0.0
    references_per_step: int = 0

    def __post_init__(self):
        check_least("memory_learning_rate", self.memory_learning_rate, 0)
        check_least("memory_momentum", self.memory_momentum, 0)
        check_least("references_per_step", self.references_per_step, 0)
        if not 0 <= self.memory_average < 1:
            raise ValueError(
                "`distiller.memory_average` is a decay, from 0, which keeps "
                f"the last memory, to below 1. Received: {self.memory_average}."
            )


class Distiller:
    """Lowers an objective in a memory, under a `tf.distribute` strategy.

    A step takes some references, averages the gradients of their losses, and
    moves the memory and what the objective learns, each group by its
    optimiser; then the objective's state moves on. References are shared out
    evenly over the replicas (`ReferenceStream`); which replica treats a
    reference changes nothing but rounding.

    The numeric work is `OuterStep`. This class adds the variables and the
    replicas. A step whose loss or gradient is not finite changes no variable
    and reports `finite` = 0.

    A new one is empty: fill it by `adapt` or `start_from`, or restore its
    checkpoint.

    Args:
        parameterization: holds the memory.
        objective: scores the decoded images.
        settings: see `DistillerSettings`.
        seed: the run's integer seed.
        jit: whether to compile the pure functions with XLA.
        strategy: a strategy under whose scope the parameterization and the
            objective were made; the default one if None.

    Attributes:
        distilled: the memory to use when all is done: the running average, or
            the parameterization itself.
        checkpoint: a `tf.train.Checkpoint` of everything that a step changes.
        outer_step: the pure functions.

    Raises:
        ValueError: `references_per_step` is not a multiple of the replicas, or
            the memory and the objective do not fit, see `OuterStep`.
    """

    Settings = DistillerSettings

    def __init__(
        self,
        parameterization: Parameterization,
        objective: Objective,
        settings: DistillerSettings,
        seed: int = 0,
        jit: bool = False,
        strategy: tf.distribute.Strategy | None = None,
    ):
        self.parameterization = parameterization
        self.objective = objective
        self.settings = settings
        self.seed = seed
        self.strategy = strategy or tf.distribute.get_strategy()
        self._references = ReferenceStream(
            objective, settings.references_per_step, seed, self.strategy
        )
        self.outer_step = OuterStep.of(
            parameterization,
            objective,
            settings.memory_momentum,
            seed,
            settings.memory_average,
        )
        self.distilled = parameterization
        with self.strategy.scope():
            if settings.memory_average:
                self.distilled = type(parameterization).from_config(
                    parameterization.get_config()
                )
            self._step = tf.Variable(0, trainable=False, dtype=tf.int64)
            self._state = self._make_variables()
        self._constants = [
            v.value for v in parameterization.non_trainable_variables
        ]
        self.checkpoint = tf.train.Checkpoint(
            step=self._step,
            memory=[v.value for v in parameterization.variables],
            learned=self._state.learned,
            slots=self._state.slots,
            state=self._state.objective,
            average=[v.value for v in self.distilled.variables]
            if settings.memory_average
            else [],
            rate=self._state.rate,
        )
        compiled = functools.partial(
            tf.function, jit_compile=jit, autograph=False
        )
        self._gradients = compiled(self.outer_step.gradients)
        self._update = compiled(self.outer_step.update)

    def _make_variables(self) -> State:
        """Returns the variables of a run that has not begun."""
        memory = [v.value for v in self.parameterization.trainable_variables]
        learned = [v.value for v in self.objective.trainable_variables]
        objective = [v.value for v in self.objective.non_trainable_variables]
        first = self.objective.initial_state(self.seed)
        for variable, value in zip(objective, first, strict=True):
            variable.assign(value)
        slots = self.outer_step.starting_slots(memory, learned)
        averaged = self.distilled is not self.parameterization
        return State(
            memory,
            learned,
            tf.nest.map_structure(
                lambda x: tf.Variable(x, trainable=False), slots
            ),
            objective,
            [v.value for v in self.distilled.trainable_variables]
            if averaged
            else [],
            tf.Variable(
                self.settings.memory_learning_rate,
                trainable=False,
                dtype=memory[0].dtype,
            ),
        )

    @property
    def step(self) -> int:
        """Outer steps made so far."""
        return int(self._step.numpy())

    @property
    def rate(self) -> float:
        """Step size of the memory, given or measured."""
        return float(self._state.rate.numpy())

    def learned(self) -> dict[str, float]:
        """Returns what the objective has learned, as named floats."""
        names = self.objective.weight_names
        return {
            name: float(weight.numpy())
            for name, weight in zip(names, self._state.learned)
        }

    def __call__(self) -> dict[str, float]:
        """Makes one outer step.

        Returns:
            `loss`, `gradient_norm` (of the memory) and what the memory tells
            of its parts, `finite` (1 or 0), and what the objective learns,
            after the step.
        """
        scalars = self._make_step(self._references.next(self.step))
        return {name: float(value) for name, value in scalars.items()}

    def adapt(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Begins with real images.

        Args:
            images: normalised float32 `[n, *image_shape]`.
            labels: int `[n]`.

        Raises:
            ValueError: a class has fewer images than are needed, or a step
                size must be measured and cannot.
        """
        self.parameterization.adapt(images, labels, self.seed)
        self._begin()

    def start_from(
        self, weights: Sequence[np.ndarray], learned: Mapping[str, float]
    ) -> None:
        """Begins with the memory of another run instead of real images.

        Args:
            weights: of a parameterization of the same shapes.
            learned: what that run's objective learned; names that this one
                does not know are ignored.
        """
        self.parameterization.set_weights(weights)
        names = self.objective.weight_names
        for name, variable in zip(names, self._state.learned):
            if name in learned:
                variable.assign(learned[name])
        self._begin()

    def _begin(self) -> None:
        """Brings what follows from the first memory in line with it."""
        if self.distilled is not self.parameterization:
            self.distilled.set_weights(self.parameterization.get_weights())
        if self.settings.memory_learning_rate or not self.outer_step.measured:
            return
        references = self._first_references(memory_step.REFERENCES)
        measured = memory_step.measured_step(
            self.outer_step, *self.tensors(), references
        )
        self._state.rate.assign(measured)
        logging.info("The memory's step size is measured: %.4g.", measured)

    def fingerprint(self) -> str:
        """Returns a digest of reference 0: what the real data say here."""
        reference = self._first_references(1)
        parts = [part.numpy().tobytes() for part in tf.nest.flatten(reference)]
        return files.digest(b"".join(parts))

    def _first_references(self, count: int) -> Any:
        numbers = tf.data.Dataset.range(count)
        references = self.objective.references(self.seed, numbers)
        return next(iter(references.batch(count)))

    def tensors(self) -> tuple[State, Tensors]:
        """Returns the state and the constants, as `outer_step` takes them."""
        return tf.nest.map_structure(
            tf.convert_to_tensor, (self._state, self._constants)
        )

    def assign(self, state: State, step: int) -> None:
        """Goes on from a state that `outer_step` made elsewhere.

        Args:
            state: tensors or arrays.
            step: outer steps made before.
        """
        self._assign(state)
        self._step.assign(step)

    def _assign(self, state: State) -> None:
        for variable, value in zip(
            tf.nest.flatten(self._state), tf.nest.flatten(state), strict=True
        ):
            variable.assign(value)

    @tf.function(autograph=False)
    def _make_step(self, references):
        first = self._step * self._references.per_step

        def replica(references, first):
            context = tf.distribute.get_replica_context()
            place = tf.cast(context.replica_id_in_sync_group, first.dtype)
            return self._gradients(
                *self.tensors(),
                references,
                first + place * self._references.per_replica,
            )

        loss, gradients = tf.nest.map_structure(
            lambda x: self.strategy.reduce(
                tf.distribute.ReduceOp.MEAN, x, axis=None
            ),
            self.strategy.run(replica, args=(references, first)),
        )
        new, scalars = self._update(
            *self.tensors(),
            tf.convert_to_tensor(self._step),
            loss,
            gradients,
        )
        self._assign(new)
        self._step.assign_add(tf.cast(scalars["finite"], tf.int64))
        return scalars
