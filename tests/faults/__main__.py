"""Runs the battery of faults, and writes `docs/reliability.md`.

    python -m tests.faults --jobs=2             # all of it: hours
    python -m tests.faults --every=40 --only=operations --programs=distill

Exit code 1 if anything went wrong. What it runs is in `battery.py`.
"""

import argparse
import importlib
import os
import pathlib
import sys
import tempfile
import time

from tests.faults import shim

_KINDS = ("operations", "flips", "mistakes", "strangers")
_PAGE = pathlib.Path(__file__).parents[2] / "docs" / "reliability.md"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--every",
        type=int,
        default=1,
        help="Of operations and bytes one in so many is tried.",
    )
    parser.add_argument("--only", nargs="+", choices=_KINDS, default=_KINDS)
    parser.add_argument("--programs", nargs="+", help="Default: all.")
    parser.add_argument(
        "--jobs", type=int, default=1, help="Trials at the same time."
    )
    parser.add_argument("--page", type=pathlib.Path, default=_PAGE)
    return parser.parse_args()


def _preload() -> None:
    """Starts this program again with the shim before it, unless it has it."""
    if shim.is_loaded():
        shim.unbuild()
        return
    if shim.compiler() is None:
        raise SystemExit(
            "No C compiler (cc, gcc, clang) is here to build with."
        )
    library = shim.build(pathlib.Path(tempfile.mkdtemp()))
    command = [sys.executable, "-m", "tests.faults", *sys.argv[1:]]
    os.execve(sys.executable, command, shim.environment(library))


def main() -> int:
    arguments = _arguments()
    if "operations" in arguments.only:
        _preload()
    # No child has to import anything, nor looks for accelerators.
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    from tests.faults import battery, page
    from tests.faults.programs import PROGRAMS

    for program in PROGRAMS.values():
        importlib.import_module(program.module)
    begun, tallies = time.monotonic(), []
    every, jobs = arguments.every, arguments.jobs
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name).resolve()
        template = None
        if {"flips", "strangers"} & set(arguments.only):
            template = battery.made(place)
        kinds = {
            "operations": lambda: battery.of_operations(
                place, arguments.programs or list(PROGRAMS), every, jobs
            ),
            "flips": lambda: battery.of_flips(template, every, jobs),
            "mistakes": lambda: battery.of_rows(place),
            "strangers": lambda: battery.of_rows(place, template),
        }
        for kind in arguments.only:
            for tally in kinds[kind]():
                tallies.append(tally)
                print(
                    tally.kind, dict(tally.counts), *tally.failures, sep="\n  "
                )
                sys.stdout.flush()
    hours = (time.monotonic() - begun) / 3600
    said = [text for text in sys.argv[1:] if not text.startswith("--page")]
    arguments.page.write_text(page.page(tallies, said, every, hours))
    return int(not all(tally.is_good for tally in tallies))


if __name__ == "__main__":
    raise SystemExit(main())
