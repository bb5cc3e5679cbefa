"""One outer step as pure functions: a state and references in, a state out."""

import dataclasses
import functools
from typing import Any

import keras
import tensorflow as tf

from fred_tf import seeds
from fred_tf.distillation import memory_step, outliers, penalties
from fred_tf.distillation.running_average import average_step
from fred_tf.distillation.state import Gradients, State, is_finite, where
from fred_tf.objectives import Objective, Reference, check_label_kind
from fred_tf.optimizers import SGD, Group, Optimizer
from fred_tf.optimizers.group import (
    GroupSlots,
    check_groups,
    starting_slots,
    step_of_groups,
)
from fred_tf.optimizers.optimizer import Tensors
from fred_tf.parameterizations import Parameterization
from fred_tf.sequential import repeat

Scalars = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True, eq=False)
class OuterStep:
    """Lowers an objective in a memory; functions of tensors alone.

    Nothing here reads or writes a variable, knows of replicas, or remembers a
    step: everything random in step k follows from the seed and k.

    Attributes:
        parameterization: decodes the memory.
        objective: scores the decoded images.
        groups: how all trainable weights are learned.
        seed: the run's integer seed.
        memory_average: decay of the running average of the memory, in [0, 1).
        outlier_factor: see `outliers.is_outlier`.
        share: of the images' deviation, by which the first step is to move
            them where `State.rate` is 0; 0 where the rate is given.
        settling_steps: for how many steps the rate follows that.
        schedule: of the rate.

    Raises:
        ValueError: a weight belongs to no group or to several, or the memory
            learns labels that the objective does not take.
    """

    parameterization: Parameterization
    objective: Objective
    groups: tuple[Group, ...]
    seed: int
    memory_average: float = 0.0
    outlier_factor: float = 0.0
    share: float = 0.0
    settling_steps: int = 0
    schedule: memory_step.Schedule = memory_step.Schedule()

    @classmethod
    def of(
        cls,
        parameterization: Parameterization,
        objective: Objective,
        momentum: float,
        seed: int,
        optimizer: Optimizer | None = None,
        **more: Any,
    ) -> "OuterStep":
        """Returns the step of a memory and an objective, in their own groups.

        Args:
            parameterization, objective, seed: see above.
            momentum: of SGD, by which all moves that does not say otherwise.
            optimizer: of the memory; SGD if None.
            **more: the other attributes.
        """
        how, groups = optimizer or SGD(momentum), []
        for owner, own in (
            (parameterization, parameterization.groups(how)),
            (objective, objective.groups(momentum)),
        ):
            check_groups(own, owner.trainable_weights, type(owner).__name__)
            groups += own
        kind, taken = parameterization.label_kind, objective.label_kinds
        check_label_kind(kind, taken, type(objective).__name__)
        return cls(parameterization, objective, tuple(groups), seed, **more)

    def __call__(
        self,
        state: State,
        constants: Tensors,
        references: Reference,
        step: tf.Tensor,
    ) -> tuple[State, Scalars]:
        """Returns the state after a step on one device.

        Args:
            state: before it.
            constants: the parameterization's fixed tensors.
            references: the step's references stacked along a new first axis
                `[r, ...]`.
            step: integer scalar, outer steps made before; below 0 the step is
                only measured.
        """
        first = step * tf.nest.flatten(references)[0].shape[0]
        loss, gradients = self.gradients(state, constants, references, first)
        reference = self.objective.followed(references)
        return self.update(state, constants, step, loss, gradients, reference)

    def result(
        self, state: State, constants: Tensors
    ) -> tuple[tf.Tensor, tf.Tensor, Scalars]:
        """Returns all images and labels, and what was learned by name.

        If the memory is averaged, they are those of the average.
        """
        memory = state.average or state.memory
        names = self.objective.weight_names
        learned = dict(zip(names, state.learned))
        return *self.decoded(memory, constants), learned

    def decoded(
        self,
        memory: Tensors,
        constants: Tensors,
        indices: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns images and labels of some instances, all if None."""
        if indices is None:
            indices = tf.range(self.parameterization.instances)
        images, _ = self.parameterization.stateless_call(
            memory, constants, indices
        )
        with self._holding(memory, constants):
            soft = self.parameterization.soft_labels()
        labels = self.parameterization.labels if soft is None else soft
        return images, tf.gather(labels, indices)

    def gradients(
        self,
        state: State,
        constants: Tensors,
        references: Reference,
        first: tf.Tensor,
        seed: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, Gradients]:
        """Returns the mean loss of some references and its gradients.

        Args:
            state: before the step.
            constants: the parameterization's fixed tensors.
            references: stacked along a new first axis `[r, ...]`.
            first: number of the first of these references in the run.
            seed: int32 `[2]` from which what is random follows; that of the
                run's steps if None.
        """
        count = tf.nest.flatten(references)[0].shape[0]
        if seed is None:
            seed = tf.constant(seeds.named(self.seed, "outer step"))
        size = len(state.memory)
        variables = [*state.memory, *state.learned]

        def one(position, total_loss, totals):
            own = seeds.fold(seed, first + tf.cast(position, first.dtype))
            drawn = self.parameterization.drawn(own)
            used = tf.gather(drawn, self.objective.used(drawn.shape[0], own))
            with tf.GradientTape() as tape:
                tape.watch(variables)
                images, labels = self.decoded(variables[:size], constants, used)
                loss, _ = self.objective.stateless_call(
                    variables[size:],
                    state.objective,
                    images,
                    labels,
                    tf.nest.map_structure(lambda x: x[position], references),
                    own,
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
        return loss, Gradients(totals[:size], totals[size:])

    def update(
        self,
        state: State,
        constants: Tensors,
        step: tf.Tensor,
        loss: tf.Tensor,
        gradients: Gradients,
        reference: Reference,
    ) -> tuple[State, Scalars]:
        """Returns the state after a step, and its scalars.

        A step that is an outlier changes nothing but the watch.

        Args:
            state, constants, step: as for a call.
            loss, gradients: of the step's objective.
            reference: what the objective `followed` of the step's.

        Returns:
            The scalars are `loss`, `gradient_norm` of the memory and of its
            parts, what its penalty tells, `usual_gradient_norm` that it was
            compared with, the number `skipped` so far, the step's
            `memory_learning_rate`, what the objective learns; and `trouble`
            and `last_good`, see `outliers.py`.
        """
        watch, following = state.watch, (self.share, self.settling_steps)
        known = memory_step.known_rate(state.rate, watch, step, *following)
        state = state._replace(rate=known)
        rate = memory_step.scheduled(state.rate, step, self.schedule)
        with self._holding(state.memory, constants):
            gradients, told = penalties.added(
                self.parameterization, state.memory, gradients
            )
        with self._holding([], constants):  # Which bound some memories.
            new = self._moved(state, step, gradients, rate)
        advanced = self._advanced(new, constants, step, loss, reference)
        new = new._replace(objective=advanced)
        norm = tf.linalg.global_norm(gradients.memory)
        finite = is_finite((loss, gradients, new))
        odd = outliers.is_outlier(watch, norm, finite, self.outlier_factor)
        made = ~odd & (step >= 0)
        seen = outliers.measured(watch, norm, finite)
        move = functools.partial(
            self._move, state.memory, constants, gradients.memory
        )
        seen = memory_step.followed(seen, known, step, *following, move)
        health = self.objective.health(loss, state.learned)
        after = outliers.after_step(seen, step, made, health)
        trouble = outliers.trouble(after, self.outlier_factor)
        new = where(made, new, state)
        new = new._replace(watch=where(step < 0, seen, after))
        return new, {
            "loss": loss,
            "gradient_norm": norm,
            **told,
            "usual_gradient_norm": outliers.usual(watch.norms),
            "skipped": tf.cast(new.watch.skipped, loss.dtype),
            "memory_learning_rate": rate,
            **dict(zip(self.objective.weight_names, new.learned)),
            "trouble": tf.cast(trouble, loss.dtype),
            "last_good": tf.cast(new.watch.good, loss.dtype),
        }

    def _move(
        self, memory: Tensors, constants: Tensors, gradients: Tensors
    ) -> tf.Tensor:
        """Returns how far the step size of the run would move the images."""
        free = {id(w) for g in self.groups if g.rate is None for w in g.weights}
        slopes = [
            slope if id(weight) in free else tf.zeros_like(slope)
            for slope, weight in zip(
                gradients, self.parameterization.trainable_weights
            )
        ]
        with self.parameterization.unrounded():
            return memory_step.move(
                lambda memory: self.decoded(memory, constants)[0],
                memory,
                slopes,
                self.share,
            )

    def starting_slots(self, memory: Tensors, learned: Tensors) -> GroupSlots:
        """Returns what the optimisers remember before the first step."""
        return starting_slots(self.groups, self._by_weight(memory, learned))

    def _moved(
        self,
        state: State,
        step: tf.Tensor,
        gradients: Gradients,
        rate: tf.Tensor,
    ) -> State:
        """Returns the state with all weights moved on, each by its group."""
        moved, slots = step_of_groups(
            self.groups,
            self._by_weight(state.memory, state.learned),
            state.slots,
            self._by_weight(gradients.memory, gradients.learned),
            rate,
        )
        values, size = list(moved.values()), len(state.memory)
        memory = self.parameterization.constrain(values[:size])
        learned = self.objective.constrain(values[size:])
        average = state.average and average_step(
            state.average, memory, step, self.memory_average
        )
        return state._replace(
            memory=memory, learned=learned, slots=slots, average=average
        )

    def _by_weight(
        self, memory: Tensors, learned: Tensors
    ) -> dict[int, tf.Tensor]:
        weights = [
            *self.parameterization.trainable_weights,
            *self.objective.trainable_weights,
        ]
        return dict(zip(map(id, weights), [*memory, *learned], strict=True))

    def _holding(
        self, memory: Tensors, constants: Tensors
    ) -> keras.StatelessScope:
        """Lets the parameterization read these tensors in a `with` block."""
        own = self.parameterization
        return keras.StatelessScope(
            state_mapping=[
                *zip(own.trainable_variables, memory),
                *zip(own.non_trainable_variables, constants),
            ]
        )

    def _advanced(
        self,
        state: State,
        constants: Tensors,
        step: tf.Tensor,
        loss: tf.Tensor,
        reference: Reference,
    ) -> Tensors:
        """Returns the objective's state after the weights were updated."""
        if not state.objective:
            return []
        images, labels = self.decoded(state.memory, constants)
        own = self.objective
        weights = [
            *zip(own.trainable_variables, state.learned),
            *zip(own.non_trainable_variables, state.objective),
        ]
        seed = seeds.fold(seeds.named(self.seed, "objective state"), step)
        with keras.StatelessScope(state_mapping=weights):
            return own.advance(images, labels, loss, seed, reference)
