"""The variables of a run, and the replicas that share its steps."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf.coresets import Choice
from fred_tf.disk import files
from fred_tf.distillation import memory_step, outliers
from fred_tf.distillation.distiller_settings import DistillerSettings
from fred_tf.distillation.outer_step import OuterStep
from fred_tf.distillation.reference_stream import (
    ReferenceStream,
    of_first_replica,
)
from fred_tf.distillation.state import State
from fred_tf.objectives import Objective
from fred_tf.optimizers.optimizer import Tensors
from fred_tf.parameterizations import Parameterization


class Distiller:
    """Lowers an objective in a memory, under a `tf.distribute` strategy.

    A step takes some references, averages the gradients of their losses, and
    moves the memory and what the objective learns, each group by its
    optimiser; then the objective's state moves on. References are shared out
    evenly over the replicas (`ReferenceStream`); which replica treats a
    reference changes nothing but rounding. Where the state follows a reference,
    the first replica sends its first one to all.

    The numeric work is `OuterStep`. This class adds the variables and the
    replicas. Before the first step some are measured only, see `outliers.py`;
    where every finite step is made, one that is not finite is not counted.

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
            settings.optimizer(),
            memory_average=settings.memory_average,
            outlier_factor=settings.outlier_factor,
            share=0.0
            if settings.memory_learning_rate
            else settings.memory_share or memory_step.SHARE,
            settling_steps=settings.settling_steps,
            schedule=memory_step.Schedule(
                settings.warm_up_steps,
                settings.decay_steps,
                settings.drops,
                settings.drop_factor,
            ),
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
            watch=self._state.watch._asdict(),
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
        watch = outliers.start(memory[0].dtype)
        averaged = self.distilled is not self.parameterization
        return State(
            memory,
            learned,
            _variables(slots),
            objective,
            _variables(watch),
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
        """Step size of the memory, given or measured; 0 until it is."""
        return float(self._state.rate.numpy())

    @rate.setter
    def rate(self, value: float) -> None:
        self._state.rate.assign(value)
        # It no longer follows what was measured.
        moves = self._state.watch.moves
        moves.assign(-tf.ones_like(moves))

    @property
    def last_good(self) -> int:
        """Outer steps after which the run was last known to be good."""
        return int(self._state.watch.good.numpy())

    def learned(self) -> dict[str, float]:
        """Returns what the objective has learned, as named floats."""
        names = self.objective.weight_names
        return {
            name: float(weight.numpy())
            for name, weight in zip(names, self._state.learned)
        }

    def __call__(self) -> dict[str, float]:
        """Makes one outer step, and measures some before the first.

        Returns:
            The scalars of `OuterStep.update`.
        """
        if self.step == 0:
            self._measure()
        scalars = self._make_step(self._references.next(self.step))
        return {name: float(value) for name, value in scalars.items()}

    def _measure(self) -> None:
        """Makes the steps before the first, unless they were made.

        Raises:
            ValueError: a step size is looked for where the loss does not move
                the images.
        """
        free = any(group.rate is None for group in self.outer_step.groups)
        rated = self.rate > 0 or not free
        if rated and not self.settings.outlier_factor:
            return
        if self._state.watch.norms.numpy()[-1] < 0:
            for number in range(-outliers.MEASURED, 0):
                self._step.assign(number)
                self._make_step(self._references.next(number))
            self._step.assign(0)  # Also where the last is not finite.
        move = float(outliers.usual(self._state.watch.moves))
        if not rated and not 0 < move < self._state.rate.dtype.max:
            raise ValueError(
                "A step size can be measured where the loss moves the images. "
                f"Received: steps that move them by {move:g} of their "
                "deviation. Give `distiller.memory_learning_rate`."
            )

    def adapt(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        choose: Choice | None = None,
    ) -> None:
        """Begins with real images.

        Args:
            images: normalised float32 `[n, *image_shape]`.
            labels: int `[n]`.
            choose: which of them; None draws them.

        Raises:
            ValueError: a class has fewer images than are needed, or a step
                size must be measured and cannot.
        """
        self.parameterization.adapt(images, labels, self.seed, choose)
        self._begin()

    def start_from(
        self, weights: Sequence[np.ndarray], learned: Mapping[str, float]
    ) -> None:
        """Begins with the memory of another run instead of real images.

        Args:
            weights: of a parameterization of the same shapes.
            learned: what that run's objective learned, see
                `Objective.started`.
        """
        self.parameterization.set_weights(weights)
        own = self._state.learned
        for variable, value in zip(own, self.objective.started(own, learned)):
            variable.assign(value)
        self._begin()

    def _begin(self) -> None:
        """Brings what follows from the first memory in line with it."""
        state, constants = self.tensors()
        self.objective.check_start(
            lambda: self.outer_step.decoded(state.memory, constants)
        )
        if self.distilled is not self.parameterization:
            self.distilled.set_weights(self.parameterization.get_weights())

    def fingerprint(self) -> str:
        """Returns a digest of reference 0: what the real data say here."""
        numbers = tf.data.Dataset.range(1)
        references = self.objective.references(self.seed, numbers).batch(1)
        reference = next(iter(references))
        parts = [part.numpy().tobytes() for part in tf.nest.flatten(reference)]
        return files.digest(b"".join(parts))

    def tensors(self) -> tuple[State, Tensors]:
        """Returns the state and the constants, as `outer_step` takes them."""
        return tf.nest.map_structure(
            tf.convert_to_tensor, (self._state, self._constants)
        )

    def assign(
        self, state: State, step: int, constants: Tensors | None = None
    ) -> None:
        """Goes on from a state that `outer_step` made elsewhere.

        Args:
            state: tensors or arrays.
            step: outer steps made before.
            constants: those it was made with; None for the present ones.
        """
        self._assign(state)
        self._step.assign(step)
        if constants is None:
            return
        for memory in (self.parameterization, self.distilled):
            fixed = memory.non_trainable_variables
            for variable, value in zip(fixed, constants, strict=True):
                variable.assign(value)

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
            found = self._gradients(
                *self.tensors(),
                references,
                first + place * self._references.per_replica,
            )
            return found, self.objective.followed(references)

        found, followed = self.strategy.run(replica, args=(references, first))
        loss, gradients = tf.nest.map_structure(
            lambda x: self.strategy.reduce(
                tf.distribute.ReduceOp.MEAN, x, axis=None
            ),
            found,
        )
        reference = of_first_replica(self.strategy, followed)
        new, scalars = self._update(
            *self.tensors(),
            tf.convert_to_tensor(self._step),
            loss,
            gradients,
            reference,
        )
        self._assign(new)
        skipping = self.settings.outlier_factor > 0
        self._step.assign_add(
            tf.cast(skipping | (scalars["trouble"] != 1), tf.int64)
        )
        return scalars


def _variables(values: Any) -> Any:
    """Returns variables in the structure of some tensors."""
    return tf.nest.map_structure(
        lambda x: tf.Variable(x, trainable=False), values
    )
