"""A run folder keeps one run apart from every other."""

import copy
import json
import math
import os

import pytest

from fred_tf.disk import records
from fred_tf.disk.run_folder import RunFolder
from tests.flipping import flips

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


def test_a_start_that_failed_takes_other_settings(folder):
    """Until something is there that was made with those of before."""
    (folder.path / "notes.txt").write_text("")
    (folder.path / "checkpoints").mkdir()
    # As of `trainers.evaluate --baseline=random`: not of the run's set.
    (folder.path / "evaluation_random.json").write_text("{}")
    other = {**_SETTINGS, "seed": 7}
    data = {**_DATA, "train": "xyz"}
    opened = RunFolder.open(folder.path, other, data, {"threads": 1})
    assert opened == RunFolder.read(folder.path)
    assert opened.identity["seed"] == 7 and opened.data["train"] == "xyz"
    with opened.lock():
        pass
    with pytest.raises(RuntimeError, match="of this run. Received: another"):
        with folder.lock():
            pass


@pytest.mark.parametrize(
    "name",
    [
        "metrics.jsonl",
        "checkpoints/x",
        "tensorboard/x",
        "snapshots/1.npy",
        "evaluation_step000001.json",
    ],
)
def test_what_was_made_keeps_its_settings(folder, name):
    (folder.path / name).parent.mkdir(exist_ok=True)
    (folder.path / name).write_text("x")
    with pytest.raises(ValueError, match="`seed` is .* there, 7 is asked for"):
        RunFolder.open(folder.path, {**_SETTINGS, "seed": 7}, _DATA, {})


def test_the_config_of_another_program_is_not_replaced(folder):
    path = folder.path / "config.json"
    for text in (
        '{"model_type": "bert"}',
        path.read_text().replace("20", "30"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match="config.json"):
            RunFolder.open(folder.path, _SETTINGS, _DATA, _ENVIRONMENT)
        assert path.read_text() == text


def test_another_run_is_refused_by_the_first_differences(folder):
    folder.append_metrics(1, {})
    before = (folder.path / "config.json").read_bytes()
    asked = _changed(_SETTINGS, "objective.student_steps", 30)
    asked = {**asked, "ipc": 1, "outer_steps": 7}
    with pytest.raises(
        ValueError,
        match="`objective.student_steps` is 20 there, 30 is asked for; "
        "`ipc` is absent there, 1 is asked for. Give what it was begun "
        r"with \(of `start`: --start_from\), choose another --run_dir, or "
        "delete",
    ):
        RunFolder.open(folder.path, asked, _DATA, _ENVIRONMENT)
    assert (folder.path / "config.json").read_bytes() == before


def test_other_training_images_are_refused_and_other_test_images_are_not(
    folder,
):
    folder.append_metrics(1, {})
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


def test_a_run_does_not_unmake_its_steps(folder):
    folder.checkpoint_folder.mkdir()
    for step in (0, 20, 40):
        (folder.checkpoint_folder / f"ckpt-{step}.index").touch()
    before = (folder.path / "config.json").read_bytes()
    for steps in (0, 39):
        asked = {**_SETTINGS, "outer_steps": steps}
        with pytest.raises(
            ValueError, match=f"at least 40, .* Received: {steps}. Ask for more"
        ):
            RunFolder.open(folder.path, asked, _DATA, _ENVIRONMENT)
        assert (folder.path / "config.json").read_bytes() == before
    asked = {**_SETTINGS, "outer_steps": 40}
    RunFolder.open(folder.path, asked, _DATA, _ENVIRONMENT)
    assert RunFolder.read(folder.path).identity["outer_steps"] == 40


def test_each_flipped_byte_of_the_settings_is_named(folder):
    path = folder.path / "config.json"
    for _ in flips(path):
        for use in (
            lambda: RunFolder.read(folder.path),
            lambda: RunFolder.open(folder.path, _SETTINGS, _DATA, _ENVIRONMENT),
        ):
            with pytest.raises(ValueError, match=str(path)):
                use()


@pytest.mark.parametrize("part", ["data", "environment"])
@pytest.mark.parametrize("value", [None, [], "text"])
def test_settings_without_what_belongs_to_them_are_named(folder, part, value):
    path = folder.path / "config.json"
    edited = {**json.loads(path.read_text()), part: value}
    path.write_text(json.dumps(records.seal(edited)))
    with pytest.raises(ValueError, match=f"config.json.*{part}|{part}.*config"):
        RunFolder.read(folder.path)


def test_settings_that_are_a_link_are_not_read(folder):
    path = folder.path / "config.json"
    path.rename(folder.path / "elsewhere.json")
    path.symlink_to(folder.path / "elsewhere.json")
    with pytest.raises(ValueError, match="config.json must be a plain file"):
        RunFolder.read(folder.path)


def test_another_environment_is_said(folder, caplog):
    folder.append_metrics(1, {})
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
        command = "python -m trainers.distill --preset=NAME"
        with pytest.raises(
            FileNotFoundError, match=f"`{command} --run_dir={path}`"
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
