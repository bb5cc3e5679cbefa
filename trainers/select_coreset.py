"""Chooses real images as a baseline: what a set of this size is without us.

    python -m trainers.select_coreset --preset=cifar10_ipc1_dm_cpu \\
        --method=herding --run_dir=runs/herding
    python -m trainers.evaluate --preset=cifar10_ipc1_dm_cpu \\
        --exported=runs/herding/tfrecord --run_dir=runs/herding

writes `tfrecord/`, `gallery.png` and `coreset.json` (which images, and how they
were chosen) into the folder. Herding and k-center look at the features of a
network: the first expert's, after its last stored epoch, where `--expert_dir`
is given, else those of one that is trained here on the whole training split.
A finished folder stays as it is when the same command is given again.
"""

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import logging

from export import flags
from fred_tf import assembly, progress, seeds
from fred_tf import config as config_lib
from fred_tf.coresets import (
    CORESETS,
    check_choice,
    class_features,
    coreset,
    select_by_features,
    select_random,
)
from fred_tf.datasets import ImageData
from fred_tf.disk import files, folder_lock, records
from fred_tf.experts.store import ExpertStore
from fred_tf.forms.images import Images
from fred_tf.forms.pictures import Gallery
from fred_tf.presets import fitting
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.network_training import (
    NetworkTraining,
    State,
    accuracy,
)
from trainers import row_flag, run_flags
from trainers.results.row import Row

METHODS = ("random", *CORESETS)
METHOD = flags.DEFINE_enum(
    "method",
    "random",
    METHODS,
    "How images are chosen; by default as those of --row are.",
)
FEATURE_EPOCHS = flags.DEFINE_integer(
    "feature_epochs",
    10,
    "Epochs on the training split of the network whose features are looked at.",
    1,
)

# Of the network that is trained here, as in the evaluation of a set.
_TRAINING = {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 5e-4}
_RECORD = "coreset.json"
_WRITTEN = (Images(), "tfrecord"), (Gallery(), Gallery.path)
_KIND = "coreset"


def run(
    config: config_lib.Config,
    run_dir: files.Path,
    method: str,
    data_dir: str | None = None,
    download: bool = False,
    expert_dir: str | None = None,
    feature_epochs: int = 10,
) -> pathlib.Path:
    """Chooses `config.ipc` images of each class and writes them.

    Args:
        config: its `dataset`, `ipc`, `network`, `convolutions`, `augmentation`
            and `seed` count.
        run_dir: folder to write to.
        method: `random` or a name in `CORESETS`.
        data_dir: where TensorFlow Datasets keeps its data.
        download: whether missing data may be downloaded.
        expert_dir: an expert store whose first expert gives the features.
        feature_epochs: epochs of the network trained here otherwise.

    Returns:
        The folder of the TFRecords.

    Raises:
        FileNotFoundError: there is no expert store at `expert_dir`.
        ValueError: the folder holds another choice or another export, a class
            has fewer than `ipc` images, or the experts are of another network
            or data set, or have no features of their own.
    """
    folder = pathlib.Path(run_dir)
    identity = _identity(config, method, expert_dir, feature_epochs)
    assembly.check_experts(config, expert_dir)
    data = assembly.load_data(config, data_dir, download)
    config = fitting.fitted(config, data)
    work = folder / _RECORD, _KIND, identity, data.facts.to_json()
    folder.mkdir(parents=True, exist_ok=True)
    with folder_lock.exclusive(folder):
        record = records.continued(
            *work,
            way_out="Choose another --run_dir.",
            has_begun=lambda content: (
                "chosen" in content or (folder / "tfrecord").exists()
            ),
        )
        if _is_complete(folder, record):
            logging.info("%s is complete.", folder)
            return folder / "tfrecord"
        check_choice(data, config.ipc)
        for form, name in _WRITTEN:
            form.check_replaceable(folder / name)
        if record is None:
            # What a kill leaves from here on is known to be ours.
            records.write(*work)
        score = None
        if method == "random":
            indices = select_random(
                data.train.labels,
                config.ipc,
                data.classes,
                config.seed,
                data.class_names,
            )
        else:
            features, score = _features(
                config, data, expert_dir, feature_epochs
            )
            indices = select_by_features(
                CORESETS[method], features, data, config.ipc
            )
        chosen_set = coreset(data, indices, **identity)
        _write(chosen_set, folder)
        records.write(
            *work, feature_network_accuracy=score, chosen=indices.tolist()
        )
    return folder / "tfrecord"


def _identity(
    config: config_lib.Config,
    method: str,
    expert_dir: str | None,
    feature_epochs: int,
) -> dict[str, Any]:
    """Returns all that a choice follows from; reads no images."""
    settings = config_lib.to_json(config)
    identity = {name: settings[name] for name in ("dataset", "ipc", "seed")}
    identity["method"] = method
    if method == "random":
        if expert_dir:
            raise ValueError(
                "`expert_dir` is for methods that look at features: "
                f"{list(CORESETS)}. Received: {expert_dir} with `random`. "
                "Leave it out or choose another method."
            )
    elif expert_dir:
        # Not the path: a folder may move, or hold other experts tomorrow.
        store = ExpertStore.open(expert_dir)
        identity["features"] = {
            "expert": store.description,
            "facts": store.facts(0),
        }
    else:
        identity["features"] = {
            "network": settings["network"],
            "convolutions": config.convolutions,
            # Where it is not the usual one.
            **{k: settings[k] for k in ("norm_layout",) if k in settings},
            "augmentation": config.augmentation,
            "epochs": feature_epochs,
            "batch_size": config.evaluation.batch_size,
            **_TRAINING,
        }
    return identity


def _is_complete(folder: pathlib.Path, record: dict[str, Any] | None) -> bool:
    """Refuses the export of something else, and one that is damaged."""
    export = folder / "tfrecord"
    if record is None and export.exists():
        raise ValueError(
            f"{folder} holds the export of another set: there is a "
            f"{export.name} but no {_RECORD}. Choose another --run_dir."
        )
    if not record or "chosen" not in record or not export.exists():
        return False
    Images().verify(export)
    return True


def _features(
    config: config_lib.Config,
    data: ImageData,
    expert_dir: str | None,
    epochs: int,
) -> tuple[Callable[[int], np.ndarray], float | None]:
    """Returns a function from a class to its features, and the accuracy.

    The accuracy is None where the data have no test images.
    """
    network = assembly.network(config, data.image_shape, data.classes)
    if expert_dir:
        if statistics := network.initial_statistics():
            raise ValueError(
                "Experts are stored without moving moments, which the features "
                f"of this network need. Received: {len(statistics)} of them in "
                f"{config.network.name!r}. Leave out --expert_dir, or choose "
                "another `network.norm`."
            )
        description = assembly.expert_description(config, data.facts)
        experts = ExpertStore.open(expert_dir, description)
        last = experts.trajectory(0)[-1].astype("float32")
        parameters = network.unflatten(last)
        state: State = parameters, [], network.initial_statistics()
    else:
        training = NetworkTraining(
            network,
            assembly.augmentation(config),
            config.evaluation.batch_size,
            _TRAINING["momentum"],
            _TRAINING["weight_decay"],
            data.normalization,
        )
        state = training.start(seeds.named(config.seed, "feature network"))
        order = seeds.named(config.seed, "feature network order")
        for epoch in progress.each(range(epochs), "epoch", epochs):
            state = training.passes(
                state,
                data.train.images,
                data.train.labels,
                order,
                epoch,
                1,
                _TRAINING["learning_rate"],
            )
    score = None
    if (test := data.test) is not None:
        score = accuracy(
            network, state, test.images, test.labels, data.normalization
        )
        logging.info("The network that embeds has test accuracy %.4f.", score)
    parameters, _, statistics = state

    def features(label: int) -> np.ndarray:
        return class_features(network, parameters, statistics, data, label)

    return features, score


def _write(synthetic_set: SyntheticSet, folder: pathlib.Path) -> None:
    for form, name in _WRITTEN:
        form.write(synthetic_set, None, folder / name)


def _method() -> str:
    """Returns --method, unless given that of a --row that chooses images."""
    row = row_flag.row()
    if row and row.subject in METHODS and not METHOD.present:
        return row.subject
    return METHOD.value


@run_flags.program
def main() -> None:
    run_flags.set_determinism()
    run_dir = run_flags.required(run_flags.RUN_DIR)
    print(
        run(
            run_flags.config(Row.config),
            run_dir,
            _method(),
            run_flags.DATA_DIR.value,
            run_flags.DOWNLOAD.value,
            run_flags.EXPERT_DIR.value,
            FEATURE_EPOCHS.value,
        )
    )


if __name__ == "__main__":
    main()
