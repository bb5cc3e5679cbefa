"""The contract of a matching objective."""

import abc
from typing import Any, ClassVar, Self

import keras
import tensorflow as tf

from fred_tf import settings as settings_lib
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.networks import Functional

Reference = dict[str, tf.Tensor]


class Objective(keras.layers.Layer, abc.ABC):
    """Scores a synthetic set against what the real data say.

    Calling it with `(images, labels, reference, seed)` returns a scalar to be
    lowered: `images` are the decoded instances `[n, ..., channels]` that it
    says are `used`, normalised, `labels` their classes `[n]`, `reference` one
    element of `references`, and `seed` an int32 `[2]` from which everything
    random follows. The call is a pure function, compiles under XLA, and knows
    no strategy, file or flag.

    What an objective learns besides the images (e.g. the student's step size)
    are its own trainable weights: scalars, in the order of `weight_names`,
    learned with the step size `weight_step`.

    A step averages `references_per_step` references, over all replicas; 0
    means one per replica. Constructors take it in the objective's own words,
    as the argument that `references_per_step_name` names.

    What changes from step to step without being lowered (e.g. a network that
    is trained alongside) are its non-trainable weights, the *state*:
    `initial_state` fills them, `advance` moves them on after each update.

    A member is one file: the class, and its `Settings`, whose fields are the
    constructor's arguments beyond the network, the augmentation and the
    source of references, which is an `ExpertStore` if `needs_experts` and
    `ClassBatches` otherwise.
    """

    Settings: ClassVar[type[settings_lib.Settings]]
    needs_experts: ClassVar[bool] = False

    weight_names: tuple[str, ...] = ()
    weight_step: float = 0.0
    references_per_step: int = 0
    references_per_step_name: str = "references_per_step"

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # Weights are made by constructors; calls make none.
        self.built = True

    @classmethod
    def from_settings(
        cls,
        settings: settings_lib.Settings,
        network: Functional,
        augmentation: SiameseAugmentation,
        source: Any,
    ) -> Self:
        """Returns the objective of some settings; see above."""
        return cls(network, augmentation, source, **settings.arguments())

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

    def used(self, instances: int, seed: tf.Tensor) -> tf.Tensor:
        """Returns which instances a call with `seed` looks at, `[n]`.

        Only these are decoded, and handed to the call with their labels. All
        of them unless a member says otherwise.

        Args:
            instances: size of the synthetic set.
            seed: as for the call.
        """
        return tf.range(instances)

    @abc.abstractmethod
    def call(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        reference: Reference,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the scalar loss."""

    def constrain(self, weights: list[tf.Tensor]) -> list[tf.Tensor]:
        """Returns the nearest legal values of the objective's own weights."""
        return weights

    def initial_state(self, seed: int) -> list[tf.Tensor]:
        """Returns the state before the first step, from the run's seed."""
        return []

    def advance(
        self, images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor
    ) -> list[tf.Tensor]:
        """Returns the state after a step; pure, as the call is.

        Only called where there is a state. It is read from the non-trainable
        weights, which hold it as long as the call lasts.

        Args:
            images: all instances, decoded from the updated memory.
            labels: their classes.
            seed: int32 `[2]`, another one in each step.
        """
        return []
