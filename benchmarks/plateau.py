"""Shows how long AlexNet stays at chance on a small set, and what ends it.

    python -m benchmarks.plateau
    python -m benchmarks.plateau PASSES STEP_SIZE...

One image of each digit of scikit-learn, chosen at random, all in one batch, as
evaluations train: SGD with momentum 0.9 and L2 5e-4, siamese augmentation.
Prints the cross-entropy of the ten images as they are after every fifty passes,
`ln 10` = 2.3026 at chance, and which share of them is right: first for a
ConvNet, then for AlexNet, which has no norms, at each step size. One network
each, seed 0; the rates do not fall.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from fred_tf import load_data, seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.coresets import random_set
from fred_tf.networks import NETWORKS, Functional
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.network_training import NetworkTraining, cross_entropy

EVERY = 50


def curve(
    name: str, chosen: SyntheticSet, passes: int, rate: float
) -> list[tuple[float, float]]:
    """Returns the loss and the share of right images, every fifty passes.

    The first are those of the initial parameters.
    """
    network = Functional(
        NETWORKS[name](chosen.images.shape[1:], chosen.classes)
    )
    training = NetworkTraining(network, SiameseAugmentation(), 256, 0.9, 5e-4)
    state = training.start(seeds.named(0, "network"))
    order, told = seeds.named(0, "order"), []
    labels = tf.constant(chosen.labels)
    for begin in range(0, passes + 1, EVERY):
        logits, _ = network.apply(*state[::2], chosen.images, False)
        loss = np.mean(cross_entropy(labels, logits))
        right = np.mean(np.argmax(logits, -1) == chosen.labels)
        told.append((float(loss), float(right)))
        state = training.passes(
            state, chosen.images, labels, order, begin, EVERY, rate
        )
    return told


def main() -> None:
    passes = int(sys.argv[1]) if sys.argv[1:] else 500
    rates = [float(rate) for rate in sys.argv[2:]] or [0.01, 0.005, 0.0025]
    chosen = random_set(load_data("digits"), 1, 0)
    for name, rate in [("convnet", rates[0]), *(("alexnet", r) for r in rates)]:
        told = curve(name, chosen, passes, rate)
        print(f"{name}, step size {rate:g}")
        for number, (loss, right) in enumerate(told):
            print(f"  {number * EVERY:6,} passes  {loss:.4f}  {right:.0%}")


if __name__ == "__main__":
    main()
