"""Scores a distilled set: fresh networks, real test images.

    python -m trainers.evaluate --run_dir=runs/digits

writes `evaluation.json` into the run folder after each network, so that a
stopped evaluation continues. `--baseline=random` scores real images at the
same budget instead, `--baseline=full` the whole training split, and
`--exported=FOLDER` a set that `python -m export` wrote. Overrides of the
`evaluation` section apply, e.g. `--override evaluation.networks=3`.
"""

import dataclasses
import pathlib
from typing import Any

import numpy as np
from absl import flags, logging

from export.tfrecord import read_tfrecord
from fred_tf import assembly, datasets, files, seeds
from fred_tf import config as config_lib
from fred_tf.coresets import random_set
from fred_tf.datasets import ImageData
from fred_tf.distilled_run import DistilledRun
from fred_tf.evaluator import Evaluation
from fred_tf.synthetic_set import SyntheticSet
from trainers import run_flags

BASELINE = flags.DEFINE_enum(
    "baseline", None, ["random", "full"], "Scores this instead of the run."
)
EXPORTED = flags.DEFINE_string(
    "exported", None, "Scores the TFRecords in this folder instead of the run."
)


def run(
    config: config_lib.Config,
    synthetic_set: SyntheticSet,
    data: ImageData,
    path: files.Path,
) -> Evaluation:
    """Evaluates a set, continuing what `path` holds of the same evaluation.

    Args:
        config: its `evaluation`, `network`, `augmentation` and `seed` count.
        synthetic_set: what to train on.
        data: its test split scores the networks.
        path: JSON file that is written after each network.
    """
    path = pathlib.Path(path)
    settings = dataclasses.asdict(config.evaluation)
    wanted = settings.pop("networks")
    identity = {
        "dataset": data.name,
        "set": _fingerprint(synthetic_set),
        "details": dict(synthetic_set.details),
        "network": dataclasses.asdict(config.network),
        "augmentation": config.augmentation,
        "evaluation": settings,
        "seed": config.seed,
    }
    accuracies = _finished(path, identity)
    evaluator = assembly.evaluator(config, data)
    rate = None
    for network in range(len(accuracies), wanted):
        result = evaluator(
            synthetic_set, [seeds.integer(config.seed, "network", network)]
        )
        accuracies.append(result.accuracies[0])
        rate = result.learning_rate
        logging.info(
            "network %d of %d: test accuracy %.4f",
            network + 1,
            wanted,
            accuracies[-1],
        )
        done = Evaluation(tuple(accuracies), rate)
        files.write_json(
            path,
            {
                "identity": identity,
                "images": len(synthetic_set.labels),
                "floats_stored": synthetic_set.floats_stored,
                **done.to_json(),
            },
        )
    if rate is None:
        rate = files.read_json(path)["learning_rate"]
    return Evaluation(tuple(accuracies[:wanted]), rate)


def full_set(data: ImageData) -> SyntheticSet:
    """Returns the whole training split as a set: the ceiling."""
    images = data.normalization(data.train.images)
    return SyntheticSet(
        images=images,
        labels=data.train.labels,
        class_names=data.class_names,
        normalization=data.normalization,
        dataset=data.name,
        floats_stored=int(np.prod(images.shape)),
        details={"method": "full"},
    )


def _fingerprint(synthetic_set: SyntheticSet) -> str:
    return files.digest(synthetic_set.images.tobytes())


def _finished(path: pathlib.Path, identity: dict[str, Any]) -> list[float]:
    """Returns the accuracies that an earlier, equal evaluation has written."""
    if not path.exists():
        return []
    written = files.read_json(path)
    if written.get("identity") != identity:
        return []
    logging.info("%s holds %d networks.", path, len(written["accuracies"]))
    return list(written["accuracies"])


def program() -> None:
    run_flags.set_determinism()
    run_dir = run_flags.required(run_flags.RUN_DIR)
    restored = DistilledRun.restore(run_dir)
    config = run_flags.override(restored.config)
    data = datasets.load(
        config.dataset, run_flags.DATA_DIR.value, run_flags.DOWNLOAD.value
    )
    if EXPORTED.value:
        name, chosen = "exported", read_tfrecord(EXPORTED.value)
    elif BASELINE.value == "random":
        name, chosen = "random", random_set(data, config.ipc, config.seed)
    elif BASELINE.value == "full":
        name, chosen = "full", full_set(data)
    else:
        name, chosen = "", restored.synthetic_set()
    path = restored.folder.path / f"evaluation{name and '_' + name}.json"
    result = run(config, chosen, data, path)
    print(
        f"{result} test accuracy of {len(result.accuracies)} networks: {path}"
    )


def main() -> None:
    run_flags.start(program)


if __name__ == "__main__":
    flags.adopt_module_key_flags(run_flags)
    main()
