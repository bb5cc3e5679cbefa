"""Prints what larger masks take in bytes where images err as much.

    python -m benchmarks.mask_growth
    python -m benchmarks.mask_growth --preset=cifar10_ipc1_tm_joint \\
        --images=20 --data_dir=~/tensorflow_datasets

Nothing is trained: the memory is of real images, and errs by what its mask
leaves out and by the rounding to one step size D. For each error and number of
kept coefficients a table has what a coded file takes at the step that errs so,
with two ways to choose levels: the nearest ones; and by rate, of the nearest,
the one next to it below and 0 the level k that has the least

    (value - k D)^2 + (ln 2 / 6) D^2 * bits of k

which is what a bit saves in squared error where levels are many, D^2 / 12 being
their error and a quarter of it that of a bit more. A mask that is too small
cannot err so little.

    step, bits, zeros   D, bits of a kept coefficient, share of levels 0
    tables   bytes of masks, and of the spreads of the model
    bytes    of these and of the levels
    error    root-mean-square of normalised pixels
"""

import argparse
import math
import os
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from fred_tf import assembly, budget, presets
from fred_tf import config as config_lib
from fred_tf.coding import entropy_model, quantizer
from fred_tf.coding.entropy_model import MOST_LEVEL, PRECISION, SPREADS
from fred_tf.forms import coded_record
from fred_tf.parameterizations import Frequency

SHARES = 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1
ERRORS = 0.5, 0.35, 0.25
# Halvings of the range in which a step is looked for.
HALVINGS = 20
# How often spreads are found for levels, and levels for spreads.
ROUNDS = 3

# Takes values, of which frequency they are, and a step; returns levels.
Rounding = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def nearest(values: np.ndarray, of: np.ndarray, step: float) -> np.ndarray:
    """Returns the nearest levels of values `[rows, n]`."""
    return np.rint(values / step).astype(np.int32)


def by_rate(values: np.ndarray, of: np.ndarray, step: float) -> np.ndarray:
    """Returns levels whose errors are worth the bits that they save."""
    near = nearest(values, of, step)
    lower = np.sign(near) * np.maximum(np.abs(near) - 1, 0)
    ways = near, lower, np.zeros_like(near)
    levels, largest = near, max(1, int(np.abs(near).max()))
    for _ in range(ROUNDS):
        spreads = entropy_model.fitted(levels, of)
        bits = PRECISION - np.log2(
            [
                entropy_model.probabilities(index, largest)[largest:]
                for index in range(SPREADS)
            ]
        )
        costs = [
            (values / step - way) ** 2
            + math.log(2) / 6 * bits[spreads[of][:, None], np.abs(way)]
            for way in ways
        ]
        levels = np.choose(np.argmin(costs, axis=0), ways)
    return levels


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
    rows = values.numpy().transpose(0, 2, 3, 1).astype(np.float64)
    keys = coded_record.keys_of(memory.table.numpy(), rows.shape[2])
    return rows.reshape(len(keys), -1), np.unique(keys, return_inverse=True)[1]


def step_of(
    values: np.ndarray, of: np.ndarray, squares: float, how: Rounding
) -> float:
    """Returns the step whose levels err by a sum of squares, about.

    Errors rise with the step, but for ripples.
    """
    most = float(np.abs(values).max())
    low, high = most / MOST_LEVEL, 4 * most
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        errors = values - middle * how(values, of, middle)
        if np.square(errors).sum() < squares:
            low = middle
        else:
            high = middle
    return low


def coded(
    memory: Frequency, squares: float, how: Rounding
) -> tuple[float, np.ndarray, dict[str, int]]:
    """Returns the step that errs so, its levels, and the bytes of a file."""
    values, of = rows_of(memory)
    step = step_of(values, of, squares, how)
    table = memory.table.numpy()
    levels = how(values, of, step).reshape(
        *table.shape, -1, memory.instances_per_class
    )
    levels = levels.transpose(0, 3, 1, 2)
    positions = budget.positions(memory.spectrum_shape)
    parts = coded_record.parts_of(levels, table, positions)
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
        step, levels, sizes = coded(memory, squares, nearest)
        _, chosen, fewer = coded(memory, squares, by_rate)
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
