"""Exponents and bytes are found again in what is made of them."""

import dataclasses

import numpy as np
import pytest

from benchmarks.scaling import fits, foretelling
from benchmarks.scaling.fits import Measured
from benchmarks.scaling.foretelling import Costs
from benchmarks.scaling.points import (
    AXES,
    CHECKED,
    DISTRIBUTION,
    FLOORS,
    TRAJECTORY,
    Point,
    wanted,
)

COSTS = Costs(maps=5.5, whole=14.0, floats=6.0)


def made(seconds=lambda point: 1.0):
    """Points of a machine whose floor is 1 GB and that the formula is of."""

    def peak(point):
        run = dataclasses.replace(point, objective=TRAJECTORY)
        held = foretelling.memory(fits.of(run), COSTS, point.chunk)
        return 1.0 if point in FLOORS.values() else 1.0 + held / 1e9

    return {p: Measured(peak(p), seconds(p)) for p in wanted(AXES, full=False)}


def test_a_power_law_is_found_in_its_upper_half():
    x = np.array([10.0, 20, 40, 80, 160])
    fit = fits.power(x, 3 * x**1.5)
    assert fit.exponent == pytest.approx(1.5)
    assert fit.residual == pytest.approx(0, abs=1e-9)
    y = 3 * x**1.5
    y[:2] = 100  # What is small is not looked at.
    assert fits.power(x, y).exponent == pytest.approx(1.5)
    y[3] *= 1.1
    assert 0.01 < fits.power(x, y).residual < 0.1


def test_few_points_have_a_line_or_none():
    assert fits.power([3.0], [1.0]) is None
    fit = fits.power([10.0, 100, 200], [1.0, 1.0, 2.0])
    assert fit.exponent == pytest.approx(1)
    assert fit.residual == pytest.approx(0, abs=1e-9)


def test_memory_counts_from_the_floor():
    measured = {
        FLOORS[TRAJECTORY]: Measured(1.0, 0.1),
        Point(): Measured(1.005, 1.0),
        Point(images=320): Measured(1.1, 2.0),
        Point(images=640): Measured(1.2, 4.0),
    }
    found = fits.grown("images", measured)
    assert found.values == [160, 320, 640]
    assert found.time.exponent == pytest.approx(1)
    # Five megabytes are what processes differ by.
    assert found.space.exponent == pytest.approx(1)
    assert fits.grown("classes", measured).time is None


def test_costs_are_found_again():
    found = fits.costs(made())
    assert found == pytest.approx(COSTS, rel=0.05)
    told = foretelling.memory(fits.of(CHECKED), found) / 1e9
    assert told == pytest.approx(fits.above_floor(CHECKED, made()), rel=0.05)
    assert fits.costs({FLOORS[TRAJECTORY]: Measured(1.0, 0.1)}) is None


def test_what_grows_too_fast_is_told():
    linear = made(lambda p: p.images * p.student_steps)
    assert fits.too_steep(linear) == []
    steep = made(lambda p: p.images**1.2)
    found = fits.too_steep(steep)
    assert len(found) == 3  # Two axes of trajectories, one of distributions.
    assert found[0].startswith(
        "images: the exponent of time must be at most 1.1. Received: 1.20."
    )


def test_only_trajectories_are_foretold():
    with pytest.raises(ValueError, match="must be of trajectory_matching"):
        fits.of(Point(DISTRIBUTION))
