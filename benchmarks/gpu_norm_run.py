"""Times the packs beside it in turn, and checks that they agree.

    python run.py

`python -m benchmarks.gpu_norm` makes the packs, and copies this file and
`twins.py` there. Needs JAX and NumPy; PyTorch's twin is timed where it is.
Prints, for each, the median of `--rounds` calls in turn in milliseconds of a
student step, how much that is of the usual layout with the same numbers, and
how far its gradients are from those of the plain unroll in float32, relative to
these. In float32 that is rounding, at most `TOLERANCE`; else it ends with 1.

What a pack says is run: time only packs that you made.
"""

import argparse
import importlib.util
import json
import pathlib
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ABOUT, INPUTS, REFERENCE = "packs.json", "inputs.npz", "store float32"
TOLERANCE = 1e-5
_LIBRARIES = {"PyTorch": "torch", "plain JAX": "jax"}


def file_of(name: str) -> str:
    """Returns what the file of a pack is called."""
    return f"{name.replace(' ', '_')}.jax"


def inputs(folder: pathlib.Path) -> list[Any]:
    """Returns what every pack takes."""
    import numpy as np

    with np.load(folder / INPUTS) as stored:
        return [stored[str(i)] for i in range(len(stored.files))]


def call_of(folder: pathlib.Path, name: str) -> Callable[[], list[Any]]:
    """Returns a function that computes a pack's gradients."""
    import jax
    import numpy as np
    from jax import export

    exported = export.deserialize((folder / file_of(name)).read_bytes())
    function = jax.jit(exported.call)
    arguments = [jax.device_put(value) for value in inputs(folder)]
    return lambda: [np.asarray(value) for value in function(*arguments)]


def difference(found: Sequence[Any], expected: Sequence[Any]) -> float:
    """Returns the largest of the relative distances of gradients to others."""
    import numpy as np

    return max(
        float(np.linalg.norm(a - b) / np.linalg.norm(b))
        for a, b in zip(found, expected)
    )


def medians(
    sides: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, float]:
    """Returns the median seconds of each side, called in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, call in sides.items():
            begun = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - begun)
    return {name: statistics.median(s) for name, s in seconds.items() if s}


def twins_of(about: Mapping[str, Any]) -> dict[str, Callable[[], object]]:
    """Returns the twins whose libraries are there, as the packs are made."""
    from twins import TWINS

    numbers = {name.split()[-1]: None for name in about["packs"]}
    shape = about["steps"], about["width"], about["images"]
    return {
        f"{twin} {number}": make(*shape, number)
        for twin, make in TWINS.items()
        if importlib.util.find_spec(_LIBRARIES[twin])
        for number in numbers
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Times packs of a student.")
    parser.add_argument("--rounds", type=int, default=9)
    flags = parser.parse_args()
    import jax

    folder = pathlib.Path(__file__).parent
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    print(f"{jax.devices()[0].device_kind}, JAX {jax.__version__}: {about}")
    sides = {name: call_of(folder, name) for name in about["packs"]}
    found = {name: call() for name, call in sides.items()}  # Compiles, too.
    far = {name: difference(x, found[REFERENCE]) for name, x in found.items()}
    twins = twins_of(about)
    for call in twins.values():
        call()
    times = medians({**sides, **twins}, flags.rounds)
    for name, seconds in times.items():
        usual = times[f"windows {name.split()[-1]}"]
        print(
            f"{name:22} {1e3 * seconds / about['steps']:9.3f} ms "
            f"{seconds / usual:6.2f} x   {far.get(name, float('nan')):.1e}"
        )
    exact = {k: x for k, x in far.items() if k.endswith(" float32")}
    wrong = [name for name, x in exact.items() if not x <= TOLERANCE]
    if wrong:
        print(f"Gradients must be within {TOLERANCE} of {REFERENCE}'s: {wrong}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
