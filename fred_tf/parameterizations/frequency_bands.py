"""How much of a gradient goes to which frequencies."""

import numpy as np
import tensorflow as tf

# Of equal width, from the lowest frequency to the highest.
BANDS = 4


def norms(
    gradient: tf.Tensor, table: tf.Tensor, heights: np.ndarray
) -> dict[str, tf.Tensor]:
    """Returns the norm in each of `BANDS` bands, by the name of its tag.

    Which of an image's frequencies the objective changes is what FreD rests
    on: it should be the low ones.

    Args:
        gradient: of values `[classes, instances, kept, channels]`.
        table: which positions each class keeps, int32 `[classes, kept]`.
        heights: how high the frequency of each position is, `[positions]`.
    """
    band = np.minimum(BANDS * heights / heights.max(), BANDS - 1)
    of_kept = tf.gather(band.astype(np.int32), table)
    energy = tf.reduce_sum(gradient**2, [1, 3])
    totals = tf.math.unsorted_segment_sum(energy, of_kept, BANDS)
    return {
        f"gradient_norm_band_{number}": tf.sqrt(totals[number])
        for number in range(BANDS)
    }
