"""The contract of a matching objective."""

import abc

import keras
import tensorflow as tf

Reference = dict[str, tf.Tensor]


class Objective(keras.layers.Layer, abc.ABC):
    """Scores a synthetic set against what the real data say.

    Calling it with `(images, labels, reference, seed)` returns a scalar to be
    lowered: `images` are all decoded instances `[n, ..., channels]`,
    class-major and normalised, `labels` their classes `[n]`, `reference` one
    element of `references`, and `seed` an int32 `[2]` from which everything
    random follows. The call is a pure function, compiles under XLA, and knows
    no strategy, file or flag.

    What an objective learns besides the images (e.g. the student's step size)
    are its own trainable weights: scalars, in the order of `weight_names`,
    learned with the step size `weight_step`.
    """

    weight_names: tuple[str, ...] = ()
    weight_step: float = 0.0

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # Weights are made by constructors; calls make none.
        self.built = True

    @abc.abstractmethod
    def references(self, seed: int, first: int = 0) -> tf.data.Dataset:
        """Streams references without end.

        Args:
            seed: the run's integer seed.
            first: number of the first element. Element i depends on `seed`
                and i alone, so a resumed run asks for the rest of the stream.
        """

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
