"""Prints what a memory of frequencies is worth before and after whitening.

    python -m benchmarks.whitened_memory --data_dir=~/tensorflow_datasets

CIFAR-10 by distribution matching with networks that see whitened images. After
whitening, as the library has it, the coefficients are those of whitened images.
Before it they are those of standardised images, which are whitened when they
are decoded. Held-out images, a tenth; 64 coefficients of each channel, networks
of width 32, 64 real images per class; the memory's step size is a share, which
means the same for both. Test accuracy, mean and deviation of the networks, by
seed.
"""

import argparse
import os
import unittest.mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import logging

import fred_tf
from fred_tf import assembly, presets
from fred_tf.config import Config, override
from fred_tf.datasets import KNOWN, ImageData
from fred_tf.parameterizations import PARAMETERIZATIONS, Frequency

_SETTINGS = (
    "holdout=0.1",
    "coefficients_per_channel=64",
    "network.width=32",
    "memory_share=0.1",
    "memory_average=0.95",
    "evaluation.epochs=150",
    "evaluation.networks=3",
)


def before(data: ImageData) -> type[Frequency]:
    """Returns a memory whose images are whitened when they are decoded."""
    whitening, plain = data.normalization, KNOWN[data.dataset].normalization

    class Before(Frequency):
        def adapt(self, images, labels, seed, choose=None):
            super().adapt(plain(whitening.undo(images)), labels, seed, choose)

        def call(self, indices):
            return whitening(plain.undo(super().call(indices)))

    return Before


def accuracy(
    config: Config, data: ImageData, member: type[Frequency]
) -> fred_tf.Evaluation:
    """Distils with a memory, and returns what the set is worth."""
    with unittest.mock.patch.dict(PARAMETERIZATIONS, {"frequency": member}):
        return fred_tf.distill(data, config, progress=False).evaluate(data)


def main() -> None:
    logging.set_verbosity(logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data_dir")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--names", nargs="+", default=["zca", "zca_kip"])
    given = parser.parse_args()
    for name in given.names:
        settings = [*_SETTINGS, f"normalization={name}"]
        settings.append(f"outer_steps={given.steps}")
        config = override(presets.preset("cifar10_ipc1_dm_cpu"), settings)
        data = assembly.load_data(config, given.data_dir)
        sides = {"after": Frequency}
        if name != "standardize":
            sides["before"] = before(data)
        for side, member in sides.items():
            for seed in given.seeds:
                seeded = override(config, [f"seed={seed}"])
                result = accuracy(seeded, data, member)
                print(f"{name:<12}{side:<8}seed {seed}  {result}", flush=True)


if __name__ == "__main__":
    main()
