"""One outer step: references in, updated memory and named scalars out."""

import functools
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from fred_tf import seeds
from fred_tf.disk import files
from fred_tf.distillation.reference_stream import ReferenceStream
from fred_tf.distillation.running_average import average_step
from fred_tf.objectives import Objective, Reference
from fred_tf.optimizers.sgd import sgd_step
from fred_tf.parameterizations import Parameterization
from fred_tf.sequential import repeat

Tensors = list[tf.Tensor]
Scalars = dict[str, tf.Tensor]
# All that a step changes: the lists `variables` (the memory, then what the
# objective learns), `velocities`, `objective` (its state) and `average` (of
# the memory; empty if it is not averaged).
State = dict[str, Tensors]


class Distiller:
    """Lowers an objective in a memory, under a `tf.distribute` strategy.

    A step takes the objective's `references_per_step` references, averages
    the gradients of their losses, and makes one SGD step on the memory and
    one on what the objective learns; then the objective's state moves on.
    References are shared out evenly over the replicas (`ReferenceStream`);
    which replica treats a reference changes nothing but rounding.

    The numeric work is pure functions of tensors: `outer_step`, made of
    `gradients` and `update`. This class adds the variables, the replicas and
    the order of things. Everything random in step k follows from the seed and
    k. A step whose loss or gradient is not finite changes no variable and
    reports `finite` = 0.

    Args:
        parameterization: holds the memory; adapted or about to be restored.
        objective: scores the decoded images.
        memory_learning_rate: step size for the memory.
        memory_momentum: momentum for the memory and the objective's weights.
        seed: the run's integer seed.
        jit: whether to compile the pure functions with XLA.
        strategy: a strategy under whose scope the parameterization and the
            objective were made; the default one if None.
        average: another memory of the same shapes, made under that scope,
            that follows the first as its running average over the steps; None
            averages nothing.
        memory_average: decay of that average, in [0, 1).

    Attributes:
        distilled: the memory to use when all is done: `average`, or the
            parameterization itself.
        checkpoint: a `tf.train.Checkpoint` of everything that a step changes.

    Raises:
        ValueError: `references_per_step` is not a multiple of the replicas.
    """

    def __init__(
        self,
        parameterization: Parameterization,
        objective: Objective,
        memory_learning_rate: float,
        memory_momentum: float,
        seed: int = 0,
        jit: bool = False,
        strategy: tf.distribute.Strategy | None = None,
        average: Parameterization | None = None,
        memory_average: float = 0.0,
    ):
        self.parameterization = parameterization
        self.distilled = average or parameterization
        self.objective = objective
        self.seed = seed
        self.strategy = strategy or tf.distribute.get_strategy()
        self._references = ReferenceStream(objective, seed, self.strategy)
        self._memory_size = len(parameterization.trainable_variables)
        variables = [
            v.value
            for v in (
                *parameterization.trainable_variables,
                *objective.trainable_variables,
            )
        ]
        self._constants = [
            v.value for v in parameterization.non_trainable_variables
        ]
        state = [v.value for v in objective.non_trainable_variables]
        initial = objective.initial_state(seed)
        for variable, value in zip(state, initial, strict=True):
            variable.assign(value)
        self._rates = [memory_learning_rate] * self._memory_size + [
            objective.weight_step
        ] * len(objective.trainable_variables)
        self._momentum = memory_momentum
        self._memory_average = memory_average
        with self.strategy.scope():
            velocities = [
                tf.Variable(tf.zeros_like(v), trainable=False)
                for v in variables
            ]
            self._step = tf.Variable(0, trainable=False, dtype=tf.int64)
        self._state = {
            "variables": variables,
            "velocities": velocities,
            "objective": state,
            "average": [v.value for v in average.trainable_variables]
            if average
            else [],
        }
        self.checkpoint = tf.train.Checkpoint(
            step=self._step,
            memory=[v.value for v in parameterization.variables],
            learned=variables[self._memory_size :],
            velocities=velocities,
            state=state,
            average=[v.value for v in average.variables] if average else [],
        )
        compiled = functools.partial(
            tf.function, jit_compile=jit, autograph=False
        )
        self._gradients = compiled(self.gradients)
        self._update = compiled(self.update)

    @property
    def step(self) -> int:
        """Outer steps made so far."""
        return int(self._step.numpy())

    def learned(self) -> dict[str, float]:
        """Returns what the objective has learned, as named floats."""
        weights = self._state["variables"][self._memory_size :]
        return {
            name: float(weight.numpy())
            for name, weight in zip(self.objective.weight_names, weights)
        }

    def __call__(self) -> dict[str, float]:
        """Makes one outer step.

        Returns:
            `loss`, `gradient_norm` (of the memory) and what the memory tells
            of its parts, `finite` (1 or 0), and what the objective learns,
            after the step.
        """
        scalars = self._outer_step(self._references.next(self.step))
        return {name: float(value) for name, value in scalars.items()}

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
        self.start_average()
        own = self._state["variables"][self._memory_size :]
        for name, variable in zip(self.objective.weight_names, own):
            if name in learned:
                variable.assign(learned[name])

    def start_average(self) -> None:
        """Must be called when the memory has been filled, if it is averaged."""
        if self.distilled is not self.parameterization:
            self.distilled.set_weights(self.parameterization.get_weights())

    def fingerprint(self) -> str:
        """Returns a digest of reference 0: what the real data say here."""
        numbers = tf.data.Dataset.range(1)
        reference = next(iter(self.objective.references(self.seed, numbers)))
        parts = [part.numpy().tobytes() for part in tf.nest.flatten(reference)]
        return files.digest(b"".join(parts))

    def restored(self) -> None:
        """Must be called after restoring, if a step was made before."""
        self._references.reset()

    def tensors(self) -> tuple[State, Tensors]:
        """Returns the state and the constants, as `outer_step` takes them."""
        return tf.nest.map_structure(
            tf.convert_to_tensor, (self._state, self._constants)
        )

    def assign(self, state: State, step: int) -> None:
        """Goes on from a state that `outer_step` made elsewhere.

        Args:
            state: tensors or arrays, see `State`.
            step: outer steps made before.
        """
        self._assign(state)
        self._step.assign(step)
        self.restored()

    def _assign(self, state: State) -> None:
        for variable, value in zip(
            tf.nest.flatten(self._state), tf.nest.flatten(state), strict=True
        ):
            variable.assign(value)

    @tf.function(autograph=False)
    def _outer_step(self, references):
        stream = tf.constant(seeds.named(self.seed, "outer step"))
        first = self._step * self._references.per_step

        def replica(references, first):
            context = tf.distribute.get_replica_context()
            place = tf.cast(context.replica_id_in_sync_group, first.dtype)
            state, constants = self.tensors()
            return self._gradients(
                state["variables"],
                constants,
                state["objective"],
                references,
                stream,
                first + place * self._references.per_replica,
            )

        loss, gradients = tf.nest.map_structure(
            lambda x: self.strategy.reduce(
                tf.distribute.ReduceOp.MEAN, x, axis=None
            ),
            self.strategy.run(replica, args=(references, first)),
        )
        state, constants = self.tensors()
        new, scalars = self._update(
            state,
            constants,
            tf.convert_to_tensor(self._step),
            loss,
            gradients,
        )
        self._assign(new)
        self._step.assign_add(tf.cast(scalars["finite"], tf.int64))
        return scalars

    def outer_step(
        self,
        state: State,
        constants: Tensors,
        references: Reference,
        step: tf.Tensor,
    ) -> tuple[State, Scalars]:
        """Returns the state after a step on one device; pure.

        Args:
            state: see `State`; `tensors` returns the present one.
            constants: the parameterization's fixed tensors.
            references: the step's references stacked along a new first axis
                `[r, ...]`.
            step: integer scalar, outer steps made before.
        """
        count = tf.nest.flatten(references)[0].shape[0]
        loss, gradients = self.gradients(
            state["variables"],
            constants,
            state["objective"],
            references,
            tf.constant(seeds.named(self.seed, "outer step")),
            step * count,
        )
        return self.update(state, constants, step, loss, gradients)

    def decode(
        self, state: State, constants: Tensors
    ) -> tuple[tf.Tensor, Scalars]:
        """Returns all images of a state, and what was learned by name; pure.

        Args:
            state: see `State`; where there is an average, it is decoded.
            constants: the parameterization's fixed tensors.
        """
        memory = state["average"] or state["variables"][: self._memory_size]
        images, _ = self.parameterization.stateless_call(
            memory, constants, tf.range(self.parameterization.instances)
        )
        learned = state["variables"][self._memory_size :]
        return images, dict(zip(self.objective.weight_names, learned))

    def gradients(
        self,
        variables: Tensors,
        constants: Tensors,
        state: Tensors,
        references: Reference,
        stream: tf.Tensor,
        first: tf.Tensor,
    ) -> tuple[tf.Tensor, Tensors]:
        """Returns the mean loss of some references and its gradients; pure.

        Args:
            variables: the memory, then the objective's own weights.
            constants: the parameterization's fixed tensors.
            state: the objective's state.
            references: references stacked along a new first axis `[r, ...]`.
            stream: int32 seed `[2]` of the run's steps.
            first: number of the first of these references in the run.
        """
        count = tf.nest.flatten(references)[0].shape[0]
        labels = self.parameterization.labels

        def one(position, total_loss, totals):
            seed = seeds.fold(stream, first + tf.cast(position, first.dtype))
            drawn = self.parameterization.drawn(seed)
            used = tf.gather(drawn, self.objective.used(drawn.shape[0], seed))
            with tf.GradientTape() as tape:
                tape.watch(variables)
                images, _ = self.parameterization.stateless_call(
                    variables[: self._memory_size], constants, used
                )
                loss, _ = self.objective.stateless_call(
                    variables[self._memory_size :],
                    state,
                    images,
                    tf.gather(labels, used),
                    tf.nest.map_structure(lambda x: x[position], references),
                    seed,
                )
            parts = tape.gradient(loss, variables, unconnected_gradients="zero")
            return (
                total_loss + loss / count,
                [
                    total + tf.convert_to_tensor(part) / count
                    for total, part in zip(totals, parts)
                ],
            )

        zeros = [tf.zeros_like(v) for v in variables]
        none = tf.zeros([], variables[0].dtype)
        loss, totals = repeat(count, one, none, zeros)
        return loss, totals

    def update(
        self,
        state: State,
        constants: Tensors,
        step: tf.Tensor,
        loss: tf.Tensor,
        gradients: Tensors,
    ) -> tuple[State, Scalars]:
        """Returns the state after a step, and its scalars; pure.

        Args:
            state: before the step, see `State`.
            constants: the parameterization's fixed tensors.
            step: integer scalar, outer steps made before.
            loss: of the step.
            gradients: in `variables`.
        """
        size = self._memory_size
        variables, velocities = sgd_step(
            state["variables"],
            state["velocities"],
            gradients,
            self._rates,
            self._momentum,
        )
        variables[:size] = self.parameterization.constrain(variables[:size])
        variables[size:] = self.objective.constrain(variables[size:])
        new = {
            "variables": variables,
            "velocities": velocities,
            "objective": self._advance(variables, constants, state, step),
            "average": average_step(
                state["average"], variables[:size], step, self._memory_average
            )
            if state["average"]
            else [],
        }
        finite = tf.reduce_all(
            [
                tf.reduce_all(tf.math.is_finite(x))
                for x in tf.nest.flatten((loss, gradients, new))
                if x.dtype.is_floating
            ]
        )
        new = tf.nest.map_structure(
            lambda after, before: tf.where(finite, after, before), new, state
        )
        fixed = zip(self.parameterization.non_trainable_variables, constants)
        with keras.StatelessScope(state_mapping=list(fixed)):
            norms = self.parameterization.gradient_norms(gradients[:size])
        return new, {
            "loss": loss,
            "gradient_norm": tf.linalg.global_norm(gradients[:size]),
            **norms,
            "finite": tf.cast(finite, tf.float32),
            **dict(zip(self.objective.weight_names, new["variables"][size:])),
        }

    def _advance(
        self,
        variables: Tensors,
        constants: Tensors,
        state: State,
        step: tf.Tensor,
    ) -> Tensors:
        """Returns the objective's state after its variables were updated."""
        if not state["objective"]:
            return []
        images, _ = self.parameterization.stateless_call(
            variables[: self._memory_size],
            constants,
            tf.range(self.parameterization.instances),
        )
        weights = [
            *zip(
                self.objective.trainable_variables,
                variables[self._memory_size :],
            ),
            *zip(self.objective.non_trainable_variables, state["objective"]),
        ]
        seed = seeds.fold(seeds.named(self.seed, "objective state"), step)
        with keras.StatelessScope(state_mapping=weights):
            labels = tf.constant(self.parameterization.labels)
            return self.objective.advance(images, labels, seed)
