"""The contract of an image transform."""

import abc
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf


class Transform(keras.layers.Layer, abc.ABC):
    """A linear bijection over every axis between batch and channels.

    Calling the layer goes forward, images to coefficients; `inverse` undoes it
    exactly. Both keep shape and dtype, and there are no weights. One class
    therefore serves images `[batch, height, width, channels]` and voxels
    `[batch, depth, height, width, channels]`. It is float32 unless `dtype` says
    otherwise, whatever the global policy of Keras is.

    Attributes:
        axis: what is counted along an axis of the coefficients, with its
            unit, for figures.
        any_length: whether it takes an axis of any length, as that of the
            channels is.
        has_frequencies: whether its coefficients have one each.
    """

    axis: str = "position"
    any_length: bool = False
    has_frequencies: bool = True

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def with_norm(self, norm: str) -> "Transform":
        """Returns the transform in a normalisation, if it has several.

        Args:
            norm: one of `dct.NORMS`; others than the DCT have one only.
        """
        return self

    def check(self, spatial_shape: Sequence[int]) -> None:
        """Refuses what cannot be transformed; most take every shape.

        Args:
            spatial_shape: the axes between batch and channels.

        Raises:
            ValueError: an axis is of no length that it takes.
        """

    @abc.abstractmethod
    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the coefficients of `images`."""

    @abc.abstractmethod
    def inverse(self, coefficients: tf.Tensor) -> tf.Tensor:
        """Returns the images that have these coefficients."""

    @abc.abstractmethod
    def frequencies(self, spatial_shape: Sequence[int]) -> np.ndarray:
        """Returns how high the frequency of each coefficient is.

        Only the order means something, 0 is the lowest.

        Args:
            spatial_shape: the axes between batch and channels.

        Returns:
            float64 `[*spatial_shape]`.

        Raises:
            ValueError: the coefficients have no frequency.
        """

    def gain(self, spatial_shape: Sequence[int]) -> float:
        """Returns the squared length of a generic coefficient's analysis.

        1 for orthonormal transforms. A step L on coefficients moves images as
        a step L / gain on orthonormal ones does.

        Args:
            spatial_shape: the axes between batch and channels.
        """
        return 1.0

    def units(self, spatial_shape: Sequence[int]) -> np.ndarray:
        """Returns how much of each coefficient one orthonormal unit is.

        Coefficients over their units are those of an orthonormal transform:
        an error of 1 in one of them is one of 1 in the image, by length.
        `gain` is the square of most of them.

        Args:
            spatial_shape: the axes between batch and channels.

        Returns:
            float64 `[*spatial_shape]`.
        """
        return np.ones(tuple(spatial_shape))

    def compute_output_shape(self, input_shape):
        return input_shape


def along_axis(x: tf.Tensor, matrix: np.ndarray, axis: int) -> tf.Tensor:
    """Returns `x` with the vectors v along one axis replaced by v @ matrix."""
    rank = x.shape.rank
    product = tf.tensordot(x, tf.cast(matrix, x.dtype), [[axis], [0]])
    back = [*range(axis), rank - 1, *range(axis, rank - 1)]
    return tf.transpose(product, back)
