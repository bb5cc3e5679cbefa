"""How many images of frequencies some bytes hold, before there are any.

The bytes are those of the whole folder of the export `coefficients_coded`. How
many bits its levels take depends on the memory that is made, so that this is
a guess; what comes out larger, an export with a budget makes fit.
"""

import math
from collections.abc import Sequence

from fred_tf import budget
from fred_tf.coding import rate
from fred_tf.coding.labels import LABEL_BYTES
from fred_tf.parameterizations.frequency_settings import (
    FrequencySettings,
    mask_size,
    spectrum_shape,
)

# What deviation levels have in the end, over that of images of white noise with
# as much energy. With joint channels 320 and 1,600 images of CIFAR-10 by
# trajectory matching take as many bits as if it were 2.3 and 1.6, at step sizes
# from a quarter of the noise's deviation to thrice it, and grey ones of MNIST
# by distribution matching up to 3.6. Of separate colours, 320 by distribution
# matching as if it were 0.9: a file turns the channels of a coefficient into
# their sum and differences, which hold less. So what a set takes is 0.9 to 1.25
# times what is expected here; a memory that was moved little takes less.
_USUAL_DEVIATION, _OF_COLOURS = 1.8, 1.0


def instances(
    settings: FrequencySettings, image_shape: Sequence[int], classes: int
) -> int:
    """Returns how many images of each class the budget of settings holds.

    Args:
        settings: with a `budget_bytes`.
        image_shape: `[height, width, channels]`, or more spatial axes.
        classes: number of classes.

    Raises:
        ValueError: it holds too few, or settings keep more coefficients than
            there are.
    """
    settings = settings.sized(image_shape)
    fixed, each = bytes_of(settings, image_shape, classes)
    held = int((settings.budget_bytes - fixed) // (classes * each))
    chooses = settings.coefficients_per_channel < budget.positions(image_shape)
    least = 2 if settings.needs_variance and chooses else 1
    if held < least:
        images = "2 images" if least == 2 else "an image"
        raise ValueError(
            f"`parameterization.budget_bytes` must hold {images} of each "
            f"class, about {math.ceil(fixed + least * classes * each):,} "
            f"bytes, {fixed:,} of them for masks and facts. Received: "
            f"{settings.budget_bytes:,}. Raise it or `parameterization.step`, "
            "or keep fewer coefficients."
        )
    return held


def predicted(
    settings: FrequencySettings,
    image_shape: Sequence[int],
    classes: int,
    images: int,
) -> int:
    """Returns the bytes that a set is expected to take.

    Args:
        settings, image_shape, classes: as for `instances`.
        images: of each class.
    """
    fixed, each = bytes_of(settings, image_shape, classes)
    return math.ceil(fixed + images * classes * each)


def bytes_of(
    settings: FrequencySettings, image_shape: Sequence[int], classes: int
) -> tuple[int, float]:
    """Returns what the form `coefficients_coded` takes, about.

    Images that are standardised have the energy 1 a pixel, which kept
    coefficients share, of which levels keep `_USUAL_DEVIATION`.

    Args:
        settings: with a `step`.
        image_shape: `[height, width, channels]`, or more spatial axes.
        classes: number of classes.

    Returns:
        Bytes of all but images, and of an image.
    """
    shape = spectrum_shape(image_shape, settings.channels)
    positions, count = (
        budget.positions(shape),
        settings.coefficients_per_channel,
    )
    budget.check_coefficients(image_shape, count)
    kept = mask_size(image_shape, settings.channels, count)
    usual = _USUAL_DEVIATION if shape[-1] == 1 else _OF_COLOURS
    deviation = usual * math.sqrt(positions / kept)
    bits = rate.usual_bits(deviation / settings.step)
    each = LABEL_BYTES * settings.label_floats(classes)
    fixed = rate.bytes_around(positions, kept, shape[-1], classes)
    return fixed, count * image_shape[-1] * bits / 8 + each
