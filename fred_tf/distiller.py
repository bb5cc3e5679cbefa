"""One outer step: references in, updated memory and named scalars out."""

import functools
from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from fred_tf import files, seeds
from fred_tf.objectives import Objective, Reference
from fred_tf.parameterizations import Parameterization
from fred_tf.sequential import repeat
from fred_tf.sgd import sgd_step

Tensors = list[tf.Tensor]


def references_per_replica(asked: int, replicas: int, name: str) -> int:
    """Returns how many references each replica treats in a step.

    Args:
        asked: references in a step, over all replicas; 0 means one each.
        replicas: devices of all processes together.
        name: what the user calls `asked`, for the error.

    Raises:
        ValueError: `asked` is not a multiple of `replicas`.
    """
    if asked % replicas:
        raise ValueError(
            f"`{name}` must be a multiple of the replicas ({replicas}), or 0 "
            f"for one each. Received: {asked}. Override it, or use other "
            "devices."
        )
    return asked // replicas or 1


class Distiller:
    """Lowers an objective in a memory, under a `tf.distribute` strategy.

    A step takes the objective's `references_per_step` references, averages
    the gradients of their losses, and makes one SGD step on the memory and
    one on what the objective learns; then the objective's state moves on.
    References are shared out evenly over the replicas, and each process makes
    those of its own replicas only; which replica treats a reference changes
    nothing but rounding. The numeric work is the pure functions `gradients`
    and `advance`; this class adds the variables, the replicas and the order
    of things.

    Everything random in step k follows from the seed and k. A step whose loss
    or gradient is not finite changes no variable and reports `finite` = 0.

    Args:
        parameterization: holds the memory; adapted or about to be restored.
        objective: scores the decoded images.
        memory_learning_rate: step size for the memory.
        memory_momentum: momentum for the memory and the objective's weights.
        seed: the run's integer seed.
        jit: whether to compile the pure function with XLA.
        strategy: a strategy under whose scope the parameterization and the
            objective were made; the default one if None.

    Attributes:
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
    ):
        self.parameterization = parameterization
        self.objective = objective
        self.seed = seed
        self.strategy = strategy or tf.distribute.get_strategy()
        self._per_replica = references_per_replica(
            objective.references_per_step,
            self.strategy.num_replicas_in_sync,
            objective.references_per_step_name,
        )
        self._per_step = self._per_replica * self.strategy.num_replicas_in_sync
        self._memory_size = len(parameterization.trainable_variables)
        self._variables = [
            v.value
            for v in (
                *parameterization.trainable_variables,
                *objective.trainable_variables,
            )
        ]
        self._constants = [
            v.value for v in parameterization.non_trainable_variables
        ]
        self._state = [v.value for v in objective.non_trainable_variables]
        for variable, value in zip(
            self._state, objective.initial_state(seed), strict=True
        ):
            variable.assign(value)
        self._rates = [memory_learning_rate] * self._memory_size + [
            objective.weight_step
        ] * len(objective.trainable_variables)
        self._momentum = memory_momentum
        with self.strategy.scope():
            self._velocities = [
                tf.Variable(tf.zeros_like(v), trainable=False)
                for v in self._variables
            ]
            self._step = tf.Variable(0, trainable=False, dtype=tf.int64)
        self.checkpoint = tf.train.Checkpoint(
            step=self._step,
            memory=[v.value for v in parameterization.variables],
            learned=self._variables[self._memory_size :],
            velocities=self._velocities,
            state=self._state,
        )
        compiled = functools.partial(
            tf.function, jit_compile=jit, autograph=False
        )
        self._gradients = compiled(self.gradients)
        self._advance = compiled(self.advance)
        self._references: dict[int, Iterator[Reference]] = {}

    @property
    def step(self) -> int:
        """Outer steps made so far."""
        return int(self._step.numpy())

    def learned(self) -> dict[str, float]:
        """Returns what the objective has learned, as named floats."""
        weights = self._variables[self._memory_size :]
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
        scalars = self._outer_step(self._next_references())
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
        own = self._variables[self._memory_size :]
        for name, variable in zip(self.objective.weight_names, own):
            if name in learned:
                variable.assign(learned[name])

    def fingerprint(self) -> str:
        """Returns a digest of reference 0: what the real data say here."""
        numbers = tf.data.Dataset.range(1)
        reference = next(iter(self.objective.references(self.seed, numbers)))
        parts = [part.numpy().tobytes() for part in tf.nest.flatten(reference)]
        return files.digest(b"".join(parts))

    def restored(self) -> None:
        """Must be called after restoring, if a step was made before."""
        self._references = {}

    def _next_references(self) -> Reference:
        def of_replica(context):
            replica = context.replica_id_in_sync_group
            if replica not in self._references:
                self._references[replica] = iter(self._stream(replica))
            return next(self._references[replica])

        return self.strategy.experimental_distribute_values_from_function(
            of_replica
        )

    def _stream(self, replica: int) -> tf.data.Dataset:
        """Streams what one replica treats: `[per replica, ...]` a step."""
        each, all_replicas = self._per_replica, self._per_step
        first = self.step * all_replicas + replica * each
        numbers = tf.data.Dataset.counter(first, all_replicas).flat_map(
            lambda number: tf.data.Dataset.range(number, number + each)
        )
        references = self.objective.references(self.seed, numbers)
        # An iterator that tunes itself is deleted only when its tuner wakes
        # up, which takes up to a minute each.
        options = tf.data.Options()
        options.autotune.enabled = False
        # Read ahead as whole batches, so that no step waits for one.
        batches = references.batch(each, drop_remainder=True).prefetch(2)
        return batches.with_options(options)

    @tf.function(autograph=False)
    def _outer_step(self, references):
        stream = tf.constant(seeds.named(self.seed, "outer step"))
        first = self._step * self._per_step

        def replica(references, first):
            context = tf.distribute.get_replica_context()
            place = tf.cast(context.replica_id_in_sync_group, first.dtype)
            return self._gradients(
                _tensors(self._variables),
                _tensors(self._constants),
                _tensors(self._state),
                references,
                stream,
                first + place * self._per_replica,
            )

        loss, gradients = self.strategy.run(replica, args=(references, first))
        mean = tf.distribute.ReduceOp.MEAN
        loss = self.strategy.reduce(mean, loss, axis=None)
        gradients = [
            self.strategy.reduce(mean, g, axis=None) for g in gradients
        ]
        return self._update(loss, gradients)

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
        loss, totals = repeat(count, one, tf.constant(0.0), zeros)
        return loss, totals

    def advance(
        self,
        variables: Tensors,
        constants: Tensors,
        state: Tensors,
        seed: tf.Tensor,
    ) -> Tensors:
        """Returns the objective's state after an update; pure.

        Args:
            variables: the updated ones; the others as for `gradients`.
            constants: see there.
            state: the state before.
            seed: int32 `[2]`, of the step.
        """
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
            *zip(self.objective.non_trainable_variables, state),
        ]
        with keras.StatelessScope(state_mapping=weights):
            labels = tf.constant(self.parameterization.labels)
            return self.objective.advance(images, labels, seed)

    def _update(self, loss: tf.Tensor, gradients: Tensors):
        size = self._memory_size
        held = [*self._variables, *self._velocities, *self._state]
        old = _tensors(held)
        count = len(gradients)
        variables, velocities = sgd_step(
            old[:count],
            old[count : 2 * count],
            gradients,
            self._rates,
            self._momentum,
        )
        variables[:size] = self.parameterization.constrain(variables[:size])
        variables[size:] = self.objective.constrain(variables[size:])
        state = old[2 * count :]
        if state:
            seed = seeds.fold(
                seeds.named(self.seed, "objective state"), self._step
            )
            state = self._advance(
                variables, _tensors(self._constants), state, seed
            )
        new = [*variables, *velocities, *state]
        finite = tf.reduce_all(
            [
                tf.reduce_all(tf.math.is_finite(x))
                for x in (loss, *gradients, *new)
                if x.dtype.is_floating
            ]
        )
        new = [tf.where(finite, b, a) for a, b in zip(old, new, strict=True)]
        for variable, value in zip(held, new):
            variable.assign(value)
        self._step.assign_add(tf.cast(finite, tf.int64))
        return {
            "loss": loss,
            "gradient_norm": tf.linalg.global_norm(gradients[:size]),
            **self.parameterization.gradient_norms(gradients[:size]),
            "finite": tf.cast(finite, tf.float32),
            **dict(zip(self.objective.weight_names, new[size:])),
        }


def _tensors(variables: list[tf.Variable]) -> Tensors:
    return [tf.convert_to_tensor(variable) for variable in variables]
