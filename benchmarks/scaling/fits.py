"""How time and memory grow: exponents, and bytes by a formula."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.scaling import foretelling
from benchmarks.scaling.points import (
    AXES,
    CHECKED,
    FLOORS,
    TRAJECTORY,
    Point,
    wanted,
)

# GB above the floor, below which a peak is what processes differ by.
_LEAST = 0.02
# Axes that say what maps hold; those that say it of images and of floats.
_FITTED = ("images", "width", "image size")
_SLOPES = ("images, in chunks of 160", "floats of the memory, by ipc")
# Floats that one image a class adds there.
_IPC = Point().floats


class Measured(NamedTuple):
    """Peak of a process in GB, and seconds of an outer step."""

    peak: float
    seconds: float


Points = Mapping[Point, Measured]


class Fit(NamedTuple):
    """y is in proportion to x^exponent, but for a share `residual`."""

    exponent: float
    residual: float


class Grown(NamedTuple):
    """What was measured along an axis.

    Attributes:
        values: of the axis, ascending.
        seconds: of an outer step, for each value.
        memory: GB above the floor, for each value.
        time: fit of the seconds; None of fewer than two points.
        space: fit of the memory, likewise.
    """

    values: list[int]
    seconds: list[float]
    memory: list[float]
    time: Fit | None
    space: Fit | None


def power(x: Sequence[float], y: Sequence[float]) -> Fit | None:
    """Returns the exponent of the upper half of some points.

    By least squares in the logarithms; the residual is their root mean square.
    Of fewer than two points there is none, and of two it is 0.

    Args:
        x: ascending.
        y: positive.
    """
    if len(x) < 2:
        return None
    half = min(len(x) // 2, len(x) - 2)
    log_x, log_y = np.log(x[half:]), np.log(y[half:])
    exponent, start = np.polyfit(log_x, log_y, 1)
    left = log_y - (exponent * log_x + start)
    return Fit(float(exponent), float(np.sqrt(np.mean(left**2))))


def grown(name: str, measured: Points) -> Grown:
    """Returns what was measured along an axis, as far as it was."""
    axis = AXES[name]
    there = [p for p in axis.points(full=True) if p in measured]
    values = [getattr(point, axis.field) for point in there]
    seconds = [measured[point].seconds for point in there]
    memory = [above_floor(point, measured) for point in there]
    large = [i for i, gigabytes in enumerate(memory) if gigabytes >= _LEAST]
    return Grown(
        values,
        seconds,
        memory,
        power(values, seconds),
        power([values[i] for i in large], [memory[i] for i in large]),
    )


def above_floor(point: Point, measured: Points) -> float:
    """Returns the GB of a point's peak beyond those of an idle process."""
    return measured[point].peak - measured[FLOORS[point.objective]].peak


def too_steep(measured: Points) -> list[str]:
    """Returns a line for each exponent that is beyond its axis's bound."""
    found = []
    for name, axis in AXES.items():
        fits = grown(name, measured)
        for what, fit in (("time", fits.time), ("memory", fits.space)):
            if fit and fit.exponent > axis.bound:
                found.append(
                    f"{name}: the exponent of {what} must be at most "
                    f"{axis.bound}. Received: {fit.exponent:.2f}. Measure on "
                    "an idle machine, or look for what grows."
                )
    return found


def costs(measured: Points) -> foretelling.Costs | None:
    """Returns what the formula of bytes takes; None of too few points.

    What images and the memory's floats hold are slopes; what maps hold is the
    factor with the least relative errors of narrow points without chunks.
    Larger points, of `--full`, are no part of it: it foretells them, too.
    """
    usual = {p: measured[p] for p in wanted(AXES, False) if p in measured}
    slopes = [_slope(name, usual) for name in _SLOPES]
    points = {p for name in _FITTED for p in AXES[name].points(full=False)}
    narrow = [p for p in points & {*usual} if p.width < CHECKED.width]
    if None in slopes or len(narrow) < 2:
        return None
    image, ipc = slopes
    whole, floats = image / (12 * Point().image_size ** 2), ipc / (4 * _IPC)
    none = foretelling.Costs(0.0, whole, floats)
    # Shares that others take of a peak, and maps each time they count.
    others, of_maps = [], []
    for point in sorted(narrow, key=str):
        peak, run = 1e9 * above_floor(point, usual), of(point)
        before = foretelling.memory(run, none)
        others.append(before / peak)
        once = foretelling.memory(run, none._replace(maps=1.0))
        of_maps.append((once - before) / peak)
    factor = np.dot(of_maps, 1 - np.array(others)) / np.dot(of_maps, of_maps)
    return none._replace(maps=float(factor))


def checks(measured: Points) -> list[Point]:
    """Returns measured points of which `costs` is not made."""
    axes = *_FITTED, _SLOPES[0]
    points = [p for name in axes for p in AXES[name].points(full=True)]
    usual = wanted(AXES, False)
    larger = [p for p in points if p in measured and p not in usual]
    return list(dict.fromkeys([CHECKED, *larger]))


def _slope(name: str, measured: Points) -> float | None:
    """Returns the bytes by which an axis's upper half grows for each value."""
    found = grown(name, measured)
    if len(found.values) < 2:
        return None
    half = min(len(found.values) // 2, len(found.values) - 2)
    slope, _ = np.polyfit(found.values[half:], found.memory[half:], 1)
    return 1e9 * float(slope)


def of(point: Point) -> foretelling.Run:
    """Returns a point of trajectory matching as a run that is foretold."""
    if point.objective != TRAJECTORY:
        raise ValueError(
            f"`point` must be of {TRAJECTORY}. Received: {point.objective}."
        )
    return foretelling.Run(
        str(point),
        image_size=point.image_size,
        classes=point.classes,
        images=point.images,
        floats=point.floats,
        student_steps=point.student_steps,
        student_batch=point.batch,
        width=point.width,
        outer_steps=1,
    )
