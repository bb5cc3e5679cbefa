"""Times the student of trajectory matching, and weighs its memory.

    python -m benchmarks.trajectory_step

The step is that of CIFAR-10 at ipc 1: 160 decoded images, all in every student
step, ConvNet-D3-128, full augmentation; the gradient in the images and the
learning rate. Sides: `store` (plain unroll), `recompute` (adjoint), the same
in chunks of 32 images, `tesla`; the `whole step` of the distiller with the
preset `cifar10_ipc1_tm`, which also decodes, reads an expert and updates the
memory; and where PyTorch is installed a straightforward unroll there without
augmentation (functional call, `create_graph=True`, GroupNorm(C, C)).

Every side lives in a process of its own, so that peaks are its own and count
everything from the interpreter on. Students are timed in turn at `--alternate`
student steps and reported as medians of `--rounds` (0: none). All sides but
PyTorch are weighed at each of `--steps` (nothing: none), one process after the
other: the peak after three calls, and the faster of the last two. What would
not fit the memory is left out. `relative` compares with the first side,
`PyTorch/` says how many times PyTorch's time a side's is shorter, `products`
which share of this machine's matrix products its convolutions reach; `growth`
is the last peak over the first, `of whole` the peak over that without chunks.
"""

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import convolutions, process
from benchmarks.trajectory_sides import PYTORCH, SIDES, STUDENTS


def serve(side: str, steps: int, width: int) -> None:
    """Runs a side in this process, see `process.serve`."""
    if side not in PYTORCH:
        # As `trainers.distill` does.
        from trainers import process_memory

        process_memory.settle()
    process.serve(SIDES[side](steps, width))


def started(side: str, steps: int, width: int) -> process.Process:
    """Returns a side in a process of its own."""
    return process.Process(
        f"The side {side!r} with {steps} steps",
        "benchmarks.trajectory_step",
        ["--serve", side, "--steps", steps, "--width", width],
    )


def matmul_rate() -> float:
    """Returns the machine's float32 matrix products in GFLOP/s, best of 9."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    size = 2048
    factor = tf.random.stateless_normal([size, size], [0, 0])
    seconds = []
    for _ in range(10):
        begun = time.perf_counter()
        tf.matmul(factor, factor).numpy()
        seconds.append(time.perf_counter() - begun)
    return 2 * size**3 / min(seconds[1:]) / 1e9


def gflop(recomputes: bool, width: int) -> float:
    """Returns a student step's convolutions in GFLOP."""
    made = convolutions.of_a_step(width)
    if recomputes:
        return sum((x.sweep + x.reverse) * x.gflop for x in made)
    # The unroll shares all but the weight gradients.
    return sum((x.reverse + (x.kind == "of weights")) * x.gflop for x in made)


def alternate(
    sides: Sequence[str], steps: int, rounds: int, width: int
) -> None:
    """Prints the students' times, taken in turn."""
    processes = {side: started(side, steps, width) for side in sides}
    seconds = {side: [] for side in sides}
    for _ in range(rounds):
        for side, served in processes.items():
            seconds[side].append(served.time() / steps)
    for served in processes.values():
        served.close()
    median = {side: statistics.median(times) for side, times in seconds.items()}
    rate = matmul_rate()
    torch, first = median.get("pytorch unroll"), next(iter(median))
    print(f"\nStudent step at N = {steps}, median of {rounds} in turn;")
    print(f"matrix products of this machine: {rate:.0f} GFLOP/s")
    print(_line("", "seconds", "relative", "PyTorch/", "products"))
    for side, value in median.items():
        faster = f"{torch / value:.2f} x" if torch else "-"
        share = "-"
        if side in ("store", "recompute"):
            share = f"{gflop(side == 'recompute', width) / value / rate:.0%}"
        relative = f"{value / median[first]:.2f} x"
        print(_line(side, f"{value:.3f}", relative, faster, share), flush=True)


class Weight(NamedTuple):
    """Peak of a process in GB, and seconds of one student step."""

    peak: float
    seconds: float


def weigh(
    side: str, steps: Sequence[int], width: int, available: float
) -> list[Weight]:
    """Returns what one side weighs at each of `steps`, as far as it fits.

    Args:
        side: a key of `SIDES`.
        steps: student steps, ascending.
        width: channels of the network.
        available: memory of the machine in GB.
    """
    weights = []
    for n in steps:
        if len(weights) > 1:
            before, last = steps[len(weights) - 2 : len(weights)]
            low, high = weights[-2].peak, weights[-1].peak
            # Straight on from the last two.
            expected = high + (high - low) * (n - last) / (last - before)
            if expected > 0.8 * available:
                break
        served = started(side, n, width)
        weights.append(Weight(served.peak, served.seconds / n))
        served.close()
    return weights


def rows(
    side: str,
    weights: Sequence[Weight],
    whole: Sequence[Weight],
    steps: Sequence[int],
) -> list[str]:
    """Returns two lines of a table, the peaks and the seconds of a side.

    Behind the peaks come the last over the first, and the last over that of
    `whole`, the same side without chunks.
    """
    missing = ["-"] * (len(steps) - len(weights))
    peaks = [f"{weight.peak:.2f}" for weight in weights] + missing
    seconds = [f"{weight.seconds:.3f}" for weight in weights] + missing
    if len(steps) == len(weights) == len(whole):
        peaks.append(f"{weights[-1].peak / weights[0].peak:.3f}")
        peaks.append(f"{weights[-1].peak / whole[-1].peak:.2f}")
    return [_line(side, "GB", *peaks), _line("", "s/step", *seconds)]


def _line(name: str, *cells: str) -> str:
    return f"  {name:<22}" + "".join(f"{cell:>9}" for cell in cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, nargs="*", default=[5, 10, 20, 50])
    parser.add_argument("--alternate", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=[*SIDES])
    parser.add_argument(
        "--width", type=int, default=128, help="channels of the network"
    )
    arguments = parser.parse_args()
    steps, width = sorted(arguments.steps), arguments.width
    if arguments.serve:
        serve(arguments.serve, steps[0], width)
        return
    timed = [side for side in arguments.sides if side in STUDENTS]
    if importlib.util.find_spec("torch"):
        timed += [side for side in arguments.sides if side in PYTORCH]
    if arguments.rounds and timed:
        alternate(timed, arguments.alternate, arguments.rounds, width)
    if steps:
        available = process.available()
        print(f"\nPeak of the whole process in GB, of {available:.1f} GB here;")
        print("seconds of a student step:")
        heads = [f"N = {n}" for n in steps]
        print(_line("", "", *heads, "growth", "of whole"))
        by_side = {}
        for side in arguments.sides:
            if side in PYTORCH:
                continue
            by_side[side] = weigh(side, steps, width, available)
            whole = by_side.get(side.split(",")[0], ())
            print(
                *rows(side, by_side[side], whole, steps), sep="\n", flush=True
            )


if __name__ == "__main__":
    main()
