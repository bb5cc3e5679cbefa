"""Networks trained on the set of a pack, and how well they classify."""

import time

import jax
import jax.numpy as jnp
import numpy as np

from .pack import Pack, seeds


def score(pack: Pack, end: float = float("inf")) -> None:
    """Trains networks on the set and keeps their test accuracies.

    A network that is cut short, by a kill, is trained anew.

    Args:
        pack: the pack.
        end: by the clock of `time.time`, when no network is begun that would
            take longer, by the one before.
    """
    about, scores = pack.about["scoring"], pack.scores()
    images, labels, rate = pack.synthetic_set()
    scores["rate"] = float(rate)
    test_images, test_labels = pack.images("test")
    test_labels, took = np.asarray(test_labels), 0.0
    for network in about["networks"]:
        train = _trainer(pack, network, images, labels, float(rate))
        classify = _classifier(pack, network, len(test_labels))
        accuracies = scores["networks"].setdefault(network, [])
        for number in range(len(accuracies), len(about["seeds"])):
            begun = time.monotonic()
            if time.time() + took > end:
                return
            predicted = classify(*train(number), test_images)
            right = np.asarray(predicted) == test_labels
            accuracies.append(float(right.mean()))
            took = time.monotonic() - begun
            spent = took / 60
            pack.spent["scoring"] = pack.spent.get("scoring", 0.0) + spent
            pack.save_scores(scores)
            print(
                f"{network}, network {number + 1} of {len(about['seeds'])}: "
                f"test accuracy {accuracies[-1]:.4f}",
                flush=True,
            )


def _trainer(pack: Pack, network: str, images, labels, rate: float):
    """Returns a function of a network's number: parameters, statistics."""
    about = pack.about["scoring"]
    size, start = about["batch_size"], pack.function(f"{network}_start")
    whole, rest = divmod(len(labels), size)
    steps = {
        count: pack.function(f"{network}_step_{count}")
        for count in (size if whole else 0, rest)
        if count
    }

    @jax.jit
    def phase(state, key, passes, rate, images, labels):
        def one_batch(state, batch):
            members, seed = batch
            step = steps[len(members)]
            return step(state, images[members], labels[members], seed, rate)

        def one_pass(number, state):
            of_order, of_batches = jax.random.split(
                jax.random.fold_in(key, number)
            )
            order = jax.random.permutation(of_order, len(labels))
            drawn = seeds(of_batches, whole + 1)
            if whole:
                batches = order[: whole * size].reshape(whole, size)
                state, _ = jax.lax.scan(
                    lambda state, batch: (one_batch(state, batch), None),
                    state,
                    (batches, drawn[:whole]),
                )
            if rest:
                state = one_batch(state, (order[whole * size :], drawn[whole]))
            return state

        return jax.lax.fori_loop(0, passes, one_pass, state)

    def train(number):
        state = jax.jit(start)(np.array(about["start_seeds"][number], np.int32))
        key = jax.random.key(about["seeds"][number])
        for i, (passes, factor) in enumerate(about["phases"]):
            if not about.get("keeps_velocities"):
                parameters, velocities, statistics = state
                state = [parameters, [0 * v for v in velocities], statistics]
            of_phase = jax.random.fold_in(key, i)
            step_size = np.float32(rate * factor)
            state = phase(state, of_phase, passes, step_size, images, labels)
        return state[0], state[2]

    return train


def _classifier(pack: Pack, network: str, count: int):
    """Returns a function that gives the predicted classes of all images."""
    block = pack.about["scoring"]["block"]
    function = pack.function(f"{network}_classify")

    @jax.jit
    def classify(parameters, statistics, images):
        # The last block is filled up with images that are not counted.
        padded = jnp.pad(
            images,
            [(0, -count % block)] + [(0, 0)] * (images.ndim - 1),
        )
        blocks = padded.reshape(-1, block, *images.shape[1:])
        predicted = jax.lax.map(
            lambda block: function(parameters, statistics, block), blocks
        )
        return predicted.reshape(-1)[:count]

    return classify
