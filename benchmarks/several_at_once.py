"""Times several networks trained at once against one after the other.

    python -m benchmarks.several_at_once
    python -m benchmarks.several_at_once --networks 20 --size 32 --width 128

Experts, and the networks that score a set, are trained one after the other.
Here each makes eight steps a call, on noise: ConvNets with instance norms, and
SGD.

    in turn         the steps that the programs make, for each network
    in turn, XLA    the same, compiled, as packs have it
    one graph       a step of each, and then the next, so that they may overlap
    one graph, XLA  the same, compiled: kernels of several networks in a queue
    grouped, XLA    stacked weights, as one network of as many times the
                    channels, whose convolutions are in groups; TensorFlow has
                    their gradients for processors under XLA only

`tf.vectorized_map` of a step is no side: it takes no convolution whose kernels
differ. All sides but for rounding end at the same weights, which is checked.
Medians of calls made in turn; `times` is how many times faster than the first.
On processors XLA's convolutions are slow: with images of 32 pixels leave its
sides out (`--sides "in turn" "one graph"`).
"""

import argparse
import os
from collections.abc import Callable, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from benchmarks.side_by_side import medians
from fred_tf import seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.networks import ConvNet, Functional
from fred_tf.networks.instance_norm import normalize
from fred_tf.optimizers.sgd import sgd_step
from fred_tf.sequential import repeat
from fred_tf.training.network_training import (
    NetworkTraining,
    State,
    cross_entropy,
)

CLASSES, CHANNELS, EPSILON = 10, 3, 1e-5
RATE, MOMENTUM, DECAY = 0.01, 0.9, 5e-4
# In one call.
STEPS = 8
SIDES = (
    "in turn",
    "one graph",
    "in turn, XLA",
    "one graph, XLA",
    "grouped, XLA",
)


def training(size: int, width: int) -> NetworkTraining:
    """Returns how a network is trained, on images of `size` pixels a side."""
    settings = ConvNet.Settings(width=width, depth=0)
    shape = (size, size, CHANNELS)
    network = ConvNet(shape, CLASSES, settings.sized(shape))
    augmentation = SiameseAugmentation("none")
    return NetworkTraining(
        Functional(network), augmentation, 256, MOMENTUM, DECAY
    )


def batches(networks: int, batch: int, size: int) -> tuple[tf.Tensor, ...]:
    """Returns a batch of noise for each network, and its labels."""
    shape = (networks, batch, size, size, CHANNELS)
    images = np.random.default_rng(0).standard_normal(shape, np.float32)
    labels = np.arange(networks * batch, dtype=np.int32) % CLASSES
    return tf.constant(images), tf.constant(labels.reshape(networks, batch))


def stacked(states: Sequence[State]) -> State:
    """Returns states as one, with the networks as a first axis."""
    return tf.nest.map_structure(lambda *x: tf.stack(x), *states)


def grouped_logits(
    parameters: Sequence[tf.Tensor], images: tf.Tensor
) -> tf.Tensor:
    """Returns the logits of several ConvNets, `[networks, batch, classes]`.

    Args:
        parameters: `Functional.shapes`, each with the networks first.
        images: `[networks, batch, size, size, channels]`.
    """
    *blocks, kernel, bias = parameters
    x = _side_by_side(images)
    for first in range(0, len(blocks), 4):
        of_block = blocks[first : first + 4]
        weights, *rest = of_block
        shift, gamma, beta = (tf.reshape(x, [-1]) for x in rest)
        # A group's own channels, then all groups' outputs.
        x = tf.nn.conv2d(x, _last_of(weights), 1, "SAME") + shift
        x = normalize(x, gamma, beta, EPSILON, rectify=True, pool=True)
    networks, _, classes = kernel.shape
    _, *sizes, channels = x.shape
    x = tf.reshape(x, [-1, *sizes, networks, channels // networks])
    x = tf.transpose(x, [3, 0, 1, 2, 4])
    x = tf.reshape(x, [networks, -1, kernel.shape[1]])
    return tf.reshape(x @ kernel + bias[:, None], [networks, -1, classes])


def _side_by_side(images: tf.Tensor) -> tf.Tensor:
    """Returns images of each network as channels of one."""
    networks, _, *sizes, channels = images.shape
    x = tf.transpose(images, [1, 2, 3, 0, 4])
    return tf.reshape(x, [-1, *sizes, networks * channels])


def _last_of(kernels: tf.Tensor) -> tf.Tensor:
    """Returns kernels `[networks, 3, 3, in, out]` as those of groups."""
    networks, height, width, inputs, outputs = kernels.shape
    x = tf.transpose(kernels, [1, 2, 3, 0, 4])
    return tf.reshape(x, [height, width, inputs, networks * outputs])


def grouped_step(state: State, images: tf.Tensor, labels: tf.Tensor) -> State:
    """Returns the stacked state after a step of each network."""
    parameters, velocities, statistics = state
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        logits = grouped_logits(parameters, images)
        # The sum of each network's mean: none moves another.
        losses = tf.reduce_mean(cross_entropy(labels, logits), axis=1)
        loss = tf.reduce_sum(losses)
    parameters, velocities = sgd_step(
        parameters,
        velocities,
        tape.gradient(loss, parameters),
        [RATE] * len(parameters),
        MOMENTUM,
        DECAY,
    )
    return parameters, velocities, statistics


def sides(
    trainer: NetworkTraining, images: tf.Tensor, labels: tf.Tensor
) -> dict[str, tuple[Callable, bool]]:
    """Returns functions of states, and whether they take them stacked.

    Each makes `STEPS` steps of every network in a loop of TensorFlow's, as an
    epoch does.
    """
    seed, rate = tf.constant([0, 0]), tf.constant(RATE)
    networks = len(labels)

    def single(state, images, labels):
        return trainer.step(state, images, labels, seed, rate)

    def every(states):
        parts = zip(states, tf.unstack(images), tf.unstack(labels))
        return [single(*part) for part in parts]

    def compiled(step, jit):
        def loop(state, *data):
            def once(_, state):
                return (step(state, *data),)

            (state,) = repeat(STEPS, once, state)
            return state

        return tf.function(loop, autograph=False, jit_compile=jit)

    made = {}
    for name, jit in (("", False), (", XLA", True)):
        one, graph = compiled(single, jit), compiled(every, jit)
        made[f"in turn{name}"] = (
            lambda states, one=one: [
                one(states[i], images[i], labels[i]) for i in range(networks)
            ],
            False,
        )
        made[f"one graph{name}"] = graph, False
    group = compiled(grouped_step, True)
    made["grouped, XLA"] = lambda state: group(state, images, labels), True
    return made


def compared(
    names: Sequence[str],
    networks: int,
    size: int,
    width: int,
    batch: int,
    rounds: int,
) -> tuple[dict[str, float], dict[str, float]]:
    """Returns median seconds of each side, and how far it ends from the first.

    Args:
        names: of `SIDES`; the first is what others are compared with.
        networks: how many are trained.
        size: pixels a side.
        width: channels of each.
        batch: images of a step of each.
        rounds: counted steps.

    Returns:
        Seconds of a step of all networks; and the largest difference of a
        weight or velocity after `STEPS`.
    """
    trainer = training(size, width)
    starts = [
        trainer.start(seeds.named(number, "network"))
        for number in range(networks)
    ]
    calls, ends = {}, {}
    data = batches(networks, batch, size)
    made = sides(trainer, *data)
    for name in names:
        train, stacks = made[name]
        state = stacked(starts) if stacks else starts
        end = train(state)
        ends[name] = tf.nest.flatten(end if stacks else stacked(end))
        calls[name] = lambda train=train, state=state: _waited(train(state))
    first = next(iter(ends.values()))
    apart = {
        name: max(float(tf.reduce_max(abs(a - b))) for a, b in zip(first, end))
        for name, end in ends.items()
    }
    seconds = medians(calls, rounds)
    return {name: spent / STEPS for name, spent in seconds.items()}, apart


def _waited(state) -> None:
    for part in tf.nest.flatten(state):
        part.numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", type=int, default=5)
    parser.add_argument("--size", type=int, default=8)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--sides", dest="names", nargs="+", choices=SIDES, default=SIDES
    )
    asked = vars(parser.parse_args())
    seconds, apart = compared(**asked)
    del asked["names"]
    print(", ".join(f"{name} {value}" for name, value in asked.items()))
    base = next(iter(seconds.values()))
    for name, spent in seconds.items():
        print(
            f"  {name:<16}{1000 * spent:9.1f} ms {base / spent:6.2f} times"
            f"   weights differ by {apart[name]:.1e}"
        )


if __name__ == "__main__":
    main()
