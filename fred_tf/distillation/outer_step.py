"""One outer step as pure functions: a state and references in, a state out."""

import dataclasses
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from fred_tf import seeds
from fred_tf.distillation.running_average import average_step
from fred_tf.objectives import Objective, Reference
from fred_tf.optimizers import Group
from fred_tf.optimizers.group import check_groups
from fred_tf.optimizers.optimizer import Slots, Tensors
from fred_tf.parameterizations import Parameterization
from fred_tf.sequential import repeat

Scalars = dict[str, tf.Tensor]


class State(NamedTuple):
    """All that a step changes, and the step size that it was begun with.

    Attributes:
        memory: the trainable weights of the parameterization.
        learned: those of the objective.
        slots: what the optimiser of each group remembers, by group.
        objective: the objective's state.
        average: running average of the memory; empty if it is not averaged.
        rate: step size of the groups that name none, scalar.
    """

    memory: Tensors
    learned: Tensors
    slots: dict[str, Slots]
    objective: Tensors
    average: Tensors
    rate: tf.Tensor


class Gradients(NamedTuple):
    """Of a loss, in `State.memory` and in `State.learned`."""

    memory: Tensors
    learned: Tensors


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

    Raises:
        ValueError: a weight belongs to no group or to several, or the memory
            learns labels that the objective does not take.
    """

    parameterization: Parameterization
    objective: Objective
    groups: tuple[Group, ...]
    seed: int
    memory_average: float = 0.0

    @classmethod
    def of(
        cls,
        parameterization: Parameterization,
        objective: Objective,
        momentum: float,
        seed: int,
        memory_average: float = 0.0,
    ) -> "OuterStep":
        """Returns the step of a memory and an objective, in their own groups.

        Args:
            parameterization, objective, seed, memory_average: see above.
            momentum: that groups take unless they say otherwise.
        """
        groups = []
        for owner, weights in (
            (parameterization, parameterization.trainable_weights),
            (objective, objective.trainable_weights),
        ):
            own = owner.groups(momentum)
            check_groups(own, weights, type(owner).__name__)
            groups += own
        soft = parameterization.soft_labels() is not None
        if soft and not objective.takes_soft_labels:
            raise ValueError(
                f"The memory {type(parameterization).__name__} learns its "
                f"labels, which {type(objective).__name__} says nothing of. "
                "Choose an `objective.name` that takes soft labels, or another "
                "memory."
            )
        return cls(
            parameterization, objective, tuple(groups), seed, memory_average
        )

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
            step: integer scalar, outer steps made before.
        """
        first = step * tf.nest.flatten(references)[0].shape[0]
        loss, gradients = self.gradients(state, constants, references, first)
        return self.update(state, constants, step, loss, gradients)

    def result(
        self, state: State, constants: Tensors
    ) -> tuple[tf.Tensor, tf.Tensor, Scalars]:
        """Returns all images and labels, and what was learned by name.

        Where there is an average of the memory, it is decoded.
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
    ) -> tuple[State, Scalars]:
        """Returns the state after a step, and its scalars.

        A step of which anything is not finite changes nothing, and reports
        `finite` = 0.

        Args:
            state: before the step.
            constants: the parameterization's fixed tensors.
            step: integer scalar, outer steps made before.
            loss: of the step.
            gradients: of the step.
        """
        memory, learned, slots = self._moved(state, gradients)
        memory = self.parameterization.constrain(memory)
        learned = self.objective.constrain(learned)
        new = state._replace(memory=memory, learned=learned, slots=slots)
        new = new._replace(
            objective=self._advanced(new, constants, step, loss),
            average=average_step(
                state.average, memory, step, self.memory_average
            )
            if state.average
            else [],
        )
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
        with self._holding([], constants):
            norms = self.parameterization.gradient_norms(gradients.memory)
        return new, {
            "loss": loss,
            "gradient_norm": tf.linalg.global_norm(gradients.memory),
            **norms,
            "finite": tf.cast(finite, tf.float32),
            **dict(zip(self.objective.weight_names, new.learned)),
        }

    @property
    def measured(self) -> list[Group]:
        """The groups that name no step size and take that of the memory."""
        return [group for group in self.groups if group.rate is None]

    def starting_slots(self, memory: Tensors, learned: Tensors) -> Any:
        """Returns what the optimisers remember before the first step."""
        of_weight = self._by_weight(memory, learned)
        return {
            group.name: group.optimizer.start(
                [of_weight[id(weight)] for weight in group.weights]
            )
            for group in self.groups
        }

    def _moved(
        self, state: State, gradients: Gradients
    ) -> tuple[Tensors, Tensors, dict[str, Slots]]:
        """Returns memory, what is learned, and slots, each group moved on."""
        of_weight = self._by_weight(state.memory, state.learned)
        slopes = self._by_weight(gradients.memory, gradients.learned)
        slots = {}
        for group in self.groups:
            keys = [id(weight) for weight in group.weights]
            moved, slots[group.name] = group.optimizer.step(
                [of_weight[key] for key in keys],
                state.slots[group.name],
                [slopes[key] for key in keys],
                state.rate if group.rate is None else group.rate,
            )
            of_weight.update(zip(keys, moved))
        values = list(of_weight.values())
        size = len(state.memory)
        return values[:size], values[size:], slots

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
        self, state: State, constants: Tensors, step: tf.Tensor, loss: tf.Tensor
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
            return own.advance(images, labels, loss, seed)
