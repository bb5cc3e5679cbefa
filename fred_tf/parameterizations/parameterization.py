"""The contract of a parameterization: what is stored instead of images."""

import abc
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf


class Parameterization(keras.layers.Layer, abc.ABC):
    """Maps instance indices to images; its trainable weights are the memory.

    Instances are class-major: instance i belongs to class
    `i // instances_per_class`. `adapt` fills the memory from real images;
    until then it is zero. Everything is decoded in normalised space, and
    values are not clipped.

    Args:
        image_shape: `[height, width, channels]`, or more spatial axes.
        classes: number of classes.
        instances_per_class: decoded images per class.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        classes: int,
        instances_per_class: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape = tuple(int(size) for size in image_shape)
        self.classes = int(classes)
        self.instances_per_class = int(instances_per_class)

    @abc.abstractmethod
    def adapt(self, images: np.ndarray, labels: np.ndarray, seed: int) -> None:
        """Fills the memory from real images.

        Args:
            images: normalised float32 `[n, *image_shape]`.
            labels: int `[n]`.
            seed: chooses which images; equal seeds choose equal images.

        Raises:
            ValueError: a class has fewer images than are needed.
        """

    @abc.abstractmethod
    def call(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns the images `[n, *image_shape]` of instances `[n]`."""

    @property
    def instances(self) -> int:
        """Number of decoded images over all classes."""
        return self.classes * self.instances_per_class

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
        }
