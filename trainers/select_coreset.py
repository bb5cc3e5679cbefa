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

    python -m trainers.select_coreset --preset=cifar10_ipc1_dm_cpu \\
        --method=herding --stored_bytes=30720 --stored_quality=10 \\
        --run_dir=runs/jpeg

chooses as many images as one JPEG of 30,720 bytes holds, in the place of `ipc`,
and also writes it: `sheet.jpeg`, or `sheet.png`. The set is what is read back.
"""

import pathlib
from typing import Any

from absl import logging

from export import flags
from fred_tf import assembly, chosen_images
from fred_tf import config as config_lib
from fred_tf.assignments import uncounted
from fred_tf.chosen_images import feature_network
from fred_tf.coresets import (
    CORESETS,
    METHODS,
    RANDOM,
    check_choice,
    coreset,
    sheet,
)
from fred_tf.coresets.sheet import SheetSettings
from fred_tf.datasets import ImageData
from fred_tf.disk import files, folder_lock, records
from fred_tf.experts.store import ExpertStore
from fred_tf.forms.images import Images
from fred_tf.forms.pictures import Gallery
from fred_tf.presets import fitting
from fred_tf.scoring import OF_DATA
from fred_tf.synthetic_set import SyntheticSet
from trainers import row_flag, run_flags, stored_flags, within_bytes
from trainers.results.row import Row

METHOD = flags.DEFINE_enum(
    "method",
    RANDOM,
    METHODS,
    "How images are chosen; by default as those of --row are.",
)
FEATURE_EPOCHS = flags.DEFINE_integer(
    "feature_epochs",
    feature_network.EPOCHS,
    "Epochs on the training split of the network whose features are looked at.",
    1,
)
flags.adopt_module_key_flags(stored_flags)
flags.one_of(run_flags.EXPERT_DIR, FEATURE_EPOCHS)

_RECORD = "coreset.json"
_WRITTEN = (Images(), "tfrecord"), (Gallery(), Gallery.path)
_KIND = "coreset"
# Settings that a choice looks at, and besides where features choose.
_COUNTING = (*OF_DATA, "normalization", "ipc", "seed")
_OF_FEATURES = (
    "network",
    "convolutions",
    "norm_layout",
    "augmentation",
    "evaluation.batch_size",
)


def run(
    config: config_lib.Config,
    run_dir: files.Path,
    method: str,
    data_dir: str | None = None,
    download: bool = False,
    expert_dir: str | None = None,
    feature_epochs: int = feature_network.EPOCHS,
    stored: SheetSettings | None = None,
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
        stored: as what picture, and in how many bytes; `config.ipc` does not
            count then.

    Returns:
        The folder of the TFRecords.

    Raises:
        FileNotFoundError: there is no expert store at `expert_dir`.
        ValueError: the folder holds another choice or another export, a class
            has fewer than `ipc` images, the picture holds none of each, the
            budget is in bytes and of no picture, or the experts are of another
            network or data set, or have no features of their own.
        FileExistsError: something else lies where one of its files would.
    """
    folder = pathlib.Path(run_dir)
    identity = _identity(config, method, expert_dir, feature_epochs, stored)
    assembly.check_experts(config, expert_dir)
    data = assembly.load_data(config, data_dir, download)
    config = fitting.fitted(config, data)
    work = folder / _RECORD, _KIND, identity, data.facts.to_json()
    files.make_folder(folder)
    with folder_lock.exclusive(folder):
        record = records.continued(
            *work,
            way_out="Choose another --run_dir.",
            has_begun=lambda content: (
                "chosen" in content or (folder / "tfrecord").exists()
            ),
        )
        if _is_complete(folder, record, stored):
            logging.info("%s is complete.", folder)
            return folder / "tfrecord"
        _check_size(data, config, stored)
        for form, name in _WRITTEN:
            form.check_replaceable(folder / name)
        if record is None:
            _refuse_picture(folder, stored)
            # What a kill leaves from here on is known to be ours.
            records.write(*work)
        choose, score = chosen_images.choice(
            config, data, method, expert_dir, feature_epochs
        )
        if stored:
            within = None if method == RANDOM else choose
            indices = sheet.most_within(data, stored, within, config.seed)
            chosen_set, picture = sheet.stored(
                data, indices, stored, **identity
            )
            with files.replacing_file(sheet_path(folder, stored)) as temporary:
                temporary.write_bytes(picture)
        else:
            indices = choose(config.ipc)
            chosen_set = coreset(data, indices, **identity)
        _write(chosen_set, folder)
        records.write(
            *work, feature_network_accuracy=score, chosen=indices.tolist()
        )
    return folder / "tfrecord"


def sheet_path(folder: files.Path, stored: SheetSettings) -> pathlib.Path:
    """Returns where the picture of a choice lies that is stored as one."""
    return pathlib.Path(folder) / f"sheet.{stored.encoding}"


def _identity(
    config: config_lib.Config,
    method: str,
    expert_dir: str | None,
    feature_epochs: int,
    stored: SheetSettings | None,
) -> dict[str, Any]:
    """Returns all that a choice follows from; reads no images."""
    if not stored:
        within_bytes.refuse_real(config)
    settings = config_lib.to_json(config)
    identity = {name: settings[name] for name in ("dataset", "ipc", "seed")}
    identity["method"] = method
    if stored:  # In the place of so many images.
        del identity["ipc"]
        identity["stored"] = stored.to_json()
    if method == RANDOM:
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
            **feature_network.TRAINING,
        }
    return identity


def _is_complete(
    folder: pathlib.Path,
    record: dict[str, Any] | None,
    stored: SheetSettings | None,
) -> bool:
    """Refuses the export of something else, and one that is damaged."""
    export = folder / "tfrecord"
    if record is None and export.exists():
        raise ValueError(
            f"{folder} holds the export of another set: there is a "
            f"{export.name} but no {_RECORD}. Choose another --run_dir."
        )
    if not record or "chosen" not in record or not export.exists():
        return False
    if stored and not sheet_path(folder, stored).exists():
        return False
    Images().verify(export)
    return True


def _check_size(
    data: ImageData, config: config_lib.Config, stored: SheetSettings | None
) -> None:
    """Refuses more images than there are, and a picture that holds none."""
    if stored:
        sheet.check(data, stored, config.seed)
    else:
        check_choice(data, config.ipc)


def _refuse_picture(folder: pathlib.Path, stored: SheetSettings | None) -> None:
    """Refuses to replace a picture that no choice has written.

    Raises:
        FileExistsError: there is one.
    """
    if stored and (path := sheet_path(folder, stored)).exists():
        raise FileExistsError(
            f"Only an earlier {path.name} is replaced. Received: {path} "
            f"without a {_RECORD}. Move it, or choose another --run_dir."
        )


def _write(synthetic_set: SyntheticSet, folder: pathlib.Path) -> None:
    for form, name in _WRITTEN:
        form.write(synthetic_set, None, folder / name)


def _method() -> str:
    """Returns --method, unless given that of a --row that chooses images."""
    row = row_flag.row()
    if row and row.subject in METHODS and not METHOD.present:
        return row.subject
    return METHOD.value


def _feature_epochs(method: str) -> int:
    """Returns --feature_epochs.

    Raises:
        ValueError: it is given, and the method looks at no features.
    """
    if FEATURE_EPOCHS.present and method == RANDOM:
        raise ValueError(
            "`--feature_epochs` is of the network whose features methods look "
            f"at: {list(CORESETS)}. Received: {FEATURE_EPOCHS.value} with "
            f"`--method={RANDOM}`. Leave it out or choose another method."
        )
    return FEATURE_EPOCHS.value


def _check_changes(
    before: config_lib.Config, after: config_lib.Config, method: str
) -> None:
    """Refuses overrides that a choice does not look at.

    Raises:
        ValueError: there is such an override.
    """
    counting = _COUNTING if method == RANDOM else _COUNTING + _OF_FEATURES
    settings = config_lib.to_json(before), config_lib.to_json(after)
    if unused := uncounted(*settings, counting):
        raise ValueError(
            f"A choice by `{method}` looks at the settings "
            f"{', '.join(f'`{name}`' for name in counting)}. Received: "
            f"{', '.join(unused)}. Leave out what it does not look at."
        )


@run_flags.of_settings("run_dir", "expert_dir")
def main() -> None:
    run_flags.set_determinism()
    run_dir = run_flags.required(run_flags.RUN_DIR)
    method, stored = _method(), stored_flags.settings()
    before, config = run_flags.before_and_after(Row.config)
    _check_changes(before, config, method)
    if stored and config.ipc != before.ipc:
        raise ValueError(
            "`ipc` is how many images are chosen where no bytes say it. "
            f"Received: {config.ipc} with a picture of "
            f"{stored.budget_bytes:,} bytes. Leave one out."
        )
    print(
        run(
            config,
            run_dir,
            method,
            run_flags.DATA_DIR.value,
            run_flags.DOWNLOAD.value,
            run_flags.EXPERT_DIR.value,
            _feature_epochs(method),
            stored,
        )
    )


if __name__ == "__main__":
    main()
