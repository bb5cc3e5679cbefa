"""Chooses real images as a baseline: what a set of this size is without us.

    python -m trainers.select_coreset --preset=cifar10_ipc1_dm_cpu \\
        --method=herding --run_dir=runs/herding
    python -m trainers.evaluate --preset=cifar10_ipc1_dm_cpu \\
        --exported=runs/herding/tfrecord --run_dir=runs/herding

writes `tfrecord/`, `gallery.png` and `coreset.json` (which images, and how they
were chosen) into the folder. Herding and k-center look at the features of a
network: an expert's where `--expert_dir` is given, else those of one that is
trained here on the whole training split.
"""

import pathlib
from typing import Any

from absl import flags, logging

from export.images import write_gallery
from export.tfrecord import write_tfrecord
from fred_tf import assembly, datasets, files, folder_lock, seeds
from fred_tf import config as config_lib
from fred_tf.coresets import (
    CORESETS,
    class_features,
    coreset,
    select_by_features,
    select_random,
)
from fred_tf.datasets import ImageData
from fred_tf.expert_store import ExpertStore
from fred_tf.network_training import NetworkTraining, accuracy
from fred_tf.synthetic_set import SyntheticSet
from trainers import run_flags

METHOD = flags.DEFINE_enum(
    "method", "random", ["random", *CORESETS], "How images are chosen."
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
        config: its `dataset`, `ipc`, `network`, `augmentation` and `seed`
            count.
        run_dir: folder to write to.
        method: `random` or a name in `CORESETS`.
        data_dir: where TensorFlow Datasets keeps its data.
        download: whether missing data may be downloaded.
        expert_dir: an expert store whose first expert gives the features.
        feature_epochs: epochs of the network trained here otherwise.

    Returns:
        The folder of the TFRecords.

    Raises:
        ValueError: the folder holds another choice, or a class has fewer than
            `ipc` images.
    """
    folder = pathlib.Path(run_dir)
    settings = config_lib.to_json(config)
    identity: dict[str, Any] = {
        name: settings[name] for name in ("dataset", "ipc", "seed")
    }
    identity["method"] = method
    if method != "random":
        identity["features"] = {
            "network": settings["network"],
            "augmentation": config.augmentation,
            "expert_dir": expert_dir and str(expert_dir),
            "epochs": None if expert_dir else feature_epochs,
        }
    folder.mkdir(parents=True, exist_ok=True)
    with folder_lock.exclusive(folder):
        if _is_there(folder / _RECORD, identity):
            logging.info("%s is complete.", folder)
            return folder / "tfrecord"
        data = datasets.load(config.dataset, data_dir, download)
        if method == "random":
            chosen = select_random(
                data.train.labels,
                config.ipc,
                data.classes,
                config.seed,
                data.class_names,
            )
        else:
            chosen = select_by_features(
                CORESETS[method],
                _features(config, data, expert_dir, feature_epochs),
                data,
                config.ipc,
            )
        chosen_set = coreset(data, chosen, **identity)
        _write(chosen_set, folder)
        files.write_json(
            folder / _RECORD,
            {"identity": identity, "chosen": chosen.tolist()},
        )
    return folder / "tfrecord"


def _is_there(path: pathlib.Path, identity: dict[str, Any]) -> bool:
    if not path.exists():
        return False
    found = files.read_json(path).get("identity")
    if found != identity:
        raise ValueError(
            f"{path.parent} holds another choice: {found}. Asked for: "
            f"{identity}. Choose another --run_dir."
        )
    return True


def _features(config, data: ImageData, expert_dir, epochs: int):
    """Returns a function from a class to the features of its images."""
    network = assembly.network(config, data.image_shape, data.classes)
    if expert_dir:
        description = assembly.expert_description(config, data)
        experts = ExpertStore.open(expert_dir, description)
        last = experts.trajectory(0)[-1].astype("float32")
        parameters = network.unflatten(last)
        state = (parameters, [], network.initial_statistics())
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
        for epoch in range(epochs):
            state = training.passes(
                state,
                data.train.images,
                data.train.labels,
                order,
                epoch,
                1,
                _TRAINING["learning_rate"],
            )
            logging.info("feature network, epoch %d of %d", epoch + 1, epochs)
    logging.info(
        "The network that embeds has test accuracy %.4f.",
        accuracy(
            network,
            state,
            data.test.images,
            data.test.labels,
            data.normalization,
        ),
    )
    parameters, _, statistics = state
    return lambda label: class_features(
        network, parameters, statistics, data, label
    )


def _write(chosen: SyntheticSet, folder: pathlib.Path) -> None:
    write_tfrecord(chosen, folder / "tfrecord")
    write_gallery(chosen, folder / "gallery.png")


def program() -> None:
    run_flags.set_determinism()
    run_dir = run_flags.required(run_flags.RUN_DIR)
    print(
        run(
            run_flags.config(),
            run_dir,
            METHOD.value,
            run_flags.DATA_DIR.value,
            run_flags.DOWNLOAD.value,
            run_flags.EXPERT_DIR.value,
            FEATURE_EPOCHS.value,
        )
    )


def main() -> None:
    run_flags.start(program)


if __name__ == "__main__":
    flags.adopt_module_key_flags(run_flags)
    main()
