"""Runs a Keras network on parameters that are arguments."""

import functools
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from fred_tf import seeds
from fred_tf.networks import initializers

Parameters = list[tf.Tensor]


class Functional:
    """A network as a pure function of its parameters.

    The unrolled student, the random networks of distribution matching and the
    training of fresh networks all need the same thing: one architecture and
    many sets of parameters that are ordinary tensors. Nothing here reads or
    writes the variables of the Keras model.

    *Parameters* are the trainable weights in the model's order; *statistics*
    the non-trainable ones (the moving moments of batch normalisation, empty
    for other norms).

    Args:
        network: a built `keras.Model` that gives logits and has `embed`; and
            `maps`, for those who ask for them.

    Attributes:
        traceable: whether `fresh` may be part of a graph.
    """

    traceable: ClassVar[bool] = True

    def __init__(self, network: keras.Model):
        self.network = network
        self.shapes = [tuple(w.shape) for w in network.trainable_variables]
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]
        self.size = sum(self.sizes)

    @property
    def classes(self) -> int:
        """Number of logits."""
        return self.network.classes

    @functools.cached_property
    def _initializers(self) -> list[keras.initializers.Initializer]:
        return initializers.of_network(self.network)

    def check_functional(self) -> None:
        """Raises TypeError if weights or features cannot be part of a step."""

    def fresh(self, seed: tf.Tensor) -> tuple[Parameters, list[tf.Tensor]]:
        """Returns drawn parameters, and statistics, for an int32 seed `[2]`."""
        return self.initialize(seed), self.initial_statistics()

    def initialize(self, seed: tf.Tensor) -> Parameters:
        """Returns freshly drawn parameters for an int32 seed `[2]`."""
        return [
            initializers.draw(initializer, shape, seeds.fold(seed, position))
            for position, (initializer, shape) in enumerate(
                zip(self._initializers, self.shapes)
            )
        ]

    def initial_statistics(self) -> list[tf.Tensor]:
        """Returns the statistics of a network that has seen no data."""
        return [
            # Keras starts moving means at 0 and moving variances at 1.
            (tf.ones if "variance" in w.name else tf.zeros)(w.shape)
            for w in self.network.non_trainable_variables
        ]

    def refuse_statistics(self, what: str, why: str, way_out: str = "") -> None:
        """Refuses a network that is more than its parameters.

        Args:
            what: needs it so, to begin a sentence with.
            why: the reason.
            way_out: beside another norm; may be empty.

        Raises:
            ValueError: the network has statistics.
        """
        if statistics := self.initial_statistics():
            raise ValueError(
                f"{what} needs a network without moving statistics: {why}. "
                f"Received: one with {len(statistics)}. Use another "
                f"`network.norm` than batch{way_out}."
            )

    def logits(self, parameters: Parameters, images: tf.Tensor) -> tf.Tensor:
        """Returns float logits `[batch, classes]` in training mode."""
        return self.apply(parameters, self.initial_statistics(), images, True)[
            0
        ]

    def embed(
        self,
        parameters: Parameters,
        images: tf.Tensor,
        statistics: list[tf.Tensor] | None = None,
    ) -> tf.Tensor:
        """Returns the features before the classifier, `[batch, features]`.

        In training mode, unless the `statistics` of a trained network are
        given.
        """
        training = statistics is None
        if training:
            statistics = self.initial_statistics()
        with self._scope(parameters, statistics):
            features = self.network.embed(images, training=training)
        return self._full_precision(features)

    def maps(
        self, parameters: Parameters, images: tf.Tensor
    ) -> list[tf.Tensor]:
        """Returns what each activation gives, then the features.

        In training mode; `[batch, ...]` each, before it is pooled.
        """
        with self._scope(parameters, self.initial_statistics()):
            maps = self.network.maps(images, training=True)
        return [self._full_precision(x) for x in maps]

    def apply(
        self,
        parameters: Parameters,
        statistics: list[tf.Tensor],
        images: tf.Tensor,
        training: bool,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Returns the logits and the statistics after seeing `images`."""
        with self._scope(parameters, statistics) as scope:
            logits = self.network(images, training=training)
        after = [
            tf.convert_to_tensor(scope.get_current_value(w))
            for w in self.network.non_trainable_variables
        ]
        return self._full_precision(logits), after

    def flatten(self, parameters: Parameters) -> tf.Tensor:
        """Returns the parameters as one vector `[size]`."""
        return tf.concat([tf.reshape(p, [-1]) for p in parameters], 0)

    def unflatten(self, vector: tf.Tensor) -> Parameters:
        """Undoes `flatten`."""
        pieces = tf.split(vector, self.sizes)
        return [tf.reshape(p, s) for p, s in zip(pieces, self.shapes)]

    def _scope(self, parameters, statistics) -> keras.StatelessScope:
        network = self.network
        return keras.StatelessScope(
            state_mapping=[
                *zip(network.trainable_variables, parameters),
                *zip(network.non_trainable_variables, statistics),
            ]
        )

    def _full_precision(self, x: tf.Tensor) -> tf.Tensor:
        x = tf.convert_to_tensor(x)
        return x if x.dtype == tf.float64 else tf.cast(x, tf.float32)
