"""Points are runs that can be made, and their record is gone on with."""

import dataclasses

import pytest

from benchmarks import process
from benchmarks.scaling import measuring, side
from benchmarks.scaling.fits import Measured
from benchmarks.scaling.points import (
    AXES,
    CHECKED,
    DISTRIBUTION,
    FLOORS,
    Point,
    wanted,
)
from fred_tf import config

MACHINE = "2 cores, this one"


def test_every_point_is_a_run_of_its_size():
    points = wanted(AXES, full=True)
    assert len(points) == len(set(points)) > 40
    for point in points:
        settings = side.settings(point)
        shape, classes = point.image_shape, point.classes
        each = config.instances_per_class(settings, shape, classes)
        assert each * classes == point.images
        assert point.images * point.kept * 3 == point.floats


def test_floors_and_what_is_checked_come_first():
    assert wanted([], full=True) == []
    points = wanted(["width"], full=False)
    assert points[:3] == [*FLOORS.values(), CHECKED]
    assert [p.width for p in points[3:]] == [8, 16, 32, 64]
    assert AXES["width"].points(full=True)[-1] == Point(width=256)


def test_an_odd_share_is_refused():
    with pytest.raises(ValueError, match=r"`images` must divide .*10240\)"):
        _ = Point(images=300).kept


def test_a_point_tells_what_it_differs_in():
    assert str(Point()) == "trajectory matching"
    told = str(Point(DISTRIBUTION, 320, width=8))
    assert told == "distribution matching, images 320, width 8"


@pytest.fixture
def measured_here(monkeypatch):
    """Points that are measured, by a machine with as much memory as wanted."""
    tried = []

    def measure(point):
        tried.append(point)
        return Measured(1 + point.images / 1000, 0.5)

    monkeypatch.setattr(measuring, "measure", measure)
    monkeypatch.setattr(process, "available", lambda: 1000.0)
    return tried


def test_a_record_is_gone_on_with(tmp_path, measured_here, monkeypatch):
    path = tmp_path / "measured.json"
    first = measuring.complete(path, MACHINE, ["width"], False)
    assert measured_here == wanted(["width"], False) == [*first]
    assert measuring.read(path, MACHINE) == first
    both = measuring.complete(path, MACHINE, ["width", "classes"], False)
    added = measured_here[len(first) :]
    assert added == AXES["classes"].points(full=False)
    assert measuring.read(path, MACHINE) == both
    with pytest.raises(ValueError, match="`machine` is '2 cores, this one'"):
        measuring.complete(path, "another", ["width"], False)


def test_what_would_not_fit_is_left_out(
    tmp_path, measured_here, monkeypatch, capsys
):
    # 160 images to 2,560 peak at 1.16 GB to 3.56 GB.
    monkeypatch.setattr(process, "available", lambda: 3.0)
    path = tmp_path / "measured.json"
    found = measuring.complete(path, MACHINE, ["images"], True)
    held = [p.images for p in found if p in AXES["images"].points(True)]
    assert max(held) == 1280
    assert capsys.readouterr().out.count("left out, too large") == 3


@pytest.mark.slow  # It traces all augmentations.
@pytest.mark.parametrize("objective", FLOORS)
def test_a_point_makes_steps(objective):
    """The smallest one, in this process."""
    point = dataclasses.replace(FLOORS[objective], width=1)
    step = side.outer_step(point)
    assert step() and step()
