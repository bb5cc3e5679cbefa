"""What class batches cost from the disk, beside those from memory.

    python -m benchmarks.class_batches --images=100000 --size=64

makes images of random bytes in ten classes, keeps them in a sealed cache in a
temporary folder and in memory, draws from both in turn, and prints the median
seconds of a batch, their ratio, which is to be at most 1.1, and how far the
resident memory that is not the file's grows over the draws from the disk.
"""

import tempfile
from collections.abc import Iterator

import numpy as np
import psutil
from absl import app, flags

from benchmarks.side_by_side import medians
from fred_tf import seeds
from fred_tf.datasets import ClassBatches, Split, disk_images
from fred_tf.normalizations import Standardize

IMAGES = flags.DEFINE_integer("images", 100_000, "How many there are.", 10)
SIZE = flags.DEFINE_integer("size", 64, "Side of the images, in pixels.", 1)
PER_CLASS = flags.DEFINE_integer("per_class", 64, "Drawn of each class.", 1)
ROUNDS = flags.DEFINE_integer("rounds", 50, "Draws of each side.", 1)

CLASSES = 10
STANDARDIZE = Standardize((0.5,) * 3, (0.29,) * 3)


def made(count: int, size: int) -> Iterator[np.ndarray]:
    """Yields images of random bytes."""
    generator = np.random.default_rng(0)
    for _ in range(count):
        yield generator.integers(0, 256, (size, size, 3), np.uint8)


def batches(images: disk_images.Images) -> ClassBatches:
    """Returns the batches of some images, whose classes take turns."""
    split = Split(images, np.arange(len(images)) % CLASSES)
    return ClassBatches(split, STANDARDIZE, CLASSES)


def own_memory() -> int:
    """Returns the bytes of this process that the system cannot take back."""
    told = psutil.Process().memory_info()
    return told.rss - getattr(told, "shared", 0)


def compared(
    count: int, size: int, per_class: int, rounds: int
) -> tuple[dict[str, float], int]:
    """Returns the median seconds of a draw by side, and bytes of growth."""
    with tempfile.TemporaryDirectory() as folder:
        stored, _ = disk_images.kept(
            folder,
            {"source": "random bytes"},
            count,
            (size, size, 3),
            np.dtype(np.uint8),
            lambda row: made(count, size),
        )
        sides = {"disk": batches(stored), "memory": batches(stored[:])}
        numbers = iter(range(10**9))

        def draw(side: ClassBatches):
            seed = seeds.named(0, "benchmark", next(numbers))
            return lambda: side.draw(seed, per_class).numpy()

        draw(sides["disk"])()
        before = own_memory()
        for _ in range(rounds):
            draw(sides["disk"])()
        grown = own_memory() - before
        calls = {
            name: lambda side=side: draw(side)() for name, side in sides.items()
        }
        return medians(calls, rounds), grown


def main(_: list[str]) -> None:
    seconds, grown = compared(
        IMAGES.value, SIZE.value, PER_CLASS.value, ROUNDS.value
    )
    print(
        f"{IMAGES.value:,} images of {SIZE.value} x {SIZE.value}, "
        f"{PER_CLASS.value} of each of {CLASSES} classes\n"
        f"disk    {1e3 * seconds['disk']:8.2f} ms\n"
        f"memory  {1e3 * seconds['memory']:8.2f} ms\n"
        f"ratio   {seconds['disk'] / seconds['memory']:8.2f}\n"
        f"growth over {ROUNDS.value} draws from the disk: {grown / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    app.run(main)
