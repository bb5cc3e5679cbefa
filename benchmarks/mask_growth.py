"""Prints what larger masks take in bytes where images err as much.

    python -m benchmarks.mask_growth
    python -m benchmarks.mask_growth --preset=cifar10_ipc1_tm_joint \\
        --images=20 --data_dir=~/tensorflow_datasets

Nothing is trained: the memory is of real images, and errs by what its mask
leaves out and by the rounding to one step size D. For each error and number of
kept coefficients a table has what a coded file takes at the step that errs so,
with two ways to choose levels: the nearest ones; and by rate, each worth its
bits as where levels are many, see `fred_tf/coding/by_rate.py`. A mask that is
too small cannot err so little.

    step, bits, zeros   D, bits of a kept coefficient, share of levels 0
    tables   bytes of masks, and of the spreads of the model
    bytes    of these and of the levels
    error    root-mean-square of normalised pixels
"""

import argparse
import math
import os
from collections.abc import Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from fred_tf import assembly, budget, presets
from fred_tf import config as config_lib
from fred_tf.coding import by_rate, quantizer
from fred_tf.coding.entropy_model import MOST_LEVEL
from fred_tf.forms import coded_record
from fred_tf.parameterizations import Frequency

SHARES = 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1
ERRORS = 0.5, 0.35, 0.25
# Halvings of the range in which a step is looked for.
HALVINGS = 20


def memory_of(data, settings, kept: int, images: int) -> Frequency:
    """Returns a memory of real images that keeps so many coefficients."""
    section = {"coefficients_per_channel": kept}
    section["mask_statistics"] = "whole_class"
    changed = config_lib.replace(
        settings, {f"parameterization.{k}": v for k, v in section.items()}
    )
    memory = Frequency(
        data.image_shape, data.classes, images, changed.parameterization
    )
    assembly.adapt(memory, data, changed.seed)
    return memory


def rows_of(memory: Frequency) -> tuple[np.ndarray, np.ndarray]:
    """Returns orthonormal values `[rows, images]`, and what each row is of."""
    values = quantizer.orthonormal(memory.coefficients(), memory.units)
    table = memory.table.numpy()
    return coded_record.rows_of(values.numpy().astype(np.float64), table)


def step_of(
    values: np.ndarray, of: np.ndarray, squares: float, weight: float
) -> float:
    """Returns the step whose levels err by a sum of squares, about.

    Errors rise with the step, but for ripples.

    Args:
        values: orthonormal, `[rows, n]`.
        of: which frequency each row is of.
        squares: the sum.
        weight: what a bit is worth, see `by_rate.levels`.
    """
    most = float(np.abs(values).max())
    low, high = most / MOST_LEVEL, 4 * most
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        errors = values - middle * by_rate.levels(values / middle, of, weight)
        if np.square(errors).sum() < squares:
            low = middle
        else:
            high = middle
    return low


def coded(
    memory: Frequency, squares: float, weight: float
) -> tuple[float, np.ndarray, dict[str, int]]:
    """Returns the step that errs so, its levels, and the bytes of a file."""
    values, of = rows_of(memory)
    step = step_of(values, of, squares, weight)
    levels = by_rate.levels(values / step, of, weight)
    positions = budget.positions(memory.spectrum_shape)
    parts = coded_record.parts_of(levels, memory.table.numpy(), positions)
    return step, levels, {name: len(part) for name, part in parts.items()}


def table(data, settings, images: int, error: float) -> Iterator[list[str]]:
    """Yields the cells of the table of an error, a row a mask."""
    positions = budget.positions(data.image_shape)
    everything, _ = rows_of(memory_of(data, settings, positions, images))
    whole = np.square(everything).sum()
    for share in SHARES:
        kept = max(1, round(share * positions))
        memory = memory_of(data, settings, kept, images)
        values, _ = rows_of(memory)
        squares = error**2 * everything.size
        squares -= whole - np.square(values).sum()
        if squares <= 0:
            yield [f"{kept:,}", "cannot", *[""] * 5]
            continue
        step, levels, sizes = coded(memory, squares, 0)
        _, chosen, fewer = coded(memory, squares, by_rate.OF_MANY)
        yield [
            f"{kept:,}",
            f"{step:.2f}",
            f"{8 * sizes['levels'] / levels.size:.2f}",
            f"{100 * np.mean(levels == 0):.0f} %",
            f"{sizes['masks'] + sizes['spreads']:,}",
            f"{sum(sizes.values()):,}",
            f"{sum(fewer.values()):,}, {100 * np.mean(chosen == 0):.0f} %",
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--preset", default="digits_ipc1_dm")
    parser.add_argument("--data_dir")
    parser.add_argument("--images", type=int, default=100, help="of each class")
    asked = parser.parse_args()
    settings = presets.preset(asked.preset)
    data = assembly.load_data(settings, asked.data_dir)
    head = "kept of a channel | step | bits | zeros | tables | bytes"
    for error in ERRORS:
        print(f"\n{asked.images} images of each class, error {error}\n")
        print(f"| {head} | by rate: bytes, zeros |")
        print("|---" * 7 + "|")
        for cells in table(data, settings, asked.images, error):
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
