"""Steps of colours: finer ones where networks look more closely. Ours.

At equal squared error nothing takes fewer bits than one step for all. Networks
weigh errors otherwise. The sum of three colours varies several times as much as
their differences do, and a network that was trained on real images answers to
an error of a difference several times as much, see
`benchmarks/colour_errors.py`: about in inverse proportion to its deviation.
With R bits for all, and w the weight of a squared error of a colour, the
weighted error is least where

    step of a colour ~ w^(-1/2)

(as of errors of unequal weight in general: each bit must save as much). With w
in inverse proportion to the deviation, and E the energy of a colour in all
images,

    step of a colour = step * (E / geometric mean of all E)^(1/4)

A colour is a frequency of the orthonormal transform of the channels: their sum
and its differences, see `quantizer.py`.
"""

import numpy as np
import tensorflow as tf

# Of steps to their mean, either way: a colour that is hardly there, as of grey
# photographs, would ask for a step of its own size.
MOST = 4.0
# Of a scale, so that a file says the same one in few bytes.
DECIMALS = 3


def of(table: np.ndarray, channels: int, colours: int) -> np.ndarray:
    """Returns which colour each coefficient is of, counted from 0.

    Channels are the last axis of images, be it transformed alone or with the
    others, so that colours follow each other.

    Args:
        table: which positions each class keeps, `[classes, kept]`, an array or
            a tensor.
        channels: of a spectrum; 1 where channels are joint.
        colours: channels of an image.

    Returns:
        The like of `table`, `[classes, kept, channels]`.
    """
    wide = table[..., None] * channels
    return (wide + np.arange(channels, dtype=np.int32)) % colours


def energies(values: tf.Tensor, table: tf.Tensor, colours: int) -> tf.Tensor:
    """Returns the energy of each colour in all images, `[colours]`.

    Args:
        values: orthonormal ones, `[classes, instances, kept, channels]`.
        table: `[classes, kept]`.
        colours: channels of an image.
    """
    values = tf.convert_to_tensor(values)
    colour = of(tf.convert_to_tensor(table), values.shape[-1], colours)
    squares = tf.reduce_sum(values**2, axis=1)
    return tf.math.unsorted_segment_sum(squares, colour, colours)


def scales(energies: tf.Tensor) -> tf.Tensor:
    """Returns what the step is multiplied by, for each colour.

    Args:
        energies: of each colour, in all images.

    Returns:
        Numbers from 1 / `MOST` to `MOST`, to `DECIMALS`, like `energies`; ones
        where nothing has energy.
    """
    energies = tf.convert_to_tensor(energies)
    shares = tf.math.divide_no_nan(energies, tf.reduce_max(energies))
    logarithms = tf.math.log(tf.maximum(shares, MOST**-8))
    ratios = tf.exp((logarithms - tf.reduce_mean(logarithms)) / 4)
    digits = tf.round(tf.clip_by_value(ratios, 1 / MOST, MOST) * 10**DECIMALS)
    return digits / 10**DECIMALS
