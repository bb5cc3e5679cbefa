"""Prints what trained networks make of errors in each colour of a set.

    python -m benchmarks.colour_errors --run_dir=runs/cifar10 \\
        --expert_dir=experts

The set of a run is decoded with errors in the kept coefficients of one colour
at a time, of normal noise and of equal energy: what rounding does, see
`fred_tf/coding/quantizer.py`. The features of experts change by it, and by how
much for each squared error is its weight. Colours are frequencies of the
channels; of three the first is their sum.

    deviation  of the colour's coefficients, in steps of the last one's
    weight     squared change of the features, the mean of colours being 1
    step       that costs least at equal bits: weight^(-1/2)
    taken      `fred_tf/coding/colours.py`: of the energies alone
"""

import argparse
import os
from collections.abc import Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from fred_tf import assembly
from fred_tf.coding import colours, quantizer
from fred_tf.distilled_run import DistilledRun
from fred_tf.experts.store import ExpertStore

# Root-mean-square error of normalised pixels.
ERROR = 0.1


def energies_of(memory) -> np.ndarray:
    """Returns the energy of each colour in a memory, `[colours]`."""
    values = quantizer.orthonormal(memory.coefficients(), memory.units)
    colours_there = memory.image_shape[-1]
    return colours.energies(values, memory.table, colours_there).numpy()


def with_errors(memory, colour: int, seed: int) -> np.ndarray:
    """Returns decoded images with errors of `ERROR` in one colour."""
    random = np.random.default_rng(seed)
    values = memory.coefficients().numpy()
    channels, colours_there = values.shape[-1], memory.image_shape[-1]
    of = colours.of(memory.table.numpy(), channels, colours_there)[:, None]
    noise = random.normal(size=values.shape) * (of == colour)
    pixels = memory.instances * np.prod(memory.image_shape)
    noise *= ERROR * np.sqrt(pixels / np.square(noise).sum())
    noise = noise.astype(np.float32)
    errors = quantizer.coefficients(noise, memory.units, 1.0).numpy()
    exact = memory.values.numpy()
    try:
        memory.values.assign((values + errors).reshape(exact.shape))
        return memory.decode().numpy()
    finally:
        memory.values.assign(exact)


def weights_of(
    network, trajectories: Sequence[np.ndarray], memory
) -> np.ndarray:
    """Returns what an error in each colour changes, a mean of 1.

    Args:
        network: of the trajectories.
        trajectories: of experts, `[epochs + 1, parameters]` each; the last
            parameters count.
        memory: what is decoded.
    """
    exact = memory.decode().numpy()
    changes = np.zeros(memory.image_shape[-1])
    for number, trajectory in enumerate(trajectories):
        last = tf.constant(trajectory[-1].astype(np.float32))
        parameters = network.unflatten(last)
        before = network.embed(parameters, exact)
        for colour in range(len(changes)):
            images = with_errors(memory, colour, seed=number)
            after = network.embed(parameters, images)
            changes[colour] += float(tf.reduce_sum((after - before) ** 2))
    return changes / changes.mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run_dir", required=True)
    parser.add_argument("--expert_dir", required=True)
    asked = parser.parse_args()
    run = DistilledRun.restore(asked.run_dir)
    experts = ExpertStore.open(asked.expert_dir)
    memory = run.parameterization
    shape, classes = memory.image_shape, memory.classes
    network = assembly.network(run.config, shape, classes)
    energies = energies_of(memory)
    each = [experts.trajectory(number) for number in range(len(experts))]
    weights = weights_of(network, each, memory)
    best = weights**-0.5
    columns = (
        np.sqrt(energies / energies[-1]),
        weights,
        best / np.exp(np.log(best).mean()),
        colours.scales(energies).numpy(),
    )
    print(
        "| colour | deviation | weight | step | taken |\n|---|---|---|---|---|"
    )
    for colour, cells in enumerate(zip(*columns)):
        print(f"| {colour} | {' | '.join(f'{x:.2f}' for x in cells)} |")


if __name__ == "__main__":
    main()
