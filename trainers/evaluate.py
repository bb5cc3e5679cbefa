"""Scores a distilled set: fresh networks, real test images.

    python -m trainers.evaluate --run_dir=runs/digits

writes `evaluation.json` into the run folder after each network, so that a
stopped evaluation continues; one with other settings is refused unless
`--name=WORD` gives it a file of its own. `--baseline=random` scores real images
at the same budget instead, `--baseline=full` the whole training split, and
`--exported=FOLDER` a set that `python -m export` or `trainers.select_coreset`
wrote. Networks are trained as the settings of the run say, or those of
`--preset`, with which the run folder need not hold a run for these; without
either, as an export says of its run. `--row` scores as a row of RESULTS.md is
scored, of random real images or the whole split without `--baseline`, too.

`--exported=FILE.npz` scores what another method made: arrays `images` and
`labels`. Whatever does not follow from their types has to be said, by
`--values` and the flags beside it. The protocol that accuracies come from is
printed below them.

`--networks=convnet,alexnet,vgg11,resnet18` trains each of these from scratch
on the same set (one file each), `--model=FILE.keras` any architecture of plain
layers of Keras. `--corruptions=all` scores every network on corrupted test
images as well, `--test_on=cifar10_1` on those of another data set. Overrides
apply, e.g. `--override evaluation.networks=3`; gradient matching without
augmentation is scored with `--override augmentation=none --override
evaluation.epochs=300`, and the paper's tables of corrupted images are made with
`--corruptions=all --corrupted_images=0 --override
evaluation.learning_rate=0.01`.
"""

import pathlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from absl import logging

from export import flags
from fred_tf import assembly
from fred_tf import config as config_lib
from fred_tf.coresets import full_set, random_set
from fred_tf.datasets import ImageData, Split, corruptions, test_sets
from fred_tf.datasets.data_facts import on_split
from fred_tf.datasets.names import has_path
from fred_tf.disk import files
from fred_tf.distilled_run import DistilledRun
from fred_tf.foreign import KerasNetwork, keras_file
from fred_tf.scoring import OF_NETWORK, check_alike, score
from fred_tf.synthetic_set import SyntheticSet
from trainers import (
    accuracy_table,
    exported_flags,
    protocol,
    row_flag,
    run_flags,
    scoring_settings,
    within_bytes,
)
from trainers.log import tags
from trainers.log.run_log import append_accuracy

_BASELINES = {
    "random": lambda data, config: random_set(data, config.ipc, config.seed),
    "full": lambda data, config: full_set(data),
}
BASELINE = flags.DEFINE_enum(
    "baseline", None, list(_BASELINES), "Scores this instead of the run."
)
NAME = flags.DEFINE_string(
    "name",
    "",
    "A word in the names of the files, to keep evaluations with other settings "
    "beside each other: evaluation_WORD.json.",
)
NETWORKS = flags.DEFINE_list(
    "networks",
    [],
    "Trains these networks, with their default settings, instead of the run's "
    "alone; the run's own keeps its settings.",
)
MODEL = flags.DEFINE(
    run_flags.PATH,
    "model",
    None,
    "Trains the architecture of this .keras file instead of the run's network, "
    "each with fresh weights.",
)
CORRUPTIONS = flags.DEFINE_string(
    "corruptions",
    None,
    "Also scores on corrupted test images: all, or names joined by commas. "
    "Prepared ones of TensorFlow Datasets are used where --data_dir has them, "
    "else they are computed (pip install -e '.[corruptions]'). The paper's "
    "tables take all images (--corrupted_images=0), 5 networks of 1,000 "
    "epochs, and a step size of 0.01 in the place of the learned one "
    "(--override evaluation.learning_rate=0.01).",
)
TEST_ON = flags.DEFINE_list(
    "test_on",
    [],
    "Also scores on the test images of these data sets of TensorFlow Datasets, "
    "which have the same classes, e.g. cifar10_1 for CIFAR-10.",
)
SEVERITY = flags.DEFINE_integer("severity", 5, "Of the corruptions.", 1, 5)
CORRUPTED_IMAGES = flags.DEFINE_integer(
    "corrupted_images",
    2000,
    "How many of the first test images are corrupted; 0 means all.",
    0,
)
flags.adopt_module_key_flags(exported_flags)
flags.only_with(CORRUPTIONS, SEVERITY, CORRUPTED_IMAGES)
flags.one_of(exported_flags.EXPORTED, BASELINE)
flags.one_of(NETWORKS, MODEL)
# Settings that count for what is not scored as a run left it.
_OF_REAL = {"random": ("normalization", "ipc"), "full": ("normalization",)}
_OF_ARRAYS = ("normalization",)
# Epochs of the papers, which AlexNet needs: it has no norms.
_PLATEAU = 1000


def configs(
    config: config_lib.Config, networks: Sequence[str], model: str | None = None
) -> dict[str, config_lib.Config]:
    """Returns the config of each evaluation, by network.

    Args:
        config: the settings.
        networks: names of networks; that of the settings if there are none.
        model: a `.keras` file in the place of them, known by its name.

    Raises:
        ValueError: a network is unknown, or does not take the images, or none
            is trained.
    """
    if (networks or model) and config.evaluation.by != "networks":
        raise ValueError(
            "`--networks` and `--model` are trained where `evaluation.by` is "
            f"'networks'. Received: {config.evaluation.by!r}. Leave them out, "
            "or give --override evaluation.by=networks."
        )
    if model:
        keras_file.read(model)  # Refuses before any work.
        stem = re.sub(r"[^a-z0-9]+", "_", pathlib.Path(model).stem.lower())
        return {f"keras_{stem}": config}
    wanted = {
        name: config_lib.replace(config, {"network.name": name})
        for name in networks or [config.network.name]
    }
    for settings in wanted.values():
        assembly.check_network(settings)
    if "alexnet" in wanted and config.evaluation.epochs < _PLATEAU:
        logging.warning(
            "AlexNet has no norms and begins on a plateau: after %d epochs, "
            "some networks may be at chance still. The papers train for %d.",
            config.evaluation.epochs,
            _PLATEAU,
        )
    return wanted


def other_images(
    data: ImageData,
    sets: Sequence[str],
    corrupted: Sequence[str],
    data_dir: str | None = None,
) -> tuple[dict[str, Split], dict[str, Any]]:
    """Returns other test images by name, and how corrupted ones were made.

    Args:
        data: the data whose test images they stand beside.
        sets: names of data sets.
        corrupted: names of corruptions.
        data_dir: where TensorFlow Datasets keeps them.
    """
    splits = {
        name: test_sets.load(data, name, data_dir, run_flags.DOWNLOAD.value)
        for name in sets
    }
    if not corrupted:
        return splits, {}
    made, facts = corruptions.load_all(
        data, corrupted, SEVERITY.value, data_dir, CORRUPTED_IMAGES.value
    )
    return {**splits, **made}, facts


def path(
    run_dir: files.Path,
    subject: str,
    network: str,
    corrupted: bool = False,
    name: str = "",
    tested_on: Sequence[str] = (),
) -> pathlib.Path:
    """Returns the file of an evaluation.

    Args:
        run_dir: its folder.
        subject: what is scored instead of the run, in a word; empty for it.
        network: what is trained; empty for the run's own.
        corrupted: whether corrupted images are scored, too.
        name: what people call it; may be empty.
        tested_on: other data sets whose test images are scored, too.

    Raises:
        ValueError: the name is no word of small letters, digits and `_`, or
            would be that of an evaluation made while distilling.
    """
    if not re.fullmatch(r"(?!step\d)[a-z0-9_]*", name):
        raise ValueError(
            "`--name` must be a word of small letters, digits and `_` that "
            f"does not begin like `step1`. Received: {name!r}."
        )
    others = [re.sub(r"\W", "_", other) for other in tested_on]
    others += ["corrupted"] if corrupted else []
    parts = ["evaluation", subject, name, network, *others]
    return pathlib.Path(run_dir) / f"{'_'.join(filter(None, parts))}.json"


def subject(
    run_dir: files.Path,
) -> tuple[
    config_lib.Config,
    str,
    Callable[[ImageData], SyntheticSet],
    DistilledRun | None,
]:
    """Returns the config, what is scored in a word, how to get it, and the run.

    The run is None where something else than its set is scored.

    Raises:
        ValueError: flags contradict each other; see also `DistilledRun`.
    """
    run_flags.refuse_budget()
    if exported := exported_flags.given():
        counting = _OF_ARRAYS if exported_flags.is_of_arrays() else ()
        config = _settings(
            lambda: scoring_settings.recorded(run_dir, exported.told), *counting
        )
        return config, "exported", exported.on, None
    baseline = BASELINE.value or row_flag.real(_BASELINES)
    if baseline:
        make = _BASELINES[baseline]
        config = _settings(
            lambda: scoring_settings.recorded(run_dir), *_OF_REAL[baseline]
        )
        if baseline == "random":
            within_bytes.refuse_real(config)
        return config, baseline, lambda data: make(data, config), None
    run = DistilledRun.restore(run_dir)
    within_bytes.tell_of(run)
    config = _settings(lambda: run.config)
    return config, "", lambda data: run.synthetic_set(), run


def _settings(
    recorded: Callable[[], config_lib.Config], *counting: str
) -> config_lib.Config:
    """Returns how a set is scored, see `scoring_settings.settings`."""
    return scoring_settings.settings(recorded, *counting, replaced=_replaced)


def _replaced(config: config_lib.Config) -> tuple[str, ...]:
    """Returns the settings in whose place flags name networks."""
    if MODEL.value:
        return OF_NETWORK
    others = NETWORKS.value and config.network.name not in NETWORKS.value
    return ("network",) if others else ()


def _part(data: ImageData) -> str:
    """Returns what an accuracy is over, unless it is a whole test split."""
    on = on_split(data.tested_on)
    if data.tested_classes == data.classes:
        return on
    return f"{on} over {data.tested_classes} of {data.classes} classes"


@run_flags.of_settings("run_dir")
def main() -> None:
    run_flags.set_determinism()
    run_dir = pathlib.Path(run_flags.required(run_flags.RUN_DIR))
    names = corruptions.named(CORRUPTIONS.value) if CORRUPTIONS.value else ()
    sets = list(dict.fromkeys(map(test_sets.named, TEST_ON.value)))
    path(run_dir, "", "", name=NAME.value)  # Refuses before any work.
    others_in = run_flags.DATA_DIR.value  # Before a path in a name changes it.
    config, word, make, distilled = subject(run_dir)
    wanted = configs(config, NETWORKS.value, MODEL.value)
    found_in = run_flags.data_dir(run_dir)
    data = assembly.load_data(config, found_in, run_flags.DOWNLOAD.value)
    if not has_path(config.dataset):  # Both are of TensorFlow Datasets.
        others_in = found_in
    synthetic_set, results, foreign = make(data), {}, None
    if MODEL.value:
        foreign = KerasNetwork(MODEL.value, data.image_shape, data.classes)
    check_alike(synthetic_set, data, {})
    for settings in wanted.values():  # Refused before images are corrupted.
        assembly.evaluator(settings, data, foreign)
    others, facts = other_images(data, sets, names, others_in)
    files.make_folder(run_dir)
    for network, settings in wanted.items():
        other = "" if network == config.network.name else network
        file = path(run_dir, word, other, bool(names), NAME.value, sets)
        results[network] = score(
            settings, synthetic_set, data, file, others, facts, foreign
        )
        # TensorBoard shows a run what it is on its own test images.
        if distilled and distilled.facts.test == data.facts.test:
            scorer = tags.scorer(settings, network)
            append_accuracy(
                distilled.folder, distilled.step, scorer, results[network]
            )
        scored = len(results[network].accuracies)
        by = "networks" if settings.evaluation.by == "networks" else "kernels"
        print(
            f"{results[network]} test accuracy of {scored} {by}{_part(data)}: "
            f"{file}"
        )
    if len(results) > 1 or others:
        own = config.network.name
        print(f"\n{accuracy_table.table(own, results, data.tested_on)}")
    rate = results[next(iter(results))].learning_rate
    print(f"\n{protocol.told(wanted, synthetic_set, data, rate, foreign)}")


if __name__ == "__main__":
    main()
