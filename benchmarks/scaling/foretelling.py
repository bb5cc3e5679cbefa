"""What trajectory matching costs, foretold from what was measured.

Pure functions of a run and a few constants. An outer step on images of s x s
pixels holds, as numbers of four bytes,

    MAPS w s^2 (1 + 1/4 + ... + 1/4^(depth - 1))    of an image, w channels
    WHOLE 3 s^2                                     of an image
    FLOATS                                          of a float of the memory

and the student's parameters after every step, `VECTORS` of them beside. The
first counts for the images that are treated at a time, all of a student step or
a chunk of them; the second for all that the student sees.

Time is in proportion to student steps, images and multiplications of the
convolutions, and to the bytes of the memory, which an update goes through.
"""

import math
from typing import NamedTuple

CHANNELS = 3
# Weights that a step holds beside its path: start, target, student, update,
# the adjoint, and what these are made of.
VECTORS = 8
# Of a card that is filled: its allocator and its libraries take the rest.
FILLED = 0.9
# Bytes a second that an update reads and writes: assumed, of an H200's 4.8e12.
STREAMED = 3e12


class Costs(NamedTuple):
    """How many numbers are held, see above.

    Attributes:
        maps: for each value of a block's maps.
        whole: for each value of an image.
        floats: for each float of the memory, which has a momentum, a gradient
            and what replaces it.
    """

    maps: float
    whole: float
    floats: float


class Run(NamedTuple):
    """A run of trajectory matching with a ConvNet.

    Attributes:
        name: what it is called.
        image_size: pixels a side, of three channels.
        classes: how many there are.
        images: distilled ones.
        floats: of the memory.
        student_steps: of a student.
        student_batch: images of each; 0 for all.
        outer_steps: how many are made.
        width: channels of the network.
    """

    name: str
    image_size: int
    classes: int
    images: int
    floats: int
    student_steps: int
    student_batch: int
    outer_steps: int
    width: int = 128

    @property
    def batch(self) -> int:
        """Images of a student step."""
        return min(self.student_batch or self.images, self.images)

    @property
    def seen(self) -> int:
        """Images that a student sees: no others are decoded."""
        return min(self.student_steps * self.batch, self.images)

    @property
    def depth(self) -> int:
        """Blocks of the network: 3 for 32 pixels, one more per doubling."""
        return round(math.log2(self.image_size)) - 2

    @property
    def sides(self) -> list[int]:
        """Pixels a side of each block's maps."""
        return [self.image_size // 2**block for block in range(self.depth)]


class Anchor(NamedTuple):
    """A run that was measured on a card.

    Attributes:
        run: the run.
        seconds: of an outer step, by what convolutions multiply.
        gigabytes: of the card's memory.
    """

    run: Run
    seconds: dict[str, float]
    gigabytes: float


# The paper's step of CIFAR-10, in a pack, on an H200 that did nothing else.
H200 = Anchor(
    Run("cifar10_ipc1_tm", 32, 10, 160, 30_720, 50, 0, 15_000),
    {"TF32": 0.182, "bfloat16": 0.126},
    1.13,
)


def maps(run: Run) -> int:
    """Returns the values of all blocks' maps, of one image."""
    return run.width * sum(side**2 for side in run.sides)


def multiplications(run: Run) -> int:
    """Returns those of all convolutions, of one image passing once."""
    channels = [CHANNELS, *[run.width] * (run.depth - 1)]
    return sum(
        9 * inputs * run.width * side**2
        for inputs, side in zip(channels, run.sides)
    )


def parameters(run: Run) -> int:
    """Returns how many the network has."""
    features = run.width * (run.image_size // 2**run.depth) ** 2
    # Kernel, bias, and the norm's scale and shift.
    first = 9 * CHANNELS * run.width + 3 * run.width
    others = (run.depth - 1) * (9 * run.width**2 + 3 * run.width)
    return first + others + (features + 1) * run.classes


def memory(run: Run, costs: Costs, chunk: int = 0) -> float:
    """Returns the bytes that an outer step holds, beside an idle process's.

    Args:
        run: the run.
        costs: of the machine.
        chunk: images of a student step that are treated at a time; 0 for all.
    """
    treated = min(chunk or run.batch, run.batch)
    numbers = (
        treated * costs.maps * maps(run)
        + run.seen * costs.whole * CHANNELS * run.image_size**2
        + (run.student_steps + 1 + VECTORS) * parameters(run)
        + costs.floats * run.floats
    )
    return 4 * numbers


def on_card(costs: Costs, anchor: Anchor = H200) -> Costs:
    """Returns the costs with as many maps as a card was seen to hold.

    What else a card's memory holds counts as maps, too: an upper bound.
    """
    others = memory(anchor.run, costs._replace(maps=0.0))
    rest = 1e9 * anchor.gigabytes - others
    return costs._replace(maps=rest / (4 * anchor.run.batch * maps(anchor.run)))


def largest_chunk(run: Run, costs: Costs, gigabytes: float) -> int | None:
    """Returns the largest chunk that fits a card; 0 if all images do.

    None where not even one image at a time does: what is in no chunk is too
    much.

    Args:
        run: the run.
        costs: of the card.
        gigabytes: its memory, of which `FILLED` are counted on.
    """
    divisors = (n for n in range(run.batch, 0, -1) if run.batch % n == 0)
    for chunk in divisors:
        if memory(run, costs, chunk) <= FILLED * 1e9 * gigabytes:
            return 0 if chunk == run.batch else chunk
    return None


def seconds(
    run: Run, precision: str, costs: Costs, anchor: Anchor = H200
) -> float:
    """Returns how long an outer step takes on a card alone.

    Args:
        run: the run.
        precision: a key of the anchor's seconds.
        costs: of the card.
        anchor: what was measured.
    """

    def work(run: Run) -> int:
        return run.student_steps * run.batch * multiplications(run)

    # What is held is written once, and read.
    update = 2 * 4 * costs.floats * run.floats / STREAMED
    return update + anchor.seconds[precision] * work(run) / work(anchor.run)


def exchanged(run: Run, replicas: int) -> float:
    """Returns the bytes that each replica sends in an outer step.

    What is averaged over replicas are the loss and the gradients in all floats
    of the memory and in the student's step size, in float32, dense whatever
    the student saw. In a ring each replica sends them 2 (r - 1) / r times
    (Patarasuk & Yuan 2009).
    """
    return 2 * (replicas - 1) / replicas * 4 * (run.floats + 2)


def hours(
    run: Run,
    precision: str,
    costs: Costs,
    replicas: int = 1,
    bandwidth: float = math.inf,
) -> tuple[float, float]:
    """Returns hours for as many outer steps, and for as many references.

    Each replica has a reference of its own, so that a step of r replicas takes
    as long as one, and the exchange; it averages r references.

    Args:
        run: the run.
        precision: see `seconds`.
        costs: of the card.
        replicas: cards, one each.
        bandwidth: bytes a second that a replica sends.
    """
    step = seconds(run, precision, costs)
    step += exchanged(run, replicas) / bandwidth
    whole = run.outer_steps * step / 3600
    return whole, whole / replicas
