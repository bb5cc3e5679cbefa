"""How a cell of a sweep is made: its run, its evaluation, its record."""

import contextlib
import pathlib
import time
from typing import Any

import numpy as np

from fred_tf import assembly
from fred_tf import config as config_lib
from fred_tf.datasets import DataFacts
from fred_tf.disk import files, records, run_folder
from fred_tf.disk.run_folder import CONFIG, RunFolder
from fred_tf.distillation import interruption as interruptions
from fred_tf.objectives import OBJECTIVES
from fred_tf.scoring import score
from trainers import distill, within_bytes
from trainers.log import tags
from trainers.log.run_log import append_accuracy

# In the run folder of each cell.
RECORD = "cell.json"
KIND = "cell"

# The loss of a cell is the mean of this many steps, the last ones.
_LAST = 20


def work(
    folder: files.Path, config: config_lib.Config, facts: DataFacts
) -> records.Work:
    """Returns what tells a cell from others, as `records` takes it.

    Args:
        folder: the cell's.
        config: its settings; more `evaluation.networks` extend it.
        facts: what is known of its data.
    """
    path = pathlib.Path(folder) / RECORD
    return path, KIND, identity(config), facts.to_json()


def identity(config: config_lib.Config) -> dict[str, Any]:
    """Returns settings as JSON, without what extends the work they are of."""
    values = config_lib.to_json(config)
    del values["evaluation"]["networks"]
    return values


def kept(work: records.Work) -> dict[str, Any]:
    """Returns what has come of a cell so far, empty if it was never begun.

    Raises:
        ValueError: its folder holds a cell of other settings or data.
    """
    way_out = "Choose another --sweep_dir, or delete the folder of the cell."
    return (
        records.continued(
            *work,
            way_out=way_out,
            has_begun=lambda content: has_begun(work[0].parent),
        )
        or {}
    )


def stated(folder: pathlib.Path) -> dict[str, Any]:
    """Returns what the record of a cell says, whatever work it is of."""
    path = folder / RECORD
    return records.read(path, KIND) if path.exists() else {}


def has_begun(folder: pathlib.Path) -> bool:
    """Returns whether a cell has more than its settings, or a failed start."""
    return "accuracies" in stated(folder) or run_folder.has_begun(folder)


def is_finished(
    folder: files.Path, facts: dict[str, Any], config: config_lib.Config
) -> bool:
    """Returns whether a cell has its run, all its steps and networks."""
    there = (pathlib.Path(folder) / CONFIG).is_file()
    enough = len(facts.get("accuracies", [])) >= config.evaluation.networks
    return there and enough and not facts.get("failed")


def make(
    config: config_lib.Config,
    folder: pathlib.Path,
    facts: dict[str, Any],
    data_dir: str | None,
    expert_dir: str | None,
    download: bool,
    interruption: interruptions.Interruption,
) -> None:
    """Distils and scores one cell, adding to its facts.

    What is made for a number of bytes is scored as these hold it.

    Args:
        config: its settings.
        folder: its run folder.
        facts: what has come of it so far.
        data_dir: where TensorFlow Datasets keeps its data.
        expert_dir: folder of the expert store, for objectives that need it.
        download: whether TensorFlow Datasets may download missing data.
        interruption: stops the cell once it holds a signal.
    """
    matched = OBJECTIVES[config.objective.name].needs_experts
    begun = time.monotonic()
    run = distill.run(
        config,
        folder,
        data_dir,
        expert_dir if matched else None,
        download,
        interruption=interruption,
    )
    distilled = time.monotonic()
    _add(facts, "seconds_distilling", distilled - begun)
    if interruption.signal:
        return
    data = assembly.load_data(config, data_dir)
    if config.parameterization.budget_bytes:
        decoded, _ = within_bytes.stored(run, folder / "within_bytes")
    else:
        decoded = run.synthetic_set()
    with contextlib.suppress(interruptions.Stopped), interruption.at_once():
        result = score(run.config, decoded, data, folder / "evaluation.json")
    _add(facts, "seconds_evaluating", time.monotonic() - distilled)
    if interruption.signal:
        return
    append_accuracy(run.folder, run.step, tags.scorer(run.config), result)
    metrics = RunFolder.read(folder).metrics()
    losses = [line["loss"] for line in metrics if line["loss"] is not None]
    facts.update(
        images=run.parameterization.instances,
        floats=run.parameterization.floats_stored,
        outer_steps=run.step,
        loss=float(np.mean(losses[-_LAST:])) if losses else None,
        accuracies=list(result.accuracies),
        tested_on=data.tested_on,
    )


def _add(facts: dict[str, Any], name: str, seconds: float) -> None:
    facts[name] = round(facts.get(name, 0) + seconds)
