"""Measures how time and memory of an outer step grow, and foretells others.

    python -m benchmarks.scaling
    python -m benchmarks.scaling --full   # on a machine with much memory

One thing at a time grows, from a base that two cores make in half a second:
images, student steps, width, the size of images, classes, the memory's floats
and logical devices; images and classes of distribution matching, too. Every
point is a process of its own, see `benchmarks/process.py`: the peak after three
outer steps, and the faster of the last two. What comes out:

    exponents  of each axis, by least squares in logarithms over its upper
               half, with the root mean square of what is left
    --figure   the same, drawn
    --page     the same, and what larger runs cost by it

It ends with 1 where time or memory grow faster than in proportion to images or
student steps. What is measured is kept in `--record`, and the same command goes
on after whatever stopped it; another machine needs another record. `--axes`
measures some alone, and no points (`--axes` with nothing behind it) make page
and figure anew.
"""

import argparse
import json
import pathlib
import sys

from benchmarks import process
from benchmarks.scaling import fits, measuring
from benchmarks.scaling.points import AXES, Point

HERE = pathlib.Path(__file__).parent
DOCS = HERE.parents[1] / "docs"


def serve(point: Point) -> None:
    """Runs a point in this process, see `process.serve`."""
    # As `trainers.distill` does.
    from trainers import process_memory

    process_memory.settle()
    from benchmarks.scaling import side

    process.serve(side.outer_step(point))


def make(arguments: argparse.Namespace) -> list[str]:
    """Measures, prints, draws and writes.

    Returns:
        A line for each exponent that is too large.
    """
    from benchmarks.scaling import figure, page
    from fred_tf import figures
    from fred_tf.disk import files
    from trainers.results.hardware import hardware

    machine = hardware()
    measured = measuring.complete(
        arguments.record, machine, arguments.axes, arguments.full
    )
    written = page.page(measured, machine)
    print(page.axes_table(measured))
    if arguments.figure:
        axes = {name: fits.grown(name, measured) for name in AXES}
        figures.save(figure.panels(axes), arguments.figure, dpi=130)
    if arguments.page:
        files.write_text(arguments.page, written)
    return fits.too_steep(measured)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--axes", nargs="*", choices=AXES, default=[*AXES])
    parser.add_argument(
        "--full", action="store_true", help="the larger points, too"
    )
    parser.add_argument(
        "--record", type=pathlib.Path, default=HERE / "measured.json"
    )
    for name in ("figure", "page"):
        suffix = {"figure": ".png", "page": ".md"}[name]
        parser.add_argument(
            f"--{name}",
            type=lambda text: pathlib.Path(text) if text else None,
            default=DOCS / f"scaling{suffix}",
            help="an empty one writes none",
        )
    arguments = parser.parse_args()
    if arguments.serve:
        serve(Point(**json.loads(arguments.serve)))
        return 0
    found = make(arguments)
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
