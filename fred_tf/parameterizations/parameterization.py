"""The contract of a parameterization: what is stored instead of images."""

import abc
import contextlib
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import keras
import numpy as np
import tensorflow as tf

from fred_tf import settings as settings_lib
from fred_tf.coresets import Choice
from fred_tf.objectives.objective import Objective
from fred_tf.optimizers import Group, Optimizer
from fred_tf.parameterizations import given_weights
from fred_tf.parameterizations.labels import MemorySettings


class Parameterization(keras.layers.Layer, settings_lib.Member, abc.ABC):
    """Maps instance indices to images; its trainable weights are the memory.

    Instances are class-major: instance i belongs to class
    `i // instances_per_class`. `adapt` fills the memory from real images;
    until then it is zero. Everything is decoded in normalised space, and
    values are not clipped.

    A member is one file: the class, and its `Settings`, which hold everything
    beyond the sizes below. A budget makes it (`within_budget`). The memory may
    own more than images: hallucinators, a dictionary, and the labels that every
    memory learns if its settings say so (`soft_labels`); all trainable weights
    are counted, and `groups` says how each of them is learned. Labels are the
    first of the weights, and begin as the classes.

    Whatever the global policy of Keras is, a memory is float32 unless `dtype`
    says otherwise.

    Args:
        image_shape: `[height, width, channels]`, or more spatial axes.
        classes: number of classes.
        instances_per_class: decoded images per class.
        settings: the member's own; its defaults if None.
    """

    Settings: ClassVar[type[MemorySettings]]
    settings: MemorySettings

    def __init__(
        self,
        image_shape: Sequence[int],
        classes: int,
        instances_per_class: int,
        settings: MemorySettings | None = None,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.image_shape = tuple(int(size) for size in image_shape)
        self.classes = int(classes)
        self.instances_per_class = int(instances_per_class)
        self.settings = (settings or self.Settings()).sized(self.image_shape)
        # Constructors make the weights; calls make none.
        self.built = True
        self.label_values: keras.Variable | None = None
        if self.settings.learns_labels:
            self.label_values = self.add_weight(
                name="label_values",
                shape=(self.instances, self.classes),
                initializer=lambda shape, dtype: tf.constant(
                    self.settings.first_labels(self.labels, self.classes), dtype
                ),
            )

    @classmethod
    @abc.abstractmethod
    def instances_within(
        cls,
        settings: MemorySettings,
        image_shape: Sequence[int],
        classes: int,
        ipc: int,
    ) -> int:
        """Returns how many images per class a budget holds; integers only.

        Args:
            settings: this member's.
            image_shape: `[height, width, channels]`, or more spatial axes.
            classes: number of classes.
            ipc: the budget is `ipc` whole images per class.

        Raises:
            ValueError: the budget holds nothing of use; the message says
                which setting to change.
        """

    @classmethod
    def real_images(
        cls,
        settings: MemorySettings,
        image_shape: Sequence[int],
        classes: int,
        ipc: int,
    ) -> int:
        """Returns how many real images of each class `adapt` takes.

        Args:
            settings, image_shape, classes, ipc: as for `instances_within`.
        """
        return cls.instances_within(settings, image_shape, classes, ipc)

    @classmethod
    def shrunk(
        cls,
        settings: MemorySettings,
        image_shape: Sequence[int],
        classes: int,
        ipc: int,
        images: int,
    ) -> MemorySettings:
        """Returns the nearest settings that so few real images are enough for.

        Where none are, what is returned may still take too many.

        Args:
            settings: this member's, as `sized` gives them.
            image_shape, classes, ipc: as for `instances_within`.
            images: real images of the smallest class.
        """
        return settings

    @classmethod
    def within_budget(
        cls,
        settings: MemorySettings,
        image_shape: Sequence[int],
        classes: int,
        ipc: int,
    ) -> Self:
        """Returns an empty memory that fits a budget; see above."""
        count = cls.instances_within(settings, image_shape, classes, ipc)
        return cls(image_shape, classes, count, settings)

    @classmethod
    def with_weights(
        cls,
        image_shape: Sequence[int],
        classes: int,
        instances_per_class: int,
        settings: MemorySettings,
        weights: Sequence[np.ndarray],
    ) -> Self:
        """Returns a memory that holds weights of a file.

        They are made one by one, each only where it has the shape of one that
        is given: sizes out of a file allocate nothing that is not there.

        Args:
            image_shape: see above.
            classes: see above.
            instances_per_class: see above.
            settings: see above.
            weights: what `save_own_variables` stored, in that order.

        Raises:
            ValueError: they are not the weights of a memory of these sizes.
        """
        with given_weights.expected(weights, cls.__name__):
            made = cls(image_shape, classes, instances_per_class, settings)
        made.load_own_variables({str(i): w for i, w in enumerate(weights)})
        return made

    def add_weight(self, shape=None, *args, **kwargs):
        given_weights.take(tuple(shape or ()), type(self).__name__)
        return super().add_weight(shape, *args, **kwargs)

    def check_weights(self) -> None:
        """Raises ValueError where weights are none that a run can end with.

        Files of others may hold any. Images that are not finite are found out
        elsewhere.
        """
        return None

    @classmethod
    def step_gain(
        cls, settings: MemorySettings, image_shape: Sequence[int]
    ) -> float:
        """Returns by how much the unit of this memory stretches step sizes.

        The usual steps are those of a memory in orthonormal units; see
        `distillation/memory_step.py`.

        Args:
            settings: this member's.
            image_shape: `[height, width, channels]`, or more spatial axes.
        """
        return 1.0

    @abc.abstractmethod
    def adapt(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        seed: int,
        choose: Choice | None = None,
    ) -> None:
        """Fills the memory from real images.

        Args:
            images: normalised float32 `[n, *image_shape]`.
            labels: int `[n]`.
            seed: of what is drawn; equal seeds fill it equally.
            choose: which images; None draws them.

        Raises:
            ValueError: a class has fewer images than are needed.
        """

    @abc.abstractmethod
    def call(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns the images `[n, *image_shape]` of instances `[n]`."""

    def drawn(self, seed: tf.Tensor) -> tf.Tensor:
        """Returns which instances a step with `seed` may see, `[n]`.

        All of them unless decoding is stochastic. Their number, and how many
        are of each class, is the same for every seed.

        Args:
            seed: int32 `[2]`.
        """
        return tf.range(self.instances)

    def groups(self, optimizer: Optimizer) -> list[Group]:
        """Returns how the trainable weights are learned; each in one group.

        All of them by the run's optimiser, with the step size of the memory,
        unless a member says otherwise; labels with their own, if they have one.

        Args:
            optimizer: that of the run's settings.
        """
        labels = self.label_values
        others = [w for w in self.trainable_weights if w is not labels]
        of_images = Group("memory", others, optimizer)
        return [of_images, *self.label_groups(optimizer)]

    def label_groups(self, optimizer: Optimizer) -> list[Group]:
        """Returns the part of `groups` that is of learned labels, if any."""
        if self.label_values is None:
            return []
        rate = self.settings.label_learning_rate or None
        # In a unit of their own: what the memory's does to its step is undone.
        gain = self.step_gain(self.settings, self.image_shape)
        factor = gain**-optimizer.gain_power
        return [Group("labels", [self.label_values], optimizer, rate, factor)]

    @property
    def label_kind(self) -> str | None:
        """What learned labels are, of `LABEL_KINDS`; None if they are hard."""
        settings = self.settings
        return settings.labels if settings.learns_labels else None

    def soft_labels(self) -> tf.Tensor | None:
        """Returns learned labels `[instances, classes]`, None if they are hard.

        By differentiable ops of the trainable weights, unless they stay.
        """
        if self.label_values is None:
            return None
        values = tf.convert_to_tensor(self.label_values)
        if self.settings.labels_stay:
            values = tf.stop_gradient(values)
        if self.label_kind == "probabilities":
            values = tf.nn.softmax(values)
        return values

    def constrain(self, memory: list[tf.Tensor]) -> list[tf.Tensor]:
        """Returns the nearest legal values of the trainable weights."""
        return memory

    def gradient_norms(
        self, gradients: list[tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Returns norms of parts of the memory's gradient, by name, to watch.

        Args:
            gradients: one per trainable weight.
        """
        return {}

    def unrounded(self) -> contextlib.AbstractContextManager[None]:
        """Lets calls in a `with` block decode what is stored as it is.

        Where images are decoded of rounded values, small moves change nothing,
        or by a whole level.
        """
        return contextlib.nullcontext()

    def penalty(self) -> tuple[tf.Tensor | None, dict[str, tf.Tensor]]:
        """Returns what a step lowers besides the objective's loss.

        Returns:
            A scalar by differentiable ops of the trainable weights, None where
            there is nothing; and scalars to watch, by name.
        """
        return None, {}

    def complete(self, objective: Objective) -> Objective:
        """Returns the objective with what this memory adds to the loss."""
        return objective

    @property
    def instances(self) -> int:
        """Number of decoded images over all classes."""
        return self.classes * self.instances_per_class

    @property
    def views(self) -> int:
        """How many instances in turn, of one class, are of one thing."""
        return 1

    @property
    def labels(self) -> np.ndarray:
        """The class of each instance, int32 `[instances]`."""
        return np.repeat(
            np.arange(self.classes, dtype=np.int32), self.instances_per_class
        )

    @property
    def floats_stored(self) -> int:
        """The floats of the budget, counted on the trainable weights."""
        return sum(int(np.prod(w.shape)) for w in self.trainable_weights)

    def decode(self) -> tf.Tensor:
        """Returns all images, `[instances, *image_shape]`."""
        return self(tf.range(self.instances))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "classes": self.classes,
            "instances_per_class": self.instances_per_class,
            "settings": self.settings.to_json(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        settings = cls.Settings.from_json(config["settings"])
        return cls(**{**config, "settings": settings})
