"""What a run owed when it was killed is made by the same command."""

import dataclasses
import types

import numpy as np
import pytest
import tensorflow as tf
from absl import logging

from fred_tf import config, scoring
from fred_tf.disk import evaluation_files, records
from fred_tf.disk.run_folder import RunFolder
from trainers import distill
from trainers.log import hparams, run_log
from trainers.log.run_log import RunLog

STEPS = 3


class Killed(BaseException):
    pass


class Quick:
    """Stands in for an evaluator."""

    def rate_for(self, synthetic_set):
        return 0.01

    def train(self, synthetic_set, seed):
        return seed

    def score(self, state, *_):
        return (state % 7) / 7


@pytest.fixture
def quick_scores(monkeypatch):
    monkeypatch.setattr(scoring.assembly, "evaluator", lambda *_: Quick())


@pytest.fixture
def plain_pictures(drawing, monkeypatch):
    """Of what is drawn the pixels alone are others."""
    pixel = np.zeros([1, 1, 3], np.uint8)
    monkeypatch.setattr(run_log, "_picture", drawing["_picture"])
    monkeypatch.setattr(run_log.canvas, "to_array", lambda figure: pixel)


@pytest.fixture
def goes_on(run, digits, quick_scores, plain_pictures):
    """Makes the steps of a run whose memory stays as it is, from one on.

    Returns the last step that was made, where it is killed.
    """
    settings = config.replace(
        run.config, {"evaluation.networks": 2, "outer_steps": STEPS}
    )

    def goes_on(path, step=0, evaluate_every=2) -> int:
        folder = dataclasses.replace(run.folder, path=path)
        distiller = types.SimpleNamespace(step=step)

        def now():
            return dataclasses.replace(
                run, kept_in=folder, config=settings, step=distiller.step
            )

        opened = types.SimpleNamespace(
            now=now, distiller=distiller, config=settings
        )
        log = RunLog(folder, step)
        try:
            actions = distill._actions(
                opened, log, digits, 2, evaluate_every, 0
            )
            while distiller.step < STEPS:
                distiller.step += 1
                for action in actions:
                    if action.is_due(distiller.step, STEPS):
                        action.call(distiller.step, {"loss": 1.0})
        except Killed:
            pass
        log.close()
        return distiller.step

    return goes_on


@pytest.fixture
def left(events, run):
    """Returns what a run leaves for people to look at."""

    def left(folder):
        paths = evaluation_files._of_curve(folder).items()
        logged = events(folder / "tensorboard").items()
        snapshots = dataclasses.replace(run.folder, path=folder).snapshots()
        return {
            "tags": {
                (tag, step)
                for tag, values in logged
                for step in values
                if not tag.startswith("speed/")
            },
            "snapshots": list(snapshots),
            "networks": {
                step: len(records.read(path)["accuracies"])
                for step, path in paths
            },
        }

    return left


# Where it is killed, at which call, and after which step.
PLACES = {
    "before the settings": (RunLog, "begin", 1, 0),
    "within the settings": (hparams, "write", 1, 0),
    "before the first pictures": (RunLog, "pictures", 1, 0),
    "after the first snapshot": (run_log, "gallery", 1, 0),
    "before pictures of a step": (RunLog, "pictures", 2, 2),
    "within pictures of a step": (run_log, "strips", 2, 2),
    "before an evaluation": (Quick, "rate_for", 1, 2),
    "after one of two networks": (Quick, "train", 2, 2),
    "before it is logged": (RunLog, "accuracy", 1, 2),
    "at the last pictures": (RunLog, "pictures", 3, 3),
    "at the last networks": (Quick, "train", 4, 3),
    "before the last is logged": (RunLog, "accuracy", 2, 3),
}


@pytest.mark.parametrize(
    ("owner", "name", "call", "step"), PLACES.values(), ids=PLACES
)
def test_what_is_owed_is_made(
    owner, name, call, step, goes_on, left, tmp_path, monkeypatch
):
    made, calls = getattr(owner, name), []

    def kill(*arguments, **named):
        calls.append(name)
        if len(calls) == call:
            raise Killed
        return made(*arguments, **named)

    goes_on(tmp_path / "whole")
    whole = left(tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, kill)
        assert goes_on(tmp_path / "killed") == step
    assert left(tmp_path / "killed") != whole
    goes_on(tmp_path / "killed", step)
    assert left(tmp_path / "killed") == whole


def test_a_complete_run_is_looked_at_and_left(goes_on, left, tmp_path):
    """Nothing is logged twice; what is asked for only now is made."""
    goes_on(tmp_path, evaluate_every=0)
    assert left(tmp_path)["networks"] == {}
    goes_on(tmp_path, STEPS)
    once = left(tmp_path)
    assert once["networks"] == {STEPS: 2}
    assert ("measured/mlp/accuracy", STEPS) in once["tags"]
    goes_on(tmp_path, STEPS)
    assert left(tmp_path) == once
    tags = [
        (value.tag, event.step)
        for file in (tmp_path / "tensorboard").rglob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    ]
    assert len(tags) == len(set(tags))


def test_what_was_deleted_is_made_again(goes_on, left, tmp_path):
    """Of the present step, and what does not change."""
    goes_on(tmp_path)
    for file in (tmp_path / "tensorboard").rglob("events*"):
        file.unlink()
    (snapshot,) = (tmp_path / "snapshots").glob("*3.npy")
    snapshot.unlink()
    goes_on(tmp_path, STEPS)
    made = left(tmp_path)
    assert made["snapshots"] == [0, 2, 3]
    tags = {
        ("config", 0),
        ("pictures/pixels", 3),
        ("measured/mlp/accuracy", 3),
    }
    assert tags <= made["tags"]


def test_a_point_with_few_networks_is_not_on_the_curve(
    goes_on, tmp_path, monkeypatch
):
    """Nor can it be made up for once the run has gone on."""
    trained = []

    def train(self, synthetic_set, seed):
        trained.append(seed)
        if len(trained) == 2:
            raise Killed
        return seed

    with monkeypatch.context() as patch:
        patch.setattr(Quick, "train", train)
        goes_on(tmp_path)
    assert list(evaluation_files._of_curve(tmp_path)) == [2]
    assert evaluation_files.curve(tmp_path) == {}
    goes_on(tmp_path, 2, evaluate_every=0)
    goes_on(tmp_path, STEPS, evaluate_every=3)
    assert list(evaluation_files.curve(tmp_path)) == [3]


def test_a_program_makes_what_is_owed(quick, quick_scores, tmp_path):
    """A run that had all its steps, and lacked the last evaluation."""
    distill.run(quick, tmp_path)
    assert evaluation_files.curve(tmp_path) == {}
    distill.run(quick, tmp_path, evaluate_every=100)
    assert list(evaluation_files.curve(tmp_path)) == [quick.outer_steps]


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (run_log.canvas, "to_array"),
        (run_log, "gallery"),
        (run_log, "masks"),
        (run_log, "_first_of_class"),
        (tf.summary, "histogram"),
        (hparams, "write"),
        (run_log.process_memory, "peak"),
        (RunFolder, "save_snapshot"),
        (RunFolder, "snapshots"),
        (run_log.events, "rewind"),
    ],
)
def test_a_log_never_ends_a_run(
    owner, name, goes_on, tmp_path, monkeypatch, events
):
    """And what draws does not silence the numbers."""
    warnings = []
    monkeypatch.setattr(logging, "warning", lambda *args: warnings.append(args))

    def fail(*_, **__):
        raise UnicodeEncodeError("utf-8", "a\udcff", 1, 2, "surrogates")

    goes_on(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fail)
        assert goes_on(tmp_path, 1) == STEPS
        assert goes_on(tmp_path / "new") == STEPS
    assert 1 <= len(warnings) <= 2
    assert "UnicodeEncodeError" in warnings[0]
    found = events(tmp_path / "new" / "tensorboard")
    assert list(found["measured/mlp/accuracy"]) == [2, 3]


def test_a_class_name_that_cannot_be_drawn(
    run, tmp_path, events, monkeypatch, drawn
):
    """It is what fonts do not have, or mathematics that nobody meant."""
    warnings = []
    monkeypatch.setattr(logging, "warning", lambda *args: warnings.append(args))
    draw = run_log.gallery

    def gallery(decoded):
        decoded.class_names[0].encode("ascii")
        return draw(decoded)

    monkeypatch.setattr(run_log, "gallery", gallery)
    for number, name in enumerate(("ä", "$a^$")):
        facts = dataclasses.replace(
            run.facts, class_names=(name, *run.facts.class_names[1:])
        )
        folder = dataclasses.replace(run.folder, path=tmp_path / str(number))
        log = RunLog(folder)
        strange = dataclasses.replace(run, facts=facts, kept_in=folder)
        log.begin(strange)
        log.pictures(strange)
        log.scalars(10, {"loss": 1.0})
        log.close()
        found = events(folder.log_folder)
        assert list(found["loss"]) == [10]
        assert list(folder.snapshots()) == [3]
    assert warnings
