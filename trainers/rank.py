"""Scores a distilled set against chance and the whole data (DD-Ranking).

    python -m trainers.rank --run_dir=runs/cifar10 --full_accuracy=0.848

prints LRS and ARS (see `fred_tf/training/ranking.py`) and writes `ranking.json`
and the evaluations behind it into the folder `ranking` of the run. The scores
are of hard labels: of soft ones the likeliest class counts. Random real images
of the same ipc are trained as the set is, with every step size of `--rates`;
the best counts. Without `--full_accuracy` networks are trained on the whole
training split, `--full_epochs` long, by the usual schedule: what a method
evaluates its few images by, such as a warm-up or cutmix, is not for all of
them. Sets that a kernel scores are ranked with `--override
evaluation.by=networks`. Stopped, it continues when it is started again; what
was ranked with other settings is refused.
"""

import dataclasses
import pathlib
from typing import Any

from export import flags
from fred_tf import assembly
from fred_tf import config as config_lib
from fred_tf.coresets import full_set, random_set
from fred_tf.datasets import ImageData
from fred_tf.datasets.data_facts import on_split
from fred_tf.disk import files, records
from fred_tf.distilled_run import DistilledRun
from fred_tf.scoring import OF_DATA, check_changes, description, score
from fred_tf.settings import MOST_RATE, check_least
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluator_settings import EvaluatorSettings
from fred_tf.training.ranking import (
    augmentation_robust_score,
    label_robust_score,
)
from trainers import run_flags, within_bytes

FULL_ACCURACY = flags.DEFINE(
    flags.Number(0, 1),
    "full_accuracy",
    None,
    "Accuracy in [0, 1] of the network on the whole training split, if known.",
)
FULL_EPOCHS = flags.DEFINE_integer(
    "full_epochs", 200, "Epochs on the whole training split otherwise.", 1
)
RATES = flags.DEFINE_numbers(
    flags.Numbers(above=0, most=MOST_RATE, distinct=True),
    "rates",
    [0.001, 0.005, 0.01, 0.05, 0.1],
    "Step sizes tried on random real images.",
)
flags.one_of(FULL_ACCURACY, FULL_EPOCHS)
# Of an evaluation, what the whole split keeps of a set's, or has of its own.
_KEPT = "networks", "augmentation", "standardized_batches"
_OWN = "epochs", "learning_rate"
# What leaves images as they are.
_PLAIN = {
    "augmentation": "none",
    "evaluation.augmentation": "",
    "evaluation.cutmix": 0.0,
}


def run(
    config: config_lib.Config,
    synthetic_set: SyntheticSet,
    data: ImageData,
    folder: files.Path,
    rates: list[float],
    full_accuracy: float | None = None,
    full_epochs: int = 200,
) -> dict[str, Any]:
    """Ranks a set.

    Args:
        config: its `evaluation`, `network`, `augmentation`, `ipc` and `seed`.
        synthetic_set: the set; it is scored with hard labels.
        data: the real data.
        folder: where evaluations are kept, and `ranking.json` goes.
        rates: step sizes tried on random real images.
        full_accuracy: of the whole training split; trained if None.
        full_epochs: epochs of that training.

    Returns:
        `label_robust_score` and `augmentation_robust_score` in per cent, and
        the mean accuracies behind them.

    Raises:
        ValueError: see `check`; `full_accuracy` is none; or the folder holds a
            ranking of another set, or one made with other settings or data.
    """
    check(config)
    if full_accuracy is not None:
        check_least("full_accuracy", full_accuracy, 0, 1)
    folder = pathlib.Path(folder)
    hard, usual = synthetic_set.with_hard_labels(), _usual(config)
    identity = {
        **description(config, hard)["identity"],
        "ipc": config.ipc,
        "rates": [f"{rate:g}" for rate in rates],
        "full_accuracy": full_accuracy,
        "full_epochs": None if full_accuracy is not None else full_epochs,
    }
    # Where neither is stated, earlier versions did the same.
    if hard is not synthetic_set:
        identity["labels"] = "hard"
    if full_accuracy is None and usual:
        identity["full"] = usual
    stated = data.facts.to_json()
    way_out = f"Delete {folder} to rank anew."
    path = folder / "ranking.json"
    record = records.continued(path, "ranking", identity, stated, (), way_out)
    networks = config.evaluation.networks
    means = _means(config, hard, data, folder, rates)
    if full_accuracy is None:
        training = {
            **usual,
            "evaluation.epochs": full_epochs,
            "evaluation.learning_rate": 0.01,
        }
        full_accuracy = score(
            config_lib.replace(config, training),
            full_set(data),
            data,
            folder / "full.json",
        ).mean
    ranking = {
        "label_robust_score": label_robust_score(
            means["distilled"], means["random"], full_accuracy
        ),
        "augmentation_robust_score": augmentation_robust_score(**means),
        "full": full_accuracy,
        **means,
    }
    # One of more networks stays; their evaluations say the rest.
    if record is None or record["networks"] < networks:
        records.write(
            path, "ranking", identity, stated, networks=networks, **ranking
        )
    return ranking


def check(config: config_lib.Config) -> None:
    """Refuses settings by which nothing is ranked.

    Raises:
        ValueError: a kernel scores sets, or the budget is one in bytes, which
            no number of random images takes.
    """
    within_bytes.refuse_real(config)
    if config.evaluation.by != "networks":
        raise ValueError(
            "A ranking compares accuracies of networks, `evaluation.by` "
            f"'networks'. Received: {config.evaluation.by!r}. Give --override "
            "evaluation.by=networks."
        )


def _usual(config: config_lib.Config) -> dict[str, Any]:
    """Returns what the whole split is trained by in place of a set's settings.

    These are the defaults of an evaluation, by dotted name, where the set is
    trained otherwise.
    """
    usual = EvaluatorSettings()
    return {
        f"evaluation.{field.name}": getattr(usual, field.name)
        for field in dataclasses.fields(usual)
        if field.name not in (*_KEPT, *_OWN)
        and getattr(usual, field.name) != getattr(config.evaluation, field.name)
    }


def _means(
    config: config_lib.Config,
    synthetic_set: SyntheticSet,
    data: ImageData,
    folder: pathlib.Path,
    rates: list[float],
) -> dict[str, float]:
    """Returns accuracies of the set and of chance, also without augmentation.

    Args:
        config, synthetic_set, data, folder, rates: see `run`.
    """
    by_chance = random_set(data, config.ipc, config.seed)
    plain = config_lib.replace(config, _PLAIN)
    means = {}
    for suffix, settings in (("", config), ("_plain", plain)):
        name = f"distilled{suffix}"
        path = folder / f"{name}.json"
        means[name] = score(settings, synthetic_set, data, path).mean
        means[f"random{suffix}"] = max(
            score(
                config_lib.replace(settings, {"evaluation.learning_rate": r}),
                by_chance,
                data,
                folder / f"random{suffix}_{r:g}.json",
            ).mean
            # As the names of the files have it, to six digits.
            for r in (float(f"{rate:g}") for rate in rates)
        )
    return means


@run_flags.of_run()
def main() -> None:
    run_flags.set_determinism()
    restored = DistilledRun.restore(run_flags.required(run_flags.RUN_DIR))
    config = run_flags.override(restored.config)
    check_changes(restored.config, config, *OF_DATA, "normalization", "ipc")
    check(config)
    data = assembly.load_data(
        config,
        run_flags.data_dir(restored.folder.path),
        run_flags.DOWNLOAD.value,
    )
    ranking = run(
        config,
        restored.synthetic_set(),
        data,
        restored.folder.path / "ranking",
        RATES.value,
        FULL_ACCURACY.value,
        FULL_EPOCHS.value,
    )
    for name, value in ranking.items():
        percent = value if name.endswith("score") else 100 * value
        print(f"{name:26} {percent:5.1f} %")
    if on := on_split(data.tested_on):
        print(f"Accuracies are{on}.")


if __name__ == "__main__":
    main()
