"""What comes back of packs, as if it had been made here."""

import json
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf import assembly, open_run
from fred_tf import config as config_lib
from fred_tf import scoring as scoring_lib
from fred_tf.disk import files, records
from fred_tf.disk.checkpoints import Checkpoints
from fred_tf.disk.run_folder import RunFolder
from fred_tf.distilled_run import DistilledRun
from fred_tf.scoring import description
from fred_tf.training.evaluator import Evaluation
from trainers import evaluate
from trainers.elsewhere import packed_scoring, packing
from trainers.log.run_log import RunLog, append_accuracy

# In a run folder.
KIND = "elsewhere"
_RECORD = "elsewhere.json"
# What the runner writes into a pack.
_METRICS, SPENT = "metrics.jsonl", "spent.json"


def bring_back(
    folder: files.Path,
    run_dir: files.Path,
    data_dir: str | None = None,
    name: str = "",
    scores_dir: files.Path | None = None,
) -> dict[str, Evaluation]:
    """Brings into a run folder what has become of a pack.

    The pack of a run makes the run folder, at the step that it has reached.

    Args:
        folder: the pack.
        run_dir: the run folder; made, or brought up to date.
        data_dir: where TensorFlow Datasets keeps its data.
        name: a word in the names of the evaluations' files, see
            `evaluate.path`.
        scores_dir: where they go; the run folder if None.

    Returns:
        The evaluations, by network.

    Raises:
        FileNotFoundError: `folder` is no pack, or was never run.
        ValueError: `run_dir` holds another run, a later state of this one, or
            other evaluations under the same names.
    """
    folder = pathlib.Path(folder)
    about = records.read(folder / packing.ABOUT, packing.KIND)
    if not (folder / SPENT).exists():
        raise FileNotFoundError(
            f"{folder} was not run yet. Run `python {folder}/run.py` where "
            "JAX is, and copy the folder back."
        )
    scoring, run = about["scoring"], None
    identity = about["identity"]
    config = config_lib.from_json(identity["config"])
    scored = {
        name: config_lib.from_json(settings)
        for name, settings in identity.get("scored", {}).items()
    } or evaluate.configs(config, scoring["networks"])
    minutes = files.read_json(folder / SPENT)
    if "reference" in about:
        run = _bring_back_run(
            folder, config, about["data"], minutes, run_dir, data_dir
        )
        decoded = run.synthetic_set()
        described = {k: description(v, decoded) for k, v in scored.items()}
    else:
        described = scoring["described"]
    step = run.step if run else 0
    evaluations = packed_scoring.bring_back(folder, step, scored)
    for network, evaluation in evaluations.items():
        other = "" if network == config.network.name else network
        place = scores_dir or run_dir
        path = evaluate.path(place, scoring.get("word", ""), other, name=name)
        about_set = dict(described[network])
        _keep(path, about_set, about["data"], evaluation, minutes["device"])
        if run:
            append_accuracy(run.folder, run.step, network, evaluation)
    return evaluations


def _keep(
    path: pathlib.Path,
    described: dict[str, Any],
    data: dict[str, Any],
    evaluation: Evaluation,
    device: str,
) -> None:
    """Writes an evaluation that came back, unless its file holds it already.

    Raises:
        ValueError: the file holds another, or other accuracies.
    """
    identity = described.pop("identity")
    work = path, scoring_lib.KIND, identity, data
    record = records.continued(*work, way_out=scoring_lib.WAY_OUT) or {}
    before = record.get("accuracies", [])
    both = min(len(before), len(evaluation.accuracies))
    accuracies = list(evaluation.accuracies[:both])
    different = records.differences(
        {"accuracies": before[:both]}, {"accuracies": accuracies}
    )
    records.refuse(path, different, scoring_lib.WAY_OUT)
    if len(evaluation.accuracies) > len(before):
        content = {**described, **evaluation.to_json(), "device": device}
        records.write(*work, **content)


def _bring_back_run(
    folder: pathlib.Path,
    config: config_lib.Config,
    stated: dict[str, Any],
    minutes: dict[str, Any],
    run_dir: files.Path,
    data_dir: str | None,
) -> DistilledRun:
    """Makes a run folder of a pack, or brings it up to date.

    Args:
        folder: the pack.
        config: the run's.
        stated: facts of the data that the pack was made with.
        minutes: what its runner says of where it ran, and how long.
        run_dir: the run folder.
        data_dir: where TensorFlow Datasets keeps its data.
    """
    with np.load(folder / packing.STATE) as saved:
        step = int(saved["step"])
        leaves = [saved[str(i)] for i in range(len(saved.files) - 1)]
    if (reached := _steps_in(run_dir)) > step:
        raise ValueError(
            f"{run_dir} must not be ahead of what comes back. Received: step "
            f"{reached}, and step {step} in {folder}. Choose another --run_dir."
        )
    config = config_lib.replace(config, {"outer_steps": step})
    data = assembly.load_data(config, data_dir)
    records.refuse(
        folder / packing.ABOUT,
        records.differences({"data": stated}, {"data": data.facts.to_json()}),
        "Give the --data_dir that the pack was made with.",
    )
    with (
        packing.untrained_experts(config, data) as experts,
        open_run.opened(
            config,
            data,
            run_dir,
            experts,
            jit=True,
            environment={"device": minutes["device"]},
        ) as opened,
    ):
        state, _ = opened.distiller.tensors()
        opened.distiller.assign(tf.nest.pack_sequence_as(state, leaves), step)
        opened.save()
        run = opened.now()
        records.write(
            run.folder.path / _RECORD,
            KIND,
            run.folder.identity,
            run.folder.data,
            spent=minutes,
        )
        _write_log(run, folder / _METRICS)
    return run


def spent(folder: RunFolder) -> dict[str, Any]:
    """Returns where a run was made, and in how many minutes.

    Returns:
        `device`, and minutes by what they were spent on; nothing for a run
        that was made here.
    """
    path = folder.path / _RECORD
    told = records.read(path, KIND)["spent"] if path.exists() else {}
    names = "device", "experts", "distilling", "scoring"
    return {name: told[name] for name in names if name in told}


def _steps_in(run_dir: files.Path) -> int:
    """Returns the outer steps that a run folder has reached, 0 if none."""
    try:
        folder = RunFolder.read(run_dir).checkpoint_folder
    except FileNotFoundError:
        return 0
    return max(Checkpoints(folder, tf.train.Checkpoint()).steps(), default=0)


def _write_log(run: DistilledRun, metrics: pathlib.Path) -> None:
    """Writes the metrics of a pack into the run folder and its event files."""
    run.folder.rewind_metrics(-1)
    log = RunLog(run.folder, -1)
    log.begin(run)
    # A line for each step; those after the saved state may be torn.
    for line in metrics.read_text().splitlines()[: run.step]:
        scalars = json.loads(line)
        step = scalars.pop("step")
        run.folder.append_metrics(step, scalars)
        if step % 10 == 0:
            log.scalars(step, scalars)
    log.pictures(run)
    log.close()
