"""The contract of an image transform."""

import abc
from collections.abc import Sequence

import keras
import tensorflow as tf


class Transform(keras.layers.Layer, abc.ABC):
    """A linear bijection over every axis between batch and channels.

    Calling the layer goes forward, images to coefficients; `inverse` undoes it
    exactly. Both keep shape and dtype, and there are no weights. One class
    therefore serves images `[batch, height, width, channels]` and voxels
    `[batch, depth, height, width, channels]`.
    """

    @abc.abstractmethod
    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the coefficients of `images`."""

    @abc.abstractmethod
    def inverse(self, coefficients: tf.Tensor) -> tf.Tensor:
        """Returns the images that have these coefficients."""

    def gain(self, spatial_shape: Sequence[int]) -> float:
        """Returns the squared length of a generic coefficient's analysis.

        1 for orthonormal transforms. A step L on coefficients moves images as
        a step L / gain on orthonormal ones does.

        Args:
            spatial_shape: the axes between batch and channels.
        """
        return 1.0

    def compute_output_shape(self, input_shape):
        return input_shape
