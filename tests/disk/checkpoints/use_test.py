"""Runs save and resume: the newest checkpoint, of the same state."""

import os
import time

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.disk.checkpoints import Checkpoints


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, begin):
    uninterrupted = begin(tmp_path / "a").steps_and_saves(range(1, 7))
    begin(tmp_path / "b").steps_and_saves(range(1, 4))
    resumed = begin(tmp_path / "b")
    assert resumed.checkpoints.restore_latest() == 3
    resumed.steps_and_saves(range(4, 7))
    np.testing.assert_array_equal(resumed.memory, uninterrupted.memory)
    for a, b in zip(
        resumed.optimizer.variables, uninterrupted.optimizer.variables
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("exists", [False, True])
def test_a_folder_without_checkpoints_restores_none(tmp_path, exists, begin):
    if exists:
        (tmp_path / "run").mkdir()
    assert begin(tmp_path / "run").checkpoints.restore_latest() is None
    assert (tmp_path / "run").exists() == exists


def test_the_newest_are_kept_across_restarts(folder, begin):
    run = begin(folder, max_to_keep=2)
    run.checkpoints.restore_latest()
    assert run.checkpoints.steps() == [8, 9, 10]
    run.steps_and_saves([11])
    assert run.checkpoints.steps() == [10, 11]
    assert len(list(folder.glob("ckpt-*.data*"))) == 2
    run = begin(folder, max_to_keep=2)
    run.checkpoints.restore_latest()
    assert run.steps_and_saves([12, 13]).checkpoints.steps() == [12, 13]


def test_a_good_one_is_kept_however_old(folder, begin, assert_resumes):
    run = begin(folder, max_to_keep=2)
    run.checkpoints.restore_latest()
    for step in (11, 12, 13):
        run.step()
        run.checkpoints.save(step, good=9)
    assert run.checkpoints.steps() == [9, 12, 13]
    # Going back makes it the newest, and is no restart.
    with pytest.raises(ValueError, match="step 8 or before.*anew"):
        run.checkpoints.go_back(8)
    for _ in range(2):
        assert run.checkpoints.go_back(11) == 9
        assert run.checkpoints.steps() == [9]
    assert_resumes(folder, 9)


def test_a_checkpoint_is_on_the_disk_before_older_ones_go(
    folder, begin, operations
):
    """TensorFlow's own writes and renames come before the first line."""
    run = begin(folder)
    run.checkpoints.restore_latest()
    run.steps_and_saves([11])
    operations()
    run.steps_and_saves([12])
    data, index = "data-00000-of-00001", "index"
    state = [
        "sync run/.checkpoint",
        "rename run/.checkpoint -> run/checkpoint",
        "sync run",
    ]
    removed = [f"remove run/ckpt-9.{index}", f"remove run/ckpt-9.{data}"]
    assert operations() == [
        f"sync run/ckpt-12.{data}",
        f"sync run/ckpt-12.{index}",
        "sync run",
        *state,
        *removed,
    ]
    run.checkpoints.go_back(11)
    newest = [line.replace("-9.", "-12.") for line in removed]
    assert operations() == [*state, *newest, "sync run"]


def test_restoring_changes_nothing_on_disk(folder, begin):
    (folder / "ckpt-11_temp").mkdir()
    (folder / "ckpt-12.data-00000-of-00001").touch()
    names = sorted(folder.iterdir())
    assert begin(folder).checkpoints.restore_latest() == 10
    assert sorted(folder.iterdir()) == names


def test_a_part_of_the_state_can_be_restored(
    folder, caplog, memory_after, images
):
    memory = tf.Variable(np.zeros_like(images))
    reader = Checkpoints(folder, tf.train.Checkpoint(memory=memory))
    assert reader.restore_latest() == 10
    np.testing.assert_allclose(memory, memory_after(10), atol=1e-6)
    del reader
    assert "unrestored" not in caplog.text


def test_a_moved_and_linked_folder_resumes(folder, tmp_path, assert_resumes):
    moved = folder.rename(tmp_path / "gerückt, {1} #1 'ü' %s")
    assert_resumes(moved, 10)
    (tmp_path / "link").symlink_to(moved)
    assert_resumes(tmp_path / "link", 12)


@pytest.mark.parametrize("name", ["run[1]", "run*", "run?", "run\\1"])
def test_a_folder_that_tensorflow_takes_for_a_pattern(tmp_path, name, begin):
    with pytest.raises(ValueError, match="must not contain .* Rename"):
        begin(tmp_path / name)


# --- The newest is decided by step --------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        None,
        b"",
        b"\xff\0garbage",
        b'model_checkpoint_path: "ckpt-8"\n'
        b'all_model_checkpoint_paths: "ckpt-8"\n',
        b'model_checkpoint_path: "/gone/ckpt-99"\n',
    ],
)
def test_the_state_file_is_not_trusted(folder, state, begin, assert_resumes):
    (folder / "checkpoint").unlink()
    if state is not None:
        (folder / "checkpoint").write_bytes(state)
    assert_resumes(folder, 10)
    assert begin(folder).checkpoints.steps() == [10, 11, 12]


def test_time_stamps_are_not_trusted(folder, assert_resumes):
    for path in folder.iterdir():
        age = 1000 if path.name.startswith("ckpt-10") else 0
        os.utime(path, (10**9 - age, 10**9 - age))
    assert_resumes(folder, 10)


def test_a_clock_that_is_set_back_keeps_the_newest(
    tmp_path, monkeypatch, begin
):
    for now, steps in ((2e9, range(1, 4)), (1e9, [4])):
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda now=now: now)
            run = begin(tmp_path)
            run.checkpoints.restore_latest()
            run.steps_and_saves(steps)
    assert run.checkpoints.steps() == [2, 3, 4]
    assert run.checkpoints.restore_latest() == 4


# --- Another state ------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"memory": tf.zeros([4, 8, 9])}, r"\(4, 8, 8\).*\(4, 8, 9\)"),
        ({"memory": tf.zeros([4, 8, 8], tf.int32)}, "memory.*dtype"),
        ({"remembered": tf.zeros([4, 8, 8])}, "remembered"),
    ],
)
def test_a_checkpoint_of_another_state_is_refused(folder, variables, message):
    variables = {
        name: tf.Variable(value, name=name) for name, value in variables.items()
    }
    reader = Checkpoints(folder, tf.train.Checkpoint(**variables))
    with pytest.raises(ValueError, match=message) as caught:
        reader.restore_latest()
    assert str(folder / "ckpt-10") in str(caught.value)
    assert "Use the settings" in str(caught.value)


def test_checkpoints_that_were_not_restored_are_not_mixed(
    folder, begin, bytes_in
):
    before = bytes_in(folder)
    with pytest.raises(ValueError, match=r"steps \[8, 9, 10\]. Call `restore_"):
        begin(folder).checkpoints.save(11)
    assert bytes_in(folder) == before


def test_steps_do_not_go_back(folder, begin):
    run = begin(folder)
    run.checkpoints.restore_latest()
    with pytest.raises(ValueError, match="back. Received: 9 after 10 in"):
        run.checkpoints.save(9)
    with pytest.raises(ValueError, match="back. Received: -1"):
        begin(folder / "new").checkpoints.save(-1)


def test_a_step_is_saved_once(folder, begin, bytes_in):
    before = bytes_in(folder)
    run = begin(folder)
    run.checkpoints.restore_latest()
    run.checkpoints.save(10)
    assert bytes_in(folder) == before


def test_at_least_one_is_kept(tmp_path, begin):
    with pytest.raises(ValueError, match="at least 1.*Received: 0"):
        begin(tmp_path, max_to_keep=0)
