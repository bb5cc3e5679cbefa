"""Measures points, each in a process of its own, and keeps what is measured."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence

from benchmarks import process
from benchmarks.scaling.fits import Measured, Points
from benchmarks.scaling.points import AXES, Point, wanted
from fred_tf.disk import records

KIND = "scaling"
# Of the machine's memory, beyond which no point is tried.
_MOST = 0.8


def read(path: pathlib.Path, machine: str) -> dict[Point, Measured]:
    """Returns the points of a record; none where there is no file.

    Raises:
        ValueError: the record is damaged, or of another machine.
    """
    done = records.continued(path, KIND, {"machine": machine}, None) or {}
    with records.stating(path):
        return {
            Point(**line["point"]): Measured(line["peak"], line["seconds"])
            for line in done.get("points", [])
        }


def write(
    path: pathlib.Path, machine: str, measured: Mapping[Point, Measured]
) -> None:
    """Writes the points that there are, in place of those before."""
    lines = [
        {"point": dataclasses.asdict(point), **found._asdict()}
        for point, found in measured.items()
    ]
    records.write(path, KIND, {"machine": machine}, None, points=lines)


def complete(
    path: pathlib.Path, machine: str, axes: Sequence[str], full: bool
) -> dict[Point, Measured]:
    """Measures what a record lacks; each point is kept when it is there.

    Args:
        path: the record.
        machine: where this is.
        axes: names of those to be measured.
        full: whether to measure the larger points, too. What will not fit this
            machine's memory is left out, and said.
    """
    measured = read(path, machine)
    missing = [p for p in wanted(axes, full) if p not in measured]
    for number, point in enumerate(missing, start=1):
        place = f"{number} of {len(missing)}: {point}"
        if not has_room(point, measured):
            print(f"{place}: left out, too large for this machine", flush=True)
            continue
        measured[point] = found = measure(point)
        write(path, machine, measured)
        seconds, peak = f"{found.seconds:.2f} s", f"{found.peak:.2f} GB"
        print(f"{place}: {seconds}, {peak}", flush=True)
    return measured


def measure(point: Point) -> Measured:
    """Measures a point in a process of its own."""
    told = json.dumps(dataclasses.asdict(point))
    arguments = ["--serve", told]
    side = process.Process(str(point), "benchmarks.scaling", arguments)
    side.close()
    return Measured(side.peak, side.seconds)


def has_room(point: Point, measured: Points) -> bool:
    """Returns whether a point should fit this machine.

    Its peak is expected straight on from the two points before it on its axis.
    """
    for axis in AXES.values():
        line = axis.points(full=True)
        if point not in line:
            continue
        before = [p for p in line[: line.index(point)] if p in measured][-2:]
        if len(before) == 2:
            first, last = (getattr(p, axis.field) for p in before)
            low, high = (measured[p].peak for p in before)
            way = (getattr(point, axis.field) - last) / (last - first)
            if high + (high - low) * way > _MOST * process.available():
                return False
    return True
