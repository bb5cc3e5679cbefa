"""What it costs to read segments of expert trajectories, and who waits for it.

    python -m benchmarks.expert_reading

writes temporary stores of 4 experts x 20 epochs of the ConvNet for 32 x 32 x 3
images (320,010 parameters) in each `dtype`, about 215 MB in all, and prints
bytes, the time per segment (`first use` checks the SHA-256 of the whole file,
`cold` reads from the disk, `warm` from the page cache), and how long a step of
50 ms waits for its references: when there is nothing to read, when they are
read ahead, as the distiller does, and when they are read in the step.
"""

import itertools
import mmap
import os
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from benchmarks.side_by_side import medians
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.experts.inspection import inspect
from fred_tf.experts.store import ExpertStore
from fred_tf.networks import ConvNet, Functional
from fred_tf.objectives import TrajectoryMatching

EXPERTS, EPOCHS, LENGTH = 4, 20, 2
DTYPES = ("float32", "bfloat16", "float16")
STEP, STEPS = 0.05, 40


def write(folder: pathlib.Path, dtype: str, parameters: int) -> ExpertStore:
    """Makes a store of random walks."""
    store = ExpertStore.create_or_open(
        folder / dtype,
        {"epochs": EPOCHS, "parameters": parameters, "dtype": dtype},
    )
    generator = np.random.default_rng(0)
    for _ in range(EXPERTS):
        walk = generator.standard_normal((EPOCHS + 1, parameters), np.float32)
        store.append((0.02 * walk).cumsum(0))
    # Pages that are not on the disk yet cannot be dropped from the cache.
    os.sync()
    return store


def drop(store: ExpertStore) -> None:
    """Takes a store's files out of the page cache, where the system can."""
    for i, entry in enumerate(inspect(store)):
        mapped = store.trajectory(i)
        mapped.base._mmap.madvise(mmap.MADV_DONTNEED)
        with open(store.path / entry.file, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cold(stores: Mapping[str, ExpertStore], rounds: int) -> dict[str, float]:
    """Returns the median seconds of a segment that is not in memory."""
    seconds = {name: [] for name in stores}
    for turn in range(rounds):
        for name, store in stores.items():
            drop(store)
            begun = time.perf_counter()
            store.segment(turn % EXPERTS, 7 * turn % (EPOCHS - 1), LENGTH)
            seconds[name].append(time.perf_counter() - begun)
    return {name: statistics.median(times) for name, times in seconds.items()}


def segments(store: ExpertStore) -> Callable[[], object]:
    """Returns a function that reads another segment at each call."""
    turns = itertools.count()

    def read():
        turn = next(turns)
        return store.segment(turn % EXPERTS, 7 * turn % (EPOCHS - 1), LENGTH)

    return read


def first_use(store: ExpertStore) -> Callable[[], object]:
    """Returns a function that opens a store and reads one segment."""
    return lambda: ExpertStore.open(store.path).segment(0, 0, LENGTH)


def waits(references: tf.data.Dataset) -> list[float]:
    """Returns how long each step waits for its references, in seconds."""
    seconds, iterator = [], iter(references)
    for _ in range(STEPS):
        begun = time.perf_counter()
        next(iterator)
        seconds.append(time.perf_counter() - begun)
        time.sleep(STEP)
    return seconds


def main() -> None:
    # As the programs do; it takes read-ahead from stateful pipelines.
    tf.config.experimental.enable_op_determinism()
    network = Functional(ConvNet((32, 32, 3), 10))
    with tempfile.TemporaryDirectory() as folder:
        stores = {
            dtype: write(pathlib.Path(folder), dtype, network.size)
            for dtype in DTYPES
        }
        sides = {dtype: segments(store) for dtype, store in stores.items()}
        seconds = {
            "first use": medians({k: first_use(v) for k, v in stores.items()}),
            "cold": cold(stores, 15),
            "warm": medians(sides, 60),
        }
        megabytes = {
            dtype: sum(expert.bytes for expert in inspect(store)) / 1e6
            for dtype, store in stores.items()
        }
        print(f"{EXPERTS} experts x {EPOCHS} epochs x {network.size:,}")
        print(f"{'':9} {'MB':>7}", *(f"{name:>12}" for name in seconds))
        for dtype in DTYPES:
            times = (1e3 * column[dtype] for column in seconds.values())
            print(
                f"{dtype:9} {megabytes[dtype]:7.1f}",
                *(f"{value:9.2f} ms" for value in times),
            )
        options = tf.data.Options()
        # They make any pipeline read ahead.
        options.experimental_optimization.apply_default_optimizations = False
        print(f"\nwait per step of {1e3 * STEP:.0f} ms: median, longest")
        for dtype, count in itertools.product(DTYPES, (1, 4, 8)):
            store = ExpertStore.open(stores[dtype].path)
            for expert in range(EXPERTS):  # Their checksums are compared once.
                store.segment(expert, 0, LENGTH)
            objective = TrajectoryMatching(
                network,
                SiameseAugmentation("none"),
                store,
                TrajectoryMatching.Settings(
                    student_steps=1,
                    expert_epochs=LENGTH,
                    max_start_epoch=EPOCHS - LENGTH,
                ),
            )
            batches = objective.references(0, tf.data.Dataset.counter())
            batches = batches.batch(count, drop_remainder=True)
            nothing = tf.data.Dataset.from_tensors(0).repeat()
            sides = {
                "nothing": nothing.prefetch(2),
                "ahead": batches.prefetch(2),  # as `Distiller` does
                "in the step": batches.with_options(options),
            }
            waited = {}
            for name, references in sides.items():
                drop(store)
                waited[name] = waits(references)
            print(f"{dtype:9} {count} a step", end="")
            for name, times in waited.items():
                # The first step waits for the pipeline to begin.
                middle = 1e3 * statistics.median(times[1:])
                longest = 1e3 * max(times[1:])
                print(f"   {name} {middle:.2f}, {longest:.2f} ms", end="")
            print()


if __name__ == "__main__":
    main()
