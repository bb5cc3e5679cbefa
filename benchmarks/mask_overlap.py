"""Prints how much of one mask's images another can make.

    python -m benchmarks.mask_overlap --data_dir=~/tensorflow_datasets

The kept coefficients of a class span a subspace of images. For CIFAR-10 with
64 of 1,024 kept by explained variance of the DCT, and for each other transform
and rule: the mean squared cosine between the two subspaces, over all classes,
which is the share of the one's energy that the other holds. 1 means that they
are the same, 1/16 is what chance gives.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from fred_tf import assembly, presets
from fred_tf import config as config_lib

SIDES = {
    "DCT, energy": ["mask_rule=energy"],
    "DCT, low frequencies": ["mask_rule=low_frequency"],
    "DCT, random": ["mask_rule=random"],
    "DCT, high frequencies": ["mask_rule=high_frequency"],
    "DFT, explained variance": ["transform=dft"],
    "Haar, explained variance": ["transform=haar"],
    "identity, explained variance": ["transform=identity"],
}


def subspaces(data, settings: list[str]) -> np.ndarray:
    """Returns an orthonormal basis per class, `[classes, kept, pixels]`."""
    config = config_lib.override(
        presets.preset("cifar10_ipc1_dm"),
        [f"parameterization.{setting}" for setting in settings],
    )
    memory = assembly.parameterization(config, data.image_shape, data.classes)
    assembly.adapt(memory, data, config.seed)
    height, width, _ = data.image_shape
    bases = []
    for positions in memory.table.numpy():
        planes = np.eye(height * width)[positions]
        images = memory.transform.inverse(
            tf.constant(planes.reshape(-1, height, width, 1))
        )
        basis = images.numpy().reshape(len(positions), -1)
        bases.append(basis / np.linalg.norm(basis, axis=1, keepdims=True))
    return np.stack(bases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data_dir")
    data = assembly.load_data(
        presets.preset("cifar10_ipc1_dm"), parser.parse_args().data_dir
    )
    ours = subspaces(data, [])
    for name, settings in SIDES.items():
        cosines = np.einsum("ckp,cjp->ckj", ours, subspaces(data, settings))
        share = (cosines**2).sum((1, 2)).mean() / ours.shape[1]
        print(f"{name:<30}{share:6.1%}", flush=True)


if __name__ == "__main__":
    main()
