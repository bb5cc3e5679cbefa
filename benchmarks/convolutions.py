"""The convolutions of a student step: 160 images of 32 pixels, ConvNet-D3.

The sweep makes one of each kind in each block; the first is not asked for a
gradient of its images. The reverse pass carries gradients along tangents. It
makes what the sweep did, forward and of what came in, and once more with the
tangent of what came in and with that of the kernel; of weights only these two.
The first block's images have no tangent: what goes through it loses one of each
kind, and it needs no gradient that the sweep has made.
"""

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.twins import IMAGES

KINDS = "forward", "of what came in", "of weights"
# Of each kind, in the first block and in each of the others.
_SWEEP = (1, 0, 1), (1, 1, 1)
_REVERSE = (2, 2, 1), (3, 3, 2)


class Convolution(NamedTuple):
    """One kind of convolution of one block.

    Attributes:
        block: from 0.
        kind: one of `KINDS`: `forward`, or the gradient `of what came in` or
            `of weights`.
        sweep: how many of these a sweep makes.
        reverse: how many a reverse pass does.
        gflop: of one.
    """

    block: int
    kind: str
    sweep: int
    reverse: int
    gflop: float


def shape(block: int, width: int) -> tuple[int, int]:
    """Returns the size of a block's images, and the channels that come in."""
    return 32 >> block, width if block else 3


def of_a_step(width: int) -> Iterator[Convolution]:
    """Yields all kinds of all blocks of a network of a width."""
    for block in range(3):
        size, channels = shape(block, width)
        gflop = 2e-9 * IMAGES * size**2 * 9 * channels * width
        place = min(block, 1)
        for kind, *counts in zip(KINDS, _SWEEP[place], _REVERSE[place]):
            yield Convolution(block, kind, *counts, gflop)
