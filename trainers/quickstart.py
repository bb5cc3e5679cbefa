"""The whole way on a data set that is already here, in a few minutes.

    python -m trainers.quickstart --run_dir=runs/quickstart

On `digits` (1,797 real images of 8x8, part of scikit-learn): trains experts,
distils them into FreD's frequency memory and, for comparison, into pixels of
the same number of floats, evaluates both beside random real images and the
full training set, exports, and reads the exports back. Prints and saves a
table, and says what to look at and what to do next. Stopped, it continues when
it is started again.

`fred/` and `pixel/` are run folders like any other: their accuracies are in
them, `fred/export` is what can be used, and `fred/report.html` tells it all.
"""

import json
import pathlib
import shlex
import time
from collections.abc import Mapping
from typing import Any

from absl import logging

from export import exporting
from fred_tf import assembly, presets
from fred_tf import config as config_lib
from fred_tf.coresets import full_set, random_set
from fred_tf.datasets import ImageData
from fred_tf.datasets.data_facts import TEST, on_split
from fred_tf.disk import files, replaceable
from fred_tf.distilled_run import DistilledRun
from fred_tf.objectives import OBJECTIVES
from fred_tf.scoring import score
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluation import Evaluation
from trainers import (
    distill,
    evaluate,
    run_flags,
    train_experts,
    within_bytes,
)
from trainers.figures import title
from trainers.log import tags
from trainers.log.run_log import append_accuracy
from trainers.report import __main__ as report
from trainers.results.digits import FULL, PIXEL, PRESET

RUN_DIR = "runs/quickstart"
# How tables begin; what stands for the test split follows.
_HEADER = "| trained on | images | floats stored | test accuracy"
_LABELS = {
    "random": "random real images",
    "pixel": "pixels, distilled",
    "fred": "{}, distilled",
    "full": "full training set",
}


def run(
    config: config_lib.Config,
    run_dir: files.Path,
    data_dir: str | None = None,
    download: bool = False,
) -> str:
    """Goes the whole way and returns the table as Markdown.

    Args:
        config: a trajectory-matching preset.
        run_dir: folder of everything that is made.
        data_dir: where TensorFlow Datasets keeps its data.
        download: whether missing data may be downloaded.

    Raises:
        ValueError: its memory is one of pixels, which it is compared with; its
            objective matches no experts; or its budget is in bytes.
        FileExistsError: there is another table in the folder, or another page.
    """
    stored = config.parameterization.name
    if stored == PIXEL["parameterization.name"]:
        raise ValueError(
            "The quickstart compares a memory with pixels. Received: "
            f"`parameterization.name` {stored!r}. Leave it out."
        )
    objective = config.objective.name
    if not OBJECTIVES[objective].needs_experts:
        raise ValueError(
            "The quickstart trains experts, which an objective has to match. "
            f"Received: `objective.name` {objective!r}. Leave it out, or use "
            f"`{run_flags.command('trainers.distill')} --preset=dm`."
        )
    within_bytes.refuse_real(config)
    called = title(config)
    root = pathlib.Path(run_dir)
    table_path = root / "table.md"
    replaceable.check_file(table_path, _HEADER.encode())
    report.check_replaceable(root / "fred" / report.NAME)
    found = data_dir, download
    data = assembly.load_data(config, *found)
    experts = str(root / "experts")
    logging.info("Experts are trained on real images, to be imitated.")
    train_experts.run(config, experts, *found)

    def distilled(name: str, changes: dict[str, Any]) -> DistilledRun:
        logging.info("Images are distilled: %s.", _LABELS[name].format(called))
        changed = config_lib.replace(config, changes)
        return distill.run(changed, root / name, data_dir, experts, download)

    pixel, fred = distilled("pixel", PIXEL), distilled("fred", {})
    logging.info("Networks are trained on them, and scored on test images.")
    ways = {"random": {}, "full": FULL}
    sets = {
        "random": random_set(data, config.ipc, config.seed),
        "pixel": pixel.synthetic_set(),
        "fred": fred.synthetic_set(),
        "full": full_set(data),
    }
    results = {
        name: score(
            config_lib.replace(config, changes),
            sets[name],
            data,
            root / f"evaluation_{name}.json",
        )
        for name, changes in ways.items()
    }
    results |= {"pixel": _scored(pixel, data), "fred": _scored(fred, data)}
    logging.info("The set is exported, and read back.")
    exporting.run(fred, root / "fred" / "export")
    report.run(root / "fred")
    table = _table(config, sets, results, data.tested_on)
    files.write_text(table_path, table + "\n")
    return table


def _scored(finished: DistilledRun, data: ImageData) -> Evaluation:
    """Scores a run in its folder, as `trainers.evaluate` does."""
    folder, scorer = finished.folder, tags.scorer(finished.config)
    file = evaluate.path(folder.path, subject="", network="")
    result = score(finished.config, finished.synthetic_set(), data, file)
    append_accuracy(folder, finished.step, scorer, result)
    return result


def _table(
    config: config_lib.Config,
    sets: Mapping[str, SyntheticSet],
    results: Mapping[str, Evaluation],
    tested_on: str = TEST,
) -> str:
    rows = [
        f"| {label.format(title(config))} | {len(sets[name].labels):,} | "
        f"{sets[name].floats_stored:,} | {results[name]} |"
        for name, label in _LABELS.items()
    ]
    networks = config.evaluation.networks
    return "\n".join(
        [
            f"{_HEADER}{on_split(tested_on)} |",
            "|---|---|---|---|",
            *rows,
            "",
            f"{config.dataset}, ipc {config.ipc}, seed {config.seed}; mean and "
            f"standard deviation of {networks} networks.",
        ]
    )


def next_commands(run_dir: files.Path) -> str:
    """Returns what to look at, to use and to do next, typed as this was.

    Args:
        run_dir: of the whole way.
    """
    root = pathlib.Path(run_dir)
    fred, page = root / "fred", root / "fred" / report.NAME
    # In double quotes, which a shell's single ones leave as they are.
    exported = json.dumps(str(fred / "export" / "images_float32"))
    load = f"import fred_tf; print(fred_tf.DistilledSet.load({exported}))"
    own = (
        f"{run_flags.command('trainers.distill')} --preset=dm "
        "--dataset=folder:photos --image_size=64 --run_dir=runs/photos"
    )
    return (
        f"Look at {page} in a browser, and at all runs in TensorBoard:\n"
        f"    tensorboard --logdir={shlex.quote(str(root))}\n"
        f"Use the set, of which {fred / 'export'} holds several forms:\n"
        f"    python -c {shlex.quote(load)}\n"
        "Distil photos of your own, in a folder for each class:\n"
        f"    {own}"
    )


@run_flags.taking("run_dir", "override", "seed", *run_flags.ON_DATA)
def main() -> None:
    run_flags.set_determinism()
    begun = time.monotonic()
    run_dir = run_flags.RUN_DIR.value or RUN_DIR
    config = run_flags.override(presets.preset(PRESET))
    found = run_flags.DATA_DIR.value, run_flags.DOWNLOAD.value
    table = run(config, run_dir, *found)
    print(f"\n{table}\n\n{next_commands(run_dir)}\n")
    print(f"All of it took {time.monotonic() - begun:.0f} s.")


if __name__ == "__main__":
    main()
