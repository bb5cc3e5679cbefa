"""Networks as settings describe them, built or only looked at."""

import functools
from collections.abc import Sequence

from fred_tf.networks import NETWORKS, Network, convolve_in, lay_out
from fred_tf.settings import Settings


def build(
    settings: Settings,
    image_shape: Sequence[int],
    classes: int,
    convolutions: str,
    norm_layout: str,
) -> Network:
    """Returns a network with weights of its own.

    Args:
        settings: of the network, sized for the images.
        image_shape: `[*sizes, channels]`.
        classes: number of classes.
        convolutions: one of `CONVOLUTIONS`.
        norm_layout: one of `LAYOUTS`.

    Raises:
        ValueError: the images are too small, or have other axes.
    """
    network = NETWORKS[settings.name](image_shape, classes, settings)
    convolve_in(network, convolutions)
    lay_out(network, norm_layout)
    return network


@functools.lru_cache
def check(
    settings: Settings,
    image_shape: tuple[int, ...],
    classes: int,
    convolutions: str,
    norm_layout: str,
) -> None:
    """Refuses what cannot be built.

    A run asks several times before it begins, and to build a large network
    takes seconds: it is done once.

    Args:
        settings, image_shape, classes, convolutions, norm_layout: see `build`.

    Raises:
        ValueError: see `build`.
    """
    build(settings, image_shape, classes, convolutions, norm_layout)
