"""Times the student of trajectory matching, and weighs its memory.

    python -m benchmarks.trajectory_step

The step is that of CIFAR-10 at ipc 1: 160 decoded images, all in every student
step, ConvNet-D3-128, full augmentation; the gradient in the images and the
learning rate. Sides: `store` (plain unroll), `recompute` (adjoint), the same
in chunks of 32 images, `tesla`, and where PyTorch is installed a
straightforward unroll there without augmentation (functional call,
`create_graph=True`, GroupNorm(C, C)).

Every side lives in a process of its own, so that peaks are its own and count
everything from the interpreter on. Times at `--alternate` student steps are
taken in turn and reported as medians of `--rounds` (0: none); peaks at each of
`--steps` (nothing: none), one process after the other. What would not fit the
memory is left out.
"""

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

IMAGES, CLASSES, WIDTH, CHUNK = 160, 10, 128, 32
# Multiply-adds of one convolution of each block, an image.
_CONVOLUTIONS = (32**2 * 27 * WIDTH, 16**2 * 9 * WIDTH**2, 8**2 * 9 * WIDTH**2)
# Convolutions of a student step's gradient and of its reverse pass, by block:
# the first block's images have no gradient of their own in the forward sweep.
_SWEEP, _REVERSE = (2, 3, 3), (5, 8, 8)
_SIDES = {
    "store": ("store", 0),
    "recompute": ("recompute", 0),
    f"recompute, chunk {CHUNK}": ("recompute", CHUNK),
    "tesla": ("tesla", 0),
    "pytorch unroll": None,
}


def tensorflow_side(memory: str, chunk: int, steps: int) -> Callable[[], None]:
    """Returns a function that computes one outer gradient."""
    import numpy as np
    import tensorflow as tf

    from fred_tf import seeds
    from fred_tf.augmentations import SiameseAugmentation
    from fred_tf.networks import ConvNet, Functional
    from fred_tf.objectives.student import STUDENT_MEMORY, Student, chunks_of

    network = Functional(ConvNet((32, 32, 3), CLASSES, width=WIDTH))
    augmentation = SiameseAugmentation()
    start = network.flatten(network.initialize(seeds.named(0, "network")))
    generator = np.random.default_rng(0)
    images = generator.normal(size=(IMAGES, 32, 32, 3)).astype(np.float32)
    labels = tf.range(IMAGES) % CLASSES

    @tf.function(autograph=False)
    def gradient(images, learning_rate, seed):
        def batch(images, position):
            return augmentation(images, seeds.fold(seed, position)), labels

        def loss(theta, images, labels):
            logits = network.logits(network.unflatten(theta), images)
            return tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            )

        student = Student(batch, loss, steps, chunks_of(IMAGES, 0, chunk))
        sources = [images, learning_rate]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            end = STUDENT_MEMORY[memory](student, start, learning_rate, images)
            far = tf.reduce_sum(end**2)
        return tape.gradient(far, sources)

    arguments = (
        tf.constant(images),
        tf.constant(0.01),
        tf.constant(seeds.named(0, "step")),
    )
    return lambda: gradient(*arguments)[0].numpy()


def pytorch_side(steps: int) -> Callable[[], None]:
    """Returns the same in PyTorch, by the book."""
    import torch
    from torch.nn import functional

    torch.manual_seed(0)
    shapes, channels = [], 3
    for _ in range(3):
        shapes += [(WIDTH, channels, 3, 3), (WIDTH,), (WIDTH,), (WIDTH,)]
        channels = WIDTH
    shapes += [(CLASSES, WIDTH * 16), (CLASSES,)]
    sizes = [torch.Size(shape).numel() for shape in shapes]
    start = 0.05 * torch.randn(sum(sizes))
    images = torch.randn(IMAGES, 3, 32, 32, requires_grad=True)
    labels = torch.arange(IMAGES) % CLASSES
    rate = torch.tensor(0.01, requires_grad=True)

    def logits(theta):
        parts = [p.view(s) for p, s in zip(theta.split(sizes), shapes)]
        x = images
        for block in range(3):
            kernel, bias, gamma, beta = parts[4 * block : 4 * block + 4]
            x = functional.conv2d(x, kernel, bias, padding=1)
            x = functional.group_norm(x, WIDTH, gamma, beta)
            x = functional.avg_pool2d(functional.relu(x), 2)
        return functional.linear(x.flatten(1), parts[-2], parts[-1])

    def gradient():
        theta = start.clone().requires_grad_()
        for _ in range(steps):
            loss = functional.cross_entropy(logits(theta), labels)
            (slope,) = torch.autograd.grad(loss, theta, create_graph=True)
            theta = theta - rate * slope
        return torch.autograd.grad((theta**2).sum(), [images, rate])

    return gradient


def serve(side: str, steps: int) -> None:
    """Times one call for every line on stdin."""
    settings = _SIDES[side]
    make = pytorch_side if settings is None else tensorflow_side
    call = make(*(settings or ()), steps)
    call()
    while True:
        # Linux counts kilobytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps({"peak": peak}), flush=True)
        if not sys.stdin.readline():
            return
        begun = time.perf_counter()
        call()
        print(time.perf_counter() - begun, flush=True)


class Process:
    """A side in a process of its own; made when it has run once."""

    def __init__(self, side: str, steps: int):
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, "--serve", side]
            + ["--steps", str(steps)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            text=True,
        )
        self.peak = self._read()["peak"]

    def time(self) -> float:
        """Returns the seconds of one call."""
        print(file=self._process.stdin, flush=True)
        seconds = self._read()
        self.peak = self._read()["peak"]
        return seconds

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()

    def _read(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(
                f"A side ended with exit code {self._process.wait()}; -9 "
                "means out of memory. Give fewer --steps."
            )
        return json.loads(line)


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


def gflop(recomputes: bool) -> float:
    """Returns a student step's convolutions in GFLOP."""
    counts = [s + r for s, r in zip(_SWEEP, _REVERSE)]
    if not recomputes:
        # The unroll shares all but the weight gradients.
        counts = [1 + r for r in _REVERSE]
    products = sum(n * m for n, m in zip(counts, _CONVOLUTIONS))
    return 2 * IMAGES * products / 1e9


def alternate(sides: list[str], steps: int, rounds: int) -> None:
    processes = {side: Process(side, steps) for side in sides}
    seconds = {side: [] for side in sides}
    for _ in range(rounds):
        for side, process in processes.items():
            seconds[side].append(process.time() / steps)
    for process in processes.values():
        process.close()
    median = {side: statistics.median(times) for side, times in seconds.items()}
    rate = matmul_rate()
    print(f"Matrix products of this machine: {rate:.0f} GFLOP/s")
    print(f"\nSeconds a student step, N = {steps}, median of {rounds}:")
    torch = median.get("pytorch unroll")
    first, base = next(iter(median.items()))
    for side, value in median.items():
        line = f"  {side:<20}{value:7.3f}  {value / base:5.2f} x {first}"
        if side in ("store", "recompute"):
            share = gflop(side == "recompute") / value / rate
            line += f"  convolutions at {share:.0%} of matrix products"
        if torch and side != "pytorch unroll":
            line += f"  {torch / value:.2f} x faster than PyTorch"
        print(line, flush=True)


def weigh(sides: list[str], steps: list[int]) -> None:
    available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    print(f"\nPeak of the whole process in GB of {available:.0f}, at N steps:")
    print(f"  {'':<20}" + "".join(f"{n:>8}" for n in steps))
    for side in sides:
        peaks = []
        for n in steps:
            if len(peaks) > 1:
                (a, b), (low, high) = steps[len(peaks) - 2 :][:2], peaks[-2:]
                # Straight on from the last two.
                if high + (high - low) * (n - b) / (b - a) > 0.8 * available:
                    break
            process = Process(side, n)
            peaks.append(process.peak)
            process.close()
        cells = [f"{peak:8.2f}" for peak in peaks]
        cells += [f"{'-':>8}"] * (len(steps) - len(peaks))
        print(f"  {side:<20}" + "".join(cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, nargs="*", default=[5, 10, 20, 50])
    parser.add_argument("--alternate", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sides", nargs="+", choices=_SIDES, default=[*_SIDES])
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.steps[0])
        return
    sides = [
        side
        for side in arguments.sides
        if _SIDES[side] or importlib.util.find_spec("torch")
    ]
    if arguments.rounds:
        alternate(sides, arguments.alternate, arguments.rounds)
    if arguments.steps:
        weigh([s for s in sides if _SIDES[s]], arguments.steps)


if __name__ == "__main__":
    main()
