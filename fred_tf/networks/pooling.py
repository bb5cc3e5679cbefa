"""Pooling by 2 along every axis, with second derivatives that are right."""

import keras
import tensorflow as tf

from fred_tf.settings import check_one_of

# For each layer of Keras that tells channels from positions: without it a
# global setting of Keras decides.
LAST = {"data_format": "channels_last"}

POOLINGS = ("average", "max", "none")


def _average(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return (a + b) / 2


_REDUCTIONS = {"average": _average, "max": tf.maximum}


@keras.saving.register_keras_serializable("fred_tf")
class Pooling(keras.layers.Layer):
    """Halves every axis between batch and channels; an odd rest is dropped.

    One axis after the other, neighbours are averaged or compared. TensorFlow's
    own max pooling has a second derivative that is wrong under XLA (2.21 on
    CPUs, by 3 to 6 per cent), and its own pooling of volumes is half as fast
    and has no float64. Among equals, the first has the gradient, as in PyTorch.

    Args:
        reduction: `"average"` or `"max"`.

    Raises:
        ValueError: another `reduction`.
    """

    def __init__(self, reduction: str, **kwargs):
        super().__init__(**kwargs)
        check_one_of("reduction", reduction, _REDUCTIONS)
        self.reduction = reduction

    def call(self, x):
        x = tf.convert_to_tensor(x)
        # The last axis first, so that equals are ordered as rows are read.
        for axis in reversed(range(1, x.shape.rank - 1)):
            before, size, after = x.shape[1:axis], x.shape[axis], x.shape[axis:]
            if size % 2:
                keep = [slice(None)] * axis + [slice(size - 1)]
                x = x[tuple(keep)]
            pairs = tf.reshape(x, [-1, *before, size // 2, 2, *after[1:]])
            x = _REDUCTIONS[self.reduction](*tf.unstack(pairs, axis=axis + 1))
        return x

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        return batch, *(size // 2 for size in sizes), channels

    def get_config(self):
        return {**super().get_config(), "reduction": self.reduction}


def pooling(name: str, axes: int = 2) -> list[keras.layers.Layer]:
    """Returns the layers of a pooling by 2: one, or none.

    Args:
        name: one of `POOLINGS`.
        axes: 2 for images, 3 for voxels.
    """
    if name == "none":
        return []
    if (name, axes) == ("average", 2):
        # Here TensorFlow's is right, and faster.
        return [keras.layers.AveragePooling2D(2, **LAST)]
    return [Pooling(name)]
