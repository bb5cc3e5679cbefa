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

from collections.abc import Sequence

import numpy as np

# Of steps to their mean, either way: a colour that is hardly there, as of grey
# photographs, would ask for a step of its own size.
MOST = 4.0
_DIGITS = 3


def scales(energies: Sequence[float] | np.ndarray) -> tuple[float, ...]:
    """Returns what the step is multiplied by, for each colour.

    Args:
        energies: of each colour, in all images.

    Returns:
        Numbers from 1 / `MOST` to `MOST`, to three digits; ones where nothing
        has energy.
    """
    energies = np.asarray(energies, np.float64)
    if not energies.max() > 0:
        return (1.0,) * len(energies)
    least = energies.max() * MOST**-8
    logarithms = np.log(np.maximum(energies, least))
    ratios = np.exp((logarithms - logarithms.mean()) / 4)
    return tuple(
        float(f"{ratio:.{_DIGITS}g}") for ratio in ratios.clip(1 / MOST, MOST)
    )
