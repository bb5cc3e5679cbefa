"""A run folder keeps one run apart from every other."""

import copy
import errno
import json
import math
import os
import resource

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.disk import records
from fred_tf.disk.run_folder import RunFolder

_SETTINGS = {
    "outer_steps": 100,
    "seed": 0,
    "evaluation": {"networks": 5},
    "objective": {"name": "trajectory_matching", "student_steps": 20},
    "image_shape": (8, 8, 1),
}
_DATA = {"name": "digits", "train": "abc", "test": "def"}
_ENVIRONMENT = {"threads": 2, "versions": {"tensorflow": "2.18"}}


def _changed(record, name, value):
    """Returns `record` with another value at a dotted name."""
    record = copy.deepcopy(record)
    *parents, last = name.split(".")
    part = record
    for parent in parents:
        part = part[parent]
    part[last] = value
    return record


@pytest.fixture
def folder(tmp_path):
    return RunFolder.open(tmp_path / "run", _SETTINGS, _DATA, _ENVIRONMENT)


def test_a_new_folder_explains_itself(folder):
    written = json.loads((folder.path / "config.json").read_text())
    assert written == records.read(folder.path / "config.json", "run")
    assert written["identity"] == {**_SETTINGS, "image_shape": [8, 8, 1]}
    assert written["data"] == _DATA
    assert written["environment"] == _ENVIRONMENT
    assert {path.name for path in folder.path.iterdir()} == {
        "config.json",
        ".lock",
    }
    assert folder.checkpoint_folder == folder.path / "checkpoints"
    assert folder.log_folder == folder.path / "tensorboard"


def test_the_same_run_is_opened_and_read(folder):
    assert RunFolder.open(folder.path, _SETTINGS, _DATA, _ENVIRONMENT) == folder
    assert RunFolder.read(str(folder.path)) == folder


def test_a_moved_and_linked_folder_is_the_same_run(folder, tmp_path):
    moved = folder.path.rename(tmp_path / "gerückt [1]")
    link = tmp_path / "link"
    link.symlink_to(moved)
    for path in (moved, link):
        opened = RunFolder.open(path, _SETTINGS, _DATA, _ENVIRONMENT)
        assert opened.identity == folder.identity


def test_another_run_is_refused_by_the_first_difference(folder):
    before = (folder.path / "config.json").read_bytes()
    asked = _changed(_SETTINGS, "objective.student_steps", 30)
    asked = {**asked, "ipc": 1, "outer_steps": 7}
    with pytest.raises(
        ValueError,
        match="`objective.student_steps` is 20 there, 30 is asked for, the "
        "first of 2 differences. Choose another --run_dir, or delete",
    ):
        RunFolder.open(folder.path, asked, _DATA, _ENVIRONMENT)
    assert (folder.path / "config.json").read_bytes() == before


def test_other_training_images_are_refused_and_other_test_images_are_not(
    folder,
):
    asked = {**_DATA, "test": "xyz"}
    assert RunFolder.open(folder.path, _SETTINGS, asked, _ENVIRONMENT) == folder
    asked["train"] = "xyz"
    with pytest.raises(ValueError, match="`data.train` is 'abc' there, 'xyz'"):
        RunFolder.open(folder.path, _SETTINGS, asked, _ENVIRONMENT)


@pytest.mark.parametrize("steps", [50, 200])
def test_a_run_may_be_extended(folder, steps):
    asked = {**_SETTINGS, "outer_steps": steps, "evaluation": {"networks": 9}}
    opened = RunFolder.open(folder.path, asked, _DATA, _ENVIRONMENT)
    assert opened.identity["outer_steps"] == steps
    assert RunFolder.read(folder.path) == opened


def test_another_environment_is_said(folder, caplog):
    asked = _changed(_ENVIRONMENT, "versions.tensorflow", "2.21")
    opened = RunFolder.open(folder.path, _SETTINGS, _DATA, asked)
    assert "versions.tensorflow was '2.18', is now '2.21'." in caplog.text
    # The folder keeps the environment that the run began in.
    assert opened == folder == RunFolder.read(folder.path)


def test_the_same_environment_is_not_mentioned(folder, caplog):
    RunFolder.open(folder.path, _SETTINGS, _DATA, _ENVIRONMENT)
    assert not caplog.text


def test_a_run_of_an_earlier_format_is_refused(folder):
    earlier = {"format_version": 3, "config": _SETTINGS, "identity": {}}
    (folder.path / "config.json").write_text(json.dumps(earlier))
    for enter in (
        lambda: RunFolder.read(folder.path),
        lambda: RunFolder.open(folder.path, _SETTINGS, _DATA, _ENVIRONMENT),
    ):
        with pytest.raises(ValueError, match="must be 4 .* Received: 3.") as e:
            enter()
        assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", ["checkpoints", "metrics.jsonl"])
def test_remains_of_a_run_without_its_config_are_refused(folder, name):
    (folder.path / name).touch()
    (folder.path / "config.json").unlink()
    with pytest.raises(ValueError, match=f"with {name} but without it"):
        RunFolder.open(folder.path, _SETTINGS, _DATA, _ENVIRONMENT)


def test_a_folder_without_a_run_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(
            FileNotFoundError,
            match=f"`python -m trainers.distill --run_dir={path}`",
        ):
            RunFolder.read(path)


def test_a_config_that_json_lacks_leaves_no_folder(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        RunFolder.open(tmp_path / "run", {"rate": math.nan}, {}, {})
    assert not (tmp_path / "run").exists()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="file cannot be made: File exi"):
        RunFolder.open(tmp_path / "file", _SETTINGS, _DATA, _ENVIRONMENT)
    with pytest.raises(NotADirectoryError, match="run cannot be made: Not a"):
        RunFolder.open(
            tmp_path / "file" / "run", _SETTINGS, _DATA, _ENVIRONMENT
        )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(folder):
    (folder.path / ".lock").unlink()
    folder.path.chmod(0o500)
    with pytest.raises(PermissionError, match="run must be a folder that can"):
        RunFolder.open(folder.path, _SETTINGS, _DATA, _ENVIRONMENT)
    # Reading asks for nothing.
    assert RunFolder.read(folder.path) == folder


def test_a_second_run_is_refused_and_changes_nothing(folder):
    asked = {**_SETTINGS, "outer_steps": 7}
    with folder.lock():
        with pytest.raises(RuntimeError, match=f"process {os.getpid()} on"):
            RunFolder.open(folder.path, asked, _DATA, _ENVIRONMENT)
        with pytest.raises(RuntimeError, match="in use by"):
            with folder.lock():
                pass
        assert RunFolder.read(folder.path) == folder
    assert RunFolder.open(folder.path, asked, _DATA, _ENVIRONMENT) != folder


def test_leftovers_of_a_killed_run_are_removed(folder):
    (folder.path / ".config.json.123.partial").write_text("{")
    RunFolder.open(folder.path, _SETTINGS, _DATA, _ENVIRONMENT)
    assert not list(folder.path.glob("*.partial"))


def test_metrics_come_back_as_they_were(folder):
    assert folder.metrics() == []
    loss = np.float32(1) / np.float32(3)
    folder.append_metrics(1, {"loss": loss, "rate": tf.constant(0.5)})
    folder.append_metrics(np.int64(2), {"loss": 1e-300, "images": 3})
    assert folder.metrics() == [
        {"step": 1, "loss": float(loss), "rate": 0.5},
        {"step": 2, "loss": 1e-300, "images": 3.0},
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_metrics_that_are_not_finite_are_null(folder, value):
    folder.append_metrics(1, {"loss": value})
    line = (folder.path / "metrics.jsonl").read_text()
    assert line == '{"step": 1, "loss": null}\n'
    assert folder.metrics() == [{"step": 1, "loss": None}]


def test_a_scalar_called_step_is_refused(folder):
    with pytest.raises(ValueError, match=r"Received: \['loss', 'step'\]"):
        folder.append_metrics(1, {"step": 3, "loss": 1.0})


def test_rewound_metrics_equal_those_of_an_uninterrupted_run(folder):
    path = folder.path / "metrics.jsonl"
    for step in range(1, 6):
        folder.append_metrics(step, {"loss": 1 / step})
    uninterrupted = path.read_bytes()
    folder.rewind_metrics(3)
    assert [line["step"] for line in folder.metrics()] == [1, 2, 3]
    for step in (4, 5):
        folder.append_metrics(step, {"loss": 1 / step})
    assert path.read_bytes() == uninterrupted


def test_a_torn_line_is_dropped_wherever_the_kill_came(folder):
    path = folder.path / "metrics.jsonl"
    folder.append_metrics(1, {"loss": 0.5})
    complete = path.read_bytes()
    folder.append_metrics(2, {"loss": 0.25})
    for size in range(len(complete), len(path.read_bytes())):
        os.truncate(path, size)
        assert folder.metrics() == [{"step": 1, "loss": 0.5}]
        folder.rewind_metrics(2)
        assert path.read_bytes() == complete
        folder.append_metrics(2, {"loss": 0.25})
    assert len(folder.metrics()) == 2


def test_rewinding_without_metrics_makes_no_file(folder):
    folder.rewind_metrics(0)
    assert not (folder.path / "metrics.jsonl").exists()


@pytest.mark.parametrize("line", ["{", "[]", '{"loss": 1}', '{"step": "1"}'])
def test_a_damaged_line_is_named(folder, line):
    folder.append_metrics(1, {"loss": 0.5})
    with open(folder.path / "metrics.jsonl", "a") as file:
        file.write(line + "\n")
    folder.append_metrics(3, {"loss": 0.5})
    with pytest.raises(ValueError, match="Line 2 of .*metrics.jsonl must be"):
        folder.metrics()


def test_a_full_disk_leaves_whole_lines(folder):
    path = folder.path / "metrics.jsonl"
    folder.append_metrics(1, {"loss": 0.5})
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (0, 10):
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, hard))
        try:
            with pytest.raises(OSError, match="metrics.jsonl.*Make room") as e:
                folder.append_metrics(2, {"loss": 0.25})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert e.value.errno in (errno.EFBIG, errno.ENOSPC)
        assert path.read_bytes() == before
