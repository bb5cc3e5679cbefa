"""Times what an evaluation is made of: a pass over a synthetic set.

    python -m benchmarks.evaluation_step

160 images of 32 x 32 in one batch, ConvNet-D3-128, all augmentations, SGD with
momentum, ten passes a call. The other sides are what might make it cheaper:
two networks trained side by side, each in a thread of its own, counted per
network; and bfloat16 in the network. Medians of calls made in turn.
"""

import concurrent.futures
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.side_by_side import medians
from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.network_training import NetworkTraining
from fred_tf.networks import ConvNet, Functional

IMAGES, PASSES = 160, 10


def trainer(dtype: str):
    """Returns a function of a seed that trains a fresh network."""
    network = Functional(ConvNet((32, 32, 3), 10, dtype=dtype))
    training = NetworkTraining(network, SiameseAugmentation(), 256, 0.9, 5e-4)
    images = np.random.default_rng(0).normal(size=(IMAGES, 32, 32, 3))
    images, labels = images.astype(np.float32), np.arange(IMAGES) % 10

    def train(seed: int) -> np.ndarray:
        state = training.start(seeds.named(seed, "network"))
        order = seeds.named(seed, "order")
        state = training.passes(state, images, labels, order, 0, PASSES, 0.01)
        return state[0][0].numpy()

    return train


def main() -> None:
    single, half = trainer("float32"), trainer("mixed_bfloat16")
    pool = concurrent.futures.ThreadPoolExecutor(2)
    found = medians(
        {
            "one after the other": lambda: [single(0), single(1)],
            "two at a time": lambda: list(pool.map(single, (0, 1))),
            "bfloat16": lambda: [half(0), half(1)],
        },
        rounds=5,
    )
    base = found["one after the other"]
    for name, seconds in found.items():
        each = 1000 * seconds / (2 * PASSES)
        print(f"{name:<22}{each:6.0f} ms a pass  {seconds / base:.2f} x")


if __name__ == "__main__":
    main()
