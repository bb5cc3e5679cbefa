"""What storing experts in halves costs: rounding, and accuracy on digits.

    python -m benchmarks.expert_dtype

trains four experts of the preset `digits_ipc1_tm`, stores them in each
`dtype`, and prints how far start, target and way of their segments of two
epochs, from start epochs 0 to 9, are off by rounding, in per cent of the way
moved. Then it distils with each store, 100 outer steps, and prints the test
accuracy of 5 networks. Equal runs print equal figures on the same machine.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import itertools
import pathlib
import tempfile
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from fred_tf import assembly, config, presets, scoring
from fred_tf.datasets import ImageData
from fred_tf.experts.store import ExpertStore
from fred_tf.experts.trajectory_array import DTYPES
from fred_tf.training.evaluation import Evaluation
from trainers import distill

SETTINGS = config.replace(
    presets.preset("digits_ipc1_tm"),
    {"experts.count": 4, "outer_steps": 100, "evaluation.epochs": 150},
)


def train(data: ImageData, root: pathlib.Path) -> dict[str, ExpertStore]:
    """Trains experts once and stores them in each dtype."""
    stores = {
        dtype: assembly.expert_store(
            config.replace(SETTINGS, {"experts.dtype": dtype}),
            data,
            root / dtype,
        )
        for dtype in DTYPES
    }
    exact = stores["float32"]
    assembly.expert_trainer(SETTINGS, data).train(exact, SETTINGS.experts.count)
    for dtype, i in itertools.product(DTYPES, range(len(exact))):
        if dtype != "float32":
            stores[dtype].append(exact.trajectory(i), exact.facts(i))
    return stores


def rounding(stores: Mapping[str, ExpertStore]) -> None:
    """Prints the errors of all segments that a student can meet."""
    exact = stores["float32"]
    segments = [
        (i, start, SETTINGS.objective.expert_epochs)
        for i in range(len(exact))
        for start in range(SETTINGS.objective.max_start_epoch)
    ]
    ends = np.array([exact.segment(*segment) for segment in segments])
    ways = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=-1)
    lengths = np.linalg.norm(ends[:, 0], axis=-1)
    print(f"{len(segments)} segments, |theta| {lengths.mean():.1f}, ", end="")
    print(f"moved by {ways.mean():.2f}. Rounding in per cent of the way:")
    heads = ("start", "target", "way", "longest way")
    print(f"{'':9}" + "".join(f"{head:>13}" for head in heads))
    for dtype, store in stores.items():
        errors = np.array([store.segment(*s) for s in segments]) - ends
        of_way = np.linalg.norm(errors[:, 1] - errors[:, 0], axis=-1) / ways
        of_ends = np.linalg.norm(errors, axis=-1) / ways[:, np.newaxis]
        shares = (*of_ends.mean(0), of_way.mean(), of_way.max())
        print(f"{dtype:9}" + "".join(f"{100 * x:11.1f} %" for x in shares))


def distilled_accuracy(
    data: ImageData, store: ExpertStore, root: pathlib.Path
) -> Evaluation:
    """Distils with a store and evaluates the result."""
    folder = root / f"run_{store.dtype}"
    run = distill.run(SETTINGS, folder, expert_dir=str(store.path))
    path = folder / "evaluation.json"
    return scoring.score(SETTINGS, run.synthetic_set(), data, path)


def main() -> None:
    tf.config.experimental.enable_op_determinism()
    data = assembly.load_data(SETTINGS)
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        stores = train(data, root)
        rounding(stores)
        print("\nTest accuracy:", flush=True)
        for dtype, store in stores.items():
            print(f"{dtype:9}{distilled_accuracy(data, store, root)}")


if __name__ == "__main__":
    main()
