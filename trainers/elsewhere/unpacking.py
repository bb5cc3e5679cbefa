"""What comes back of packs, as if it had been made here."""

import math
import pathlib
import shlex
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from fred_tf import assembly, open_run
from fred_tf import config as config_lib
from fred_tf.disk import (
    checkpoint_files,
    claims,
    evaluation_files,
    files,
    records,
)
from fred_tf.disk.run_folder import RunFolder
from fred_tf.distillation.distiller import Distiller
from fred_tf.distilled_run import DistilledRun
from fred_tf.scoring import description
from fred_tf.training.evaluation import Evaluation
from trainers import evaluate
from trainers.elsewhere import pack_folder, packing, reading, reading_run
from trainers.elsewhere.runner import sealed
from trainers.log.run_log import RunLog, append_accuracy

# In a run folder.
KIND = "elsewhere"
_RECORD = "elsewhere.json"
# What of an evaluation's identity changes as its run goes on.
_OF_STATE = "set", "targets", "student_learning_rate"
# Of rows, whose evaluations have one name.
_OF_ROWS = "Choose another --runs_dir, or delete the file to make it anew."


def bring_back(
    folder: files.Path,
    run_dir: files.Path,
    data_dir: str | None = None,
    name: str = "",
    scores_dir: files.Path | None = None,
    download: bool = False,
) -> dict[str, Evaluation]:
    """Brings into a run folder what has become of a pack.

    The pack of a run makes the run folder, at the step that it has reached.

    Args:
        folder: the pack.
        run_dir: the run folder; made, or brought up to date.
        data_dir: where TensorFlow Datasets keeps its data; where those of
            `run_dir` were found if None.
        name: a word in the names of the evaluations' files, see
            `evaluate.path`.
        scores_dir: where they go; the run folder if None.
        download: whether missing data may be downloaded.

    Returns:
        The evaluations, by network.

    Raises:
        FileNotFoundError: `folder` is no pack, or was never run.
        ValueError: `name` is none, or see `evaluate.path`; a file of the pack
            is damaged or says what cannot be;
            `run_dir` holds another run, a later state of this one, or other
            evaluations under the same names. Those of earlier states of this
            one are set aside, under the names that curves have.
    """
    evaluate.path("", "", "", name=name)  # Refuses before any work.
    folder = pathlib.Path(folder)
    packed = reading.read(folder)
    spent_there, scored = reading.spent(packed), reading.scores(packed)
    if not spent_there:
        raise FileNotFoundError(
            f"{folder} was not run yet. Run `python "
            f"{shlex.quote(str(folder / 'run.py'))}` where JAX is, and copy "
            "the folder back."
        )
    run = None
    if packed.is_run:
        run = _bring_back_run(packed, spent_there, run_dir, data_dir, download)
        decoded = run.synthetic_set()
        described = {
            name: description(settings, decoded)
            for name, settings in packed.scored.items()
        }
    else:
        described = packed.described
    evaluations = reading.evaluations(scored, run.step if run else 0)
    way_out = _OF_ROWS if scores_dir else evaluation_files.WAY_OUT
    for network, evaluation in evaluations.items():
        other = "" if network == packed.config.network.name else network
        place = scores_dir or run_dir
        path = evaluate.path(place, packed.word, other, name=name)
        about_set, device = dict(described[network]), spent_there["device"]
        if run and path.exists():
            _set_aside(path, about_set, packed.data, way_out)
        _keep(path, about_set, packed.data, evaluation, device, way_out)
        if run:
            append_accuracy(run.folder, run.step, network, evaluation)
    return evaluations


def _keep(
    path: pathlib.Path,
    described: dict[str, Any],
    data: dict[str, Any],
    evaluation: Evaluation,
    device: str,
    way_out: str,
) -> None:
    """Writes an evaluation that came back, unless its file holds it already.

    Raises:
        ValueError: the file holds another, or other accuracies.
    """
    identity = described.pop("identity")
    work = path, evaluation_files.KIND, identity, data
    with evaluation_files.changing(path):
        record = records.continued(*work, way_out=way_out) or {}
        before = record.get("accuracies", [])
        both = min(len(before), len(evaluation.accuracies))
        accuracies = list(evaluation.accuracies[:both])
        different = records.differences(
            {"accuracies": before[:both]}, {"accuracies": accuracies}
        )
        records.refuse(path, different, way_out)
        if len(evaluation.accuracies) > len(before):
            content = {**described, **evaluation.to_json(), "device": device}
            records.write(*work, **content)


def _set_aside(
    path: pathlib.Path,
    described: dict[str, Any],
    data: dict[str, Any],
    way_out: str,
) -> None:
    """Takes an evaluation of an earlier state of a run out of the way.

    It stays, under the name that it has on the curve of a run.

    Args:
        path: the file.
        described: an evaluation of the present state.
        data: facts of the data that it is on.
        way_out: what to do about a file that cannot be read.
    """

    def apart_from_state(of: dict[str, Any]) -> dict[str, Any]:
        config = of["details"].get("config", {})
        return {
            "identity": {**of["identity"], **dict.fromkeys(_OF_STATE)},
            "config": {**config, "outer_steps": None},
            "data": of["data"],
        }

    with evaluation_files.changing(path):
        there = records.read(path, evaluation_files.KIND, way_out)
        with records.stating(path, way_out):
            asked = apart_from_state({**described, "data": data})
            if records.differences(apart_from_state(there), asked):
                return
            step = claims.integer(there["details"], "outer_steps")
        of_curve = evaluation_files.curve_path(path.parent, step)
        words = path.name.removeprefix("evaluation")
        aside = path.with_name(f"{of_curve.stem}{words}")
        if step < described["details"]["outer_steps"] and not aside.exists():
            path.rename(aside)
            logging.info("%s is of step %d, now %s.", path, step, aside)


def _bring_back_run(
    packed: reading.Packed,
    spent_there: dict[str, Any],
    run_dir: files.Path,
    data_dir: str | None,
    download: bool,
) -> DistilledRun:
    """Makes a run folder of a pack, or brings it up to date.

    Args:
        packed: the pack.
        spent_there: what its runner says of where it ran, and how long.
        run_dir: the run folder.
        data_dir: as `bring_back` takes it.
        download: whether missing data may be downloaded.
    """
    step, leaves = reading_run.state(packed)
    constants = reading_run.constants(packed)
    metrics = reading_run.metrics(packed, step)
    reached, found_in = _there(run_dir)
    if reached > step:
        raise ValueError(
            f"{run_dir} must not be ahead of what comes back. Received: step "
            f"{reached}, and step {step} in {packed.folder}. Choose another "
            "--run_dir."
        )
    config = config_lib.replace(packed.config, {"outer_steps": step})
    data = assembly.load_data(config, data_dir or found_in, download)
    records.refuse(
        packed.folder / pack_folder.ABOUT,
        records.differences(
            {"data": packed.data}, {"data": data.facts.to_json()}
        ),
        "Give the --data_dir that the pack was made with.",
    )
    with packing.untrained_experts(config, data) as experts:
        reading_run.check_size(packed, leaves, data.image_shape, data.classes)
        take = _taking(
            packed,
            assembly.distiller(config, data, experts, jit=True),
            (leaves, constants, step),
        )
        with open_run.opened(
            config,
            data,
            run_dir,
            experts,
            jit=True,
            environment={"device": spent_there["device"]},
            begin=take if constants is not None else None,
        ) as opened:
            take(opened.distiller)
            with records.stating(
                packed.folder / pack_folder.STATE, sealed.COPY
            ):
                opened.now().synthetic_set()  # Refuses what is not finite.
            opened.save()
            run = opened.now()
            records.write(
                run.folder.path / _RECORD,
                KIND,
                run.folder.identity,
                run.folder.data,
                spent=spent_there,
            )
            _write_log(run, metrics)
    return run


def _taking(
    packed: reading.Packed,
    empty: Distiller,
    came: tuple[list[np.ndarray], list[np.ndarray] | None, int],
) -> Callable[[Distiller], None]:
    """Returns what makes a distiller go on from what came back.

    Args:
        packed: the pack.
        empty: a distiller of its run, on which it is tried.
        came: leaves of the state, constants, and outer steps that were made.

    Raises:
        ValueError: they are not of the run, or masks are none.
    """
    leaves, constants, step = came
    path = packed.folder / pack_folder.CONSTANTS
    variables, fixed = empty.tensors()
    expected = tf.nest.flatten(variables)
    reading_run.check_leaves(
        path.with_name(pack_folder.STATE), leaves, expected
    )
    state = tf.nest.pack_sequence_as(variables, leaves)

    def take(distiller: Distiller) -> None:
        distiller.assign(state, step, constants)

    if constants is not None:
        reading_run.check_leaves(path, constants, fixed)
        take(empty)
        with records.stating(path, sealed.COPY):
            empty.parameterization.check_weights()
    return take


def spent(folder: RunFolder) -> dict[str, Any]:
    """Returns where a run was made, and in how many minutes.

    Returns:
        `device`, and minutes by what they were spent on; nothing for a run
        that was made here.
    """
    path = folder.path / _RECORD
    if not path.exists():
        return {}
    told = records.read(path, KIND)
    with records.stating(path, sealed.COPY):
        return reading.minutes(claims.mapping(told, "spent"))


def _there(run_dir: files.Path) -> tuple[int, str | None]:
    """Returns the outer steps of a run folder, and where its data were found.

    None is none that is known, and steps of a folder that is none are 0.
    """
    try:
        folder = RunFolder.read(run_dir)
    except FileNotFoundError:
        return 0, None
    reached = checkpoint_files.steps(folder.checkpoint_folder)
    return max(reached, default=0), folder.data_dir


def _write_log(run: DistilledRun, metrics: list[dict[str, Any]]) -> None:
    """Writes the metrics of a pack into the run folder and its event files."""
    if len(metrics) < run.step:
        logging.warning(
            "The pack of %s has lost the numbers of its first %d steps.",
            run.folder.path,
            run.step - len(metrics),
        )
    run.folder.rewind_metrics(-1)
    log = RunLog(run.folder, -1)
    log.begin(run)
    for line in metrics:
        step = line.pop("step")
        scalars = {k: math.nan if v is None else v for k, v in line.items()}
        run.folder.append_metrics(step, scalars)
        if step % 10 == 0:
            log.scalars(step, scalars)
    log.pictures(run)
    log.close()
