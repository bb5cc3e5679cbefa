"""Times what an evaluation is made of: a pass over a synthetic set.

    python -m benchmarks.evaluation_step
    python -m benchmarks.evaluation_step convnet alexnet vgg11

160 images of 32 x 32 in one batch, ConvNet-D3-128 or the networks named, all
augmentations, SGD with momentum, two passes a call. The other sides are what
might make it cheaper: two networks trained side by side, each in a thread of
its own, counted per network; convolutions in bfloat16 (`--override
convolutions=bfloat16`); and every layer in it. Medians of calls made in turn.
"""

import concurrent.futures
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.side_by_side import medians
from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.networks import NETWORKS, Functional, convolve_in
from fred_tf.training.network_training import NetworkTraining

IMAGES, PASSES = 160, 2


def trainer(name: str, convolutions: str = "float32", dtype: str = "float32"):
    """Returns a function of a seed that trains a fresh network."""
    network = NETWORKS[name]((32, 32, 3), 10, dtype=dtype)
    convolve_in(network, convolutions)
    training = NetworkTraining(
        Functional(network), SiameseAugmentation(), 256, 0.9, 5e-4
    )
    images = np.random.default_rng(0).normal(size=(IMAGES, 32, 32, 3))
    images, labels = images.astype(np.float32), np.arange(IMAGES) % 10

    def train(seed: int) -> np.ndarray:
        state = training.start(seeds.named(seed, "network"))
        order = seeds.named(seed, "order")
        state = training.passes(state, images, labels, order, 0, PASSES, 0.01)
        return state[0][0].numpy()

    return train


def compare(name: str, pool: concurrent.futures.Executor) -> None:
    """Prints what a pass of a network takes on each side."""
    single = trainer(name)
    convolutions = trainer(name, "bfloat16")
    every_layer = trainer(name, dtype="mixed_bfloat16")
    medians_by_side = medians(
        {
            "one after the other": lambda: [single(0), single(1)],
            "two at a time": lambda: list(pool.map(single, (0, 1))),
            "convolutions in bfloat16": lambda: [*map(convolutions, (0, 1))],
            "bfloat16": lambda: [*map(every_layer, (0, 1))],
        },
        rounds=5,
    )
    base = medians_by_side["one after the other"]
    print(name)
    for side, seconds in medians_by_side.items():
        each = 1000 * seconds / (2 * PASSES)
        print(f"  {side:<26}{each:6.0f} ms a pass  {seconds / base:.2f} x")


def main() -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name in sys.argv[1:] or ["convnet"]:
            compare(name, pool)


if __name__ == "__main__":
    main()
