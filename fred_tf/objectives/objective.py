"""The contract of a matching objective."""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import keras
import tensorflow as tf

from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.networks import Functional
from fred_tf.optimizers import Group
from fred_tf.settings import Member, Settings

Reference = dict[str, tf.Tensor]


class Health(NamedTuple):
    """What a loss says of a run, as boolean scalars.

    Attributes:
        good: whether a run may go back to the state that has this loss.
        lost: whether nothing is learned from that state any more.
    """

    good: tf.Tensor
    lost: tf.Tensor


def check_label_kind(
    kind: str | None, taken: Sequence[str], objective: str
) -> None:
    """Refuses learned labels of which an objective says nothing.

    Args:
        kind: one of `LABEL_KINDS`; None for labels that are not learned.
        taken: the `label_kinds` of the objective.
        objective: its name.

    Raises:
        ValueError: it does not take them.
    """
    if kind is not None and kind not in taken:
        takes = " or ".join(map(repr, ("fixed", *taken)))
        raise ValueError(
            "A memory learns its labels where the objective says how. "
            f"{objective!r} takes `parameterization.labels` {takes}. "
            f"Received: {kind!r}."
        )


def drawn_view(views: int, seed: tf.Tensor) -> tf.Tensor:
    """Returns which of so many views is seen, an int32 scalar."""
    return tf.random.stateless_uniform([], seed, 0, views, tf.int32)


class Objective(keras.layers.Layer, Member, abc.ABC):
    """Scores a synthetic set against what the real data say.

    Calling it with `(images, labels, reference, seed)` returns a scalar to be
    lowered: `images` are the decoded instances `[n, ..., channels]` that it
    says are `used`, normalised, `labels` their classes `[n]`, `reference` one
    element of `references`, and `seed` an int32 `[2]` from which everything
    random follows. The call is a pure function, compiles under XLA, and knows
    no strategy, file or flag. A memory may learn its labels: they are then
    `[n, classes]`, of one of the `label_kinds` that a member lists and must
    differentiate, too; other memories are refused.

    What an objective learns besides the images (e.g. the student's step size)
    are its own trainable weights; `groups` says how. Scalars among them that
    `weight_names` lists, in order and before all others, are shown and kept
    with the distilled set.

    What changes from step to step without being lowered (e.g. a network that
    is trained alongside, several of different ages, a running scale) are its
    non-trainable weights, the *state*: `add_state` makes them, `initial_state`
    fills them, `advance` moves them on after each update. An optimiser that
    such a network has of its own keeps its slots there, too. Where the state
    follows the real data, `advances_on_reference` is true, and `advance` sees
    one reference a step.

    A member is one file: the class, and its `Settings`. The source of its
    references is an `ExpertStore` if `needs_experts`, `ClassBatches` otherwise.

    A memory may set `views`: so many instances in turn are of one stored thing,
    and each step that is matched sees one of them.

    Args:
        network: the architecture that is matched.
        augmentation: of real and synthetic images.
        source: of references, see above.
        settings: the member's own; its defaults if None.

    Raises:
        TypeError: the network has no functional form, see `KerasNetwork`.
    """

    needs_experts: ClassVar[bool] = False
    label_kinds: tuple[str, ...] = ()
    weight_names: tuple[str, ...] = ()
    advances_on_reference: bool = False
    views: int = 1

    def __init__(
        self,
        network: Functional,
        augmentation: SiameseAugmentation,
        source: Any,
        settings: Settings | None = None,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        network.check_functional()
        self.network = network
        self.augmentation = augmentation
        self.source = source
        self.settings = settings or self.Settings()
        # Weights are made by constructors; calls make none.
        self.built = True

    def add_state(
        self, name: str, shape: Sequence[int] = (), dtype: str = "float32"
    ) -> keras.Variable:
        """Returns a new part of the state, which `initial_state` fills."""
        return self.add_weight(
            name=name,
            shape=shape,
            dtype=dtype,
            initializer="zeros",
            trainable=False,
        )

    @classmethod
    def called_with(cls, augmentation: str) -> str:
        """Returns the short name of the method, with that augmentation."""
        return cls.called_briefly()

    @abc.abstractmethod
    def references(
        self, seed: int, numbers: tf.data.Dataset
    ) -> tf.data.Dataset:
        """Streams the references with some numbers.

        Args:
            seed: the run's integer seed.
            numbers: int64 scalars from 0. A reference depends on `seed` and
                its own number alone, so a resumed run asks for the numbers
                it has not seen, and a replica for those that it treats.
        """

    @abc.abstractmethod
    def recipe(self) -> dict[str, Any]:
        """Returns how references are drawn, for machines without TensorFlow.

        Fit for JSON; `kind` names one of those that packs know.
        """

    def used(self, instances: int, seed: tf.Tensor) -> tf.Tensor:
        """Returns which instances a call with `seed` looks at, `[n]`.

        Only these are decoded, and handed to the call with their labels. All
        of them, or one of each `views`, the same place in all, unless a member
        says otherwise.

        Args:
            instances: size of the synthetic set.
            seed: as for the call.
        """
        every = tf.range(0, instances, self.views)
        if self.views == 1:
            return every
        return every + drawn_view(self.views, seeds.fold(seed, -1))

    @abc.abstractmethod
    def call(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        reference: Reference,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the scalar loss."""

    def check_start(
        self, decode: Callable[[], tuple[tf.Tensor, tf.Tensor]]
    ) -> None:
        """Refuses a set that nothing can be learned from; outside graphs.

        Args:
            decode: returns all images and labels, as a run begins with them.

        Raises:
            ValueError: says why.
        """
        return None

    def groups(self, momentum: float) -> list[Group]:
        """Returns how its own weights are learned; each in one group.

        Args:
            momentum: that of the run's settings.
        """
        return []

    def constrain(self, weights: list[tf.Tensor]) -> list[tf.Tensor]:
        """Returns the nearest legal values of the objective's own weights."""
        return weights

    def started(
        self, weights: Sequence[tf.Tensor], learned: Mapping[str, float]
    ) -> list[tf.Tensor]:
        """Returns its own weights for a run that starts from another.

        Those that no step moves are the settings' own and stay.

        Args:
            weights: as the settings have them.
            learned: what the other run's objective learned; names that this
                one does not know are ignored.
        """
        groups = [group for group in self.groups(0.0) if group.rate != 0]
        moved = {id(weight) for group in groups for weight in group.weights}
        begun = [tf.convert_to_tensor(weight) for weight in weights]
        own = zip(self.weight_names, self.trainable_weights)
        for position, (name, weight) in enumerate(own):
            if name in learned and id(weight) in moved:
                value = learned[name]
                begun[position] = tf.constant(value, begun[position].dtype)
        return self.constrain(begun)

    def health(self, loss: tf.Tensor, weights: list[tf.Tensor]) -> Health:
        """Returns what a loss says of a run; all is well if it is finite.

        Args:
            loss: of a step, the mean over its references.
            weights: the objective's own, which the loss is of.
        """
        return Health(tf.math.is_finite(loss), tf.constant(False))

    def followed(self, references: Reference) -> Reference:
        """Returns what `advance` sees of references `[r, ...]` of a step."""
        if not self.advances_on_reference:
            return {}
        return tf.nest.map_structure(lambda x: x[0], references)

    def initial_state(self, seed: int) -> list[tf.Tensor]:
        """Returns the state before the first step, from the run's seed."""
        return []

    def advance(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        loss: tf.Tensor,
        seed: tf.Tensor,
        reference: Reference,
    ) -> list[tf.Tensor]:
        """Returns the state after a step; pure, as the call is.

        Only called where there is a state. It is read from the non-trainable
        weights, which hold it as long as the call lasts.

        Args:
            images: all instances, decoded from the updated memory.
            labels: of all instances, as in the call.
            loss: of the step, the mean over its references.
            seed: int32 `[2]`, another one in each step.
            reference: the first of the step, the same on every replica, if
                `advances_on_reference`; `{}` otherwise, since replicas would
                have to send it to one another.
        """
        return []
