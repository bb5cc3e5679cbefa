"""Expert trajectories, trained by one process or by several at once."""

import os
import pathlib
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from . import lock
from .pack import SAVE_EVERY, Pack, seeds

RUN = pathlib.Path(__file__).parents[1] / "run.py"


def train(pack: Pack, minutes: float, processes: int = 1) -> bool:
    """Trains the experts that a pack lacks, as far as the time goes.

    Args:
        pack: the pack.
        minutes: after how many they are left as they are.
        processes: how many train at once: one leaves most of a large card
            idle.

    Returns:
        Whether all are there.

    Raises:
        BlockingIOError: another process trains them.
    """
    begun = time.monotonic()
    missing = sum(not path.exists() for path in pack.expert_paths())
    if not missing:
        return True
    # Other packs of the same folder may share them.
    with lock.exclusive(pack.experts()):
        if processes > 1 and missing > 1:
            _train_together(pack, minutes, min(processes, missing))
        else:
            train_some(pack, minutes, 0, 1)
    spent = (time.monotonic() - begun) / 60
    pack.spent["experts"] = pack.spent.get("experts", 0.0) + spent
    pack.save_spent()
    return all(path.exists() for path in pack.expert_paths())


def _train_together(pack: Pack, minutes: float, count: int) -> None:
    command = [sys.executable, RUN, "--pack", pack.folder]
    command += ["--minutes", minutes, "--parent", os.getpid()]
    others = [
        subprocess.Popen([*map(str, command), "--experts", f"{number}/{count}"])
        for number in range(count)
    ]
    codes = [other.wait() for other in others]
    if any(codes):
        raise SystemExit(f"Training experts ended with {codes}, see above.")


def train_some(pack: Pack, minutes: float, first: int, every: int) -> None:
    """Trains every so many of the experts that a pack lacks.

    What an expert draws is its own, whoever trains it. One that is cut short,
    by the time or a kill, is kept with the epochs that it had when it was saved
    last.

    Args:
        pack: the pack.
        minutes: the time.
        first: place of the first among those that are missing.
        every: how many processes share them.
    """
    deadline = time.monotonic() + 60 * minutes
    paths = pack.expert_paths()
    missing = [i for i, path in enumerate(paths) if not path.exists()]
    one = None
    for number in missing[first::every]:
        begun = time.monotonic()
        if begun > deadline:
            return
        one = one or _trainer(pack)
        if not one(number, paths[number], deadline):
            return
        took = time.monotonic() - begun
        print(f"expert {number + 1} of {len(paths)}, {took:.0f} s", flush=True)


def _trainer(pack: Pack):
    """Returns a function that trains an expert and tells whether it is whole.

    Its arguments: the expert's number, the path of its trajectory, and when to
    stop after the epoch in progress.
    """
    about = pack.about["reference"]
    key = jax.random.split(jax.random.key(pack.about["seed"]))[0]
    images, labels = pack.images()
    start, step = pack.expert_functions()
    size = min(about["batch_size"], len(labels))
    batches = len(labels) // size  # What is left over waits for next epoch.

    @jax.jit
    def epoch(state, key, images, labels):
        of_order, of_batches = jax.random.split(key)
        order = jax.random.permutation(of_order, len(labels))
        order = order[: batches * size].reshape(batches, size)
        drawn = seeds(of_batches, batches)

        def one(state, batch):
            members, seed = batch
            return step(*state, images[members], labels[members], seed), None

        return jax.lax.scan(one, state, (order, drawn))[0]

    def trained(number: int, path: pathlib.Path, deadline: float) -> bool:
        begun = path.with_suffix(".begun.npz")
        if begun.exists():
            stored = pack.read_expert(begun)
            visited, velocity = list(stored["visited"]), stored["velocity"]
        else:
            seed = np.array(about["expert_seeds"][number], np.int32)
            visited = [np.asarray(jax.jit(start)(seed))]
            velocity = np.zeros_like(visited[0])
        state = jnp.asarray(visited[-1]), jnp.asarray(velocity)
        expert_key, saved = jax.random.fold_in(key, number), time.monotonic()
        for i in range(len(visited) - 1, about["epochs"]):
            of_epoch = jax.random.fold_in(expert_key, i)
            state = epoch(state, of_epoch, images, labels)
            visited.append(np.asarray(state[0]))
            # After an epoch, so that every call gets on.
            now, whole = time.monotonic(), i + 1 == about["epochs"]
            if not whole and (now > deadline or now - saved > SAVE_EVERY):
                velocity = np.asarray(state[1])
                kept = np.stack(visited)
                pack.write_expert(begun, visited=kept, velocity=velocity)
                saved = time.monotonic()
                if now > deadline:
                    return False
        pack.write_expert(path, visited=np.stack(visited))
        begun.unlink(missing_ok=True)
        return True

    return trained
