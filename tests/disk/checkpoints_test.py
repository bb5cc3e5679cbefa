"""Whatever a kill, a full disk or a bad disk leaves, a run resumes or says why.

The state is a memory of scikit-learn's digits (UCI "Optical recognition of
handwritten digits") with a Keras optimizer, so that slots are covered.
"""

import os
import resource
import shutil
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn import datasets

from fred_tf.disk.checkpoints import Checkpoints

_IMAGES = datasets.load_digits().images[:4].astype(np.float32) / 16


class _Run:
    """A memory that moves towards zero, one optimizer step after another."""

    def __init__(self, folder, **options):
        self.memory = tf.Variable(_IMAGES, name="memory")
        self.optimizer = keras.optimizers.SGD(0.1, momentum=0.5)
        self.optimizer.build([self.memory])
        self.checkpoints = Checkpoints(
            folder,
            tf.train.Checkpoint(memory=self.memory, optimizer=self.optimizer),
            **options,
        )

    def step(self):
        self.optimizer.apply([tf.convert_to_tensor(self.memory)])

    def steps_and_saves(self, steps):
        for step in steps:
            self.step()
            self.checkpoints.save(step)
        return self


def _memory_after(steps):
    """Returns the memory of an uninterrupted run, by NumPy alone."""
    memory, momentum = _IMAGES, np.zeros_like(_IMAGES)
    for _ in range(steps):
        momentum = np.float32(0.5) * momentum - np.float32(0.1) * memory
        memory = memory + momentum
    return memory


def _assert_resumes(folder, step):
    """Asserts that `step` is restored, and that the run goes on from there."""
    run = _Run(folder)
    run.memory.assign(np.full_like(_IMAGES, 7))
    assert run.checkpoints.restore_latest() == step
    np.testing.assert_allclose(run.memory, _memory_after(step), atol=1e-6)
    run.steps_and_saves(range(step + 1, step + 3))
    again = _Run(folder)
    assert again.checkpoints.restore_latest() == step + 2
    np.testing.assert_array_equal(again.memory, run.memory)
    np.testing.assert_allclose(run.memory, _memory_after(step + 2), atol=1e-6)


def _content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with the checkpoints of steps 8, 9 and 10; to be copied."""
    folder = tmp_path_factory.mktemp("saved")
    run = _Run(folder)
    for _ in range(7):
        run.step()
    run.steps_and_saves(range(8, 11))
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "run")


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    uninterrupted = _Run(tmp_path / "a").steps_and_saves(range(1, 7))
    _Run(tmp_path / "b").steps_and_saves(range(1, 4))
    resumed = _Run(tmp_path / "b")
    assert resumed.checkpoints.restore_latest() == 3
    resumed.steps_and_saves(range(4, 7))
    np.testing.assert_array_equal(resumed.memory, uninterrupted.memory)
    for a, b in zip(
        resumed.optimizer.variables, uninterrupted.optimizer.variables
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("exists", [False, True])
def test_a_folder_without_checkpoints_restores_none(tmp_path, exists):
    if exists:
        (tmp_path / "run").mkdir()
    assert _Run(tmp_path / "run").checkpoints.restore_latest() is None
    assert (tmp_path / "run").exists() == exists


def test_the_newest_are_kept_across_restarts(folder):
    run = _Run(folder, max_to_keep=2)
    run.checkpoints.restore_latest()
    assert run.checkpoints.steps() == [8, 9, 10]
    run.steps_and_saves([11])
    assert run.checkpoints.steps() == [10, 11]
    assert len(list(folder.glob("ckpt-*.data*"))) == 2
    run = _Run(folder, max_to_keep=2)
    run.checkpoints.restore_latest()
    assert run.steps_and_saves([12, 13]).checkpoints.steps() == [12, 13]


def test_restoring_changes_nothing_on_disk(folder):
    (folder / "ckpt-11_temp").mkdir()
    (folder / "ckpt-12.data-00000-of-00001").touch()
    names = sorted(folder.iterdir())
    assert _Run(folder).checkpoints.restore_latest() == 10
    assert sorted(folder.iterdir()) == names


def test_a_part_of_the_state_can_be_restored(folder, caplog):
    memory = tf.Variable(np.zeros_like(_IMAGES))
    reader = Checkpoints(folder, tf.train.Checkpoint(memory=memory))
    assert reader.restore_latest() == 10
    np.testing.assert_allclose(memory, _memory_after(10), atol=1e-6)
    del reader
    assert "unrestored" not in caplog.text


def test_a_moved_and_linked_folder_resumes(folder, tmp_path):
    moved = folder.rename(tmp_path / "gerückt, {1} #1 'ü' %s")
    _assert_resumes(moved, 10)
    (tmp_path / "link").symlink_to(moved)
    _assert_resumes(tmp_path / "link", 12)


@pytest.mark.parametrize("name", ["run[1]", "run*", "run?", "run\\1"])
def test_a_folder_that_tensorflow_takes_for_a_pattern(tmp_path, name):
    with pytest.raises(ValueError, match="must not contain .* Rename"):
        _Run(tmp_path / name)


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
def test_the_state_file_is_not_trusted(folder, state):
    (folder / "checkpoint").unlink()
    if state is not None:
        (folder / "checkpoint").write_bytes(state)
    _assert_resumes(folder, 10)
    assert _Run(folder).checkpoints.steps() == [10, 11, 12]


def test_time_stamps_are_not_trusted(folder):
    for path in folder.iterdir():
        age = 1000 if path.name.startswith("ckpt-10") else 0
        os.utime(path, (10**9 - age, 10**9 - age))
    _assert_resumes(folder, 10)


def test_a_clock_that_is_set_back_keeps_the_newest(tmp_path, monkeypatch):
    for now, steps in ((2e9, range(1, 4)), (1e9, [4])):
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda now=now: now)
            run = _Run(tmp_path)
            run.checkpoints.restore_latest()
            run.steps_and_saves(steps)
    assert run.checkpoints.steps() == [2, 3, 4]
    assert run.checkpoints.restore_latest() == 4


# --- A kill during a save -----------------------------------------------------
# `tf.train.CheckpointManager` makes `ckpt-N_temp`, moves the data out of it,
# then the index, rewrites `checkpoint` and deletes the oldest.


def _killed(folder, stage):
    """Turns the folder into what a kill at `stage` of saving step 10 leaves."""
    temporary = folder / "ckpt-10_temp"
    temporary.mkdir()
    state = 'model_checkpoint_path: "ckpt-9"\n'
    if stage != "state not renamed":
        (folder / "checkpoint").write_text(state)
    if stage == "nothing renamed":
        for path in folder.glob("ckpt-10.*"):
            path.rename(temporary / f"part-00000-of-00001.{path.suffix}")
    if stage == "data renamed":
        (folder / "ckpt-10.index").rename(temporary / "part.index")
    if stage == "state not renamed":
        (folder / "checkpoint.tmp0123456789abcdef").write_text(state)
    if stage == "oldest half deleted":
        (folder / "ckpt-8.index").unlink()


@pytest.mark.parametrize(
    ("stage", "step"),
    [
        ("nothing renamed", 9),
        ("data renamed", 9),
        ("index renamed", 10),
        ("state not renamed", 10),
        ("oldest half deleted", 10),
    ],
)
def test_a_killed_save_resumes_from_a_complete_one(folder, stage, step):
    _killed(folder, stage)
    _assert_resumes(folder, step)
    names = {path.name.split(".")[0] for path in folder.iterdir()}
    # Two more were saved, three are kept, and no part of any other is left.
    assert names == {"checkpoint", *(f"ckpt-{step + n}" for n in range(3))}
    assert not list(folder.glob("checkpoint.tmp*"))


@pytest.mark.parametrize("stage", ["nothing renamed", "data renamed"])
def test_a_killed_first_save_starts_anew(folder, stage):
    _killed(folder, stage)
    for path in [folder / "checkpoint", *folder.glob("ckpt-[89].*")]:
        path.unlink()
    run = _Run(folder)
    assert run.checkpoints.restore_latest() is None
    run.steps_and_saves([1])
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint",
        "ckpt-1.data-00000-of-00001",
        "ckpt-1.index",
    ]


# --- Damage -------------------------------------------------------------------


def _damage(folder, step, kind):
    index = folder / f"ckpt-{step}.index"
    data = folder / f"ckpt-{step}.data-00000-of-00001"
    part, action = kind.split(" ")
    path = {"index": index, "data": data}[part]
    content = path.read_bytes()
    if action == "missing":
        path.unlink()
    elif action == "empty":
        path.write_bytes(b"")
    elif action == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif action == "flipped":
        middle = len(content) // 2
        flipped = bytes([content[middle] ^ 1])
        path.write_bytes(content[:middle] + flipped + content[middle + 1 :])
    elif action == "zeroed":
        path.write_bytes(bytes(len(content)))


_DAMAGES = [
    f"{part} {action}"
    for part in ("index", "data")
    for action in ("missing", "empty", "cut", "flipped", "zeroed")
]


@pytest.mark.parametrize("kind", _DAMAGES)
def test_a_damaged_checkpoint_is_passed_over_loudly(folder, kind, caplog):
    _damage(folder, 10, kind)
    _assert_resumes(folder, 9)
    assert "ckpt-10" in caplog.text
    if kind != "index missing":
        assert "DAMAGED CHECKPOINT" in caplog.text
        assert "of steps [10] are damaged" in caplog.text


def test_two_damaged_checkpoints_are_passed_over(folder, caplog):
    _damage(folder, 10, "data cut")
    _damage(folder, 9, "index empty")
    damaged = {
        f"damaged-{name}": content
        for name, content in _content(folder).items()
        if name.startswith(("ckpt-9", "ckpt-10"))
    }
    run = _Run(folder)
    assert run.checkpoints.restore_latest() == 8
    assert "of steps [9, 10] are damaged" in caplog.text
    # A save before the damaged steps is the newest nevertheless.
    run.steps_and_saves([9])
    assert _Run(folder).checkpoints.restore_latest() == 9
    # What was damaged is kept for whoever wants to look into it.
    assert damaged.items() <= _content(folder).items()


@pytest.mark.parametrize("kind", _DAMAGES)
def test_no_run_starts_from_zero_beside_damaged_checkpoints(folder, kind):
    for step in (8, 9, 10):
        _damage(folder, step, kind)
    before = _content(folder)
    run = _Run(folder)
    with pytest.raises(ValueError, match="must hold a checkpoint that can be"):
        run.checkpoints.restore_latest()
    assert _content(folder) == before


def test_no_run_starts_from_zero_where_checkpoints_were_deleted(folder):
    for path in folder.glob("ckpt-*"):
        path.unlink()
    with pytest.raises(ValueError, match="Received: none. Restore the folder"):
        _Run(folder).checkpoints.restore_latest()


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
def test_flipped_bytes_never_give_another_state(folder, part):
    path = folder / f"ckpt-10.{part}"
    content = path.read_bytes()
    expected = {step: _memory_after(step) for step in (9, 10)}
    run = _Run(folder)
    outcomes = set()
    for position in range(0, len(content), 23):
        flipped = bytes([content[position] ^ 1 << position % 8])
        path.write_bytes(content[:position] + flipped + content[position + 1 :])
        step = run.checkpoints.restore_latest()
        outcomes.add(step)
        np.testing.assert_allclose(run.memory, expected[step], atol=1e-6)
    assert 9 in outcomes


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


def test_checkpoints_that_were_not_restored_are_not_mixed(folder):
    before = _content(folder)
    with pytest.raises(ValueError, match=r"steps \[8, 9, 10\]. Call `restore_"):
        _Run(folder).checkpoints.save(11)
    assert _content(folder) == before


def test_steps_do_not_go_back(folder):
    run = _Run(folder)
    run.checkpoints.restore_latest()
    with pytest.raises(ValueError, match="back. Received: 9 after 10 in"):
        run.checkpoints.save(9)
    with pytest.raises(ValueError, match="back. Received: -1"):
        _Run(folder / "new").checkpoints.save(-1)


def test_a_step_is_saved_once(folder):
    before = _content(folder)
    run = _Run(folder)
    run.checkpoints.restore_latest()
    run.checkpoints.save(10)
    assert _content(folder) == before


def test_at_least_one_is_kept(tmp_path):
    with pytest.raises(ValueError, match="at least 1.*Received: 0"):
        _Run(tmp_path, max_to_keep=0)


# --- A full disk --------------------------------------------------------------


def test_a_full_disk_leaves_the_checkpoints_before(folder):
    run = _Run(folder)
    run.checkpoints.restore_latest()
    before = _content(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(OSError, match="ckpt-11 cannot be written.*bytes"):
            run.steps_and_saves([11])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    # `checkpoint` says the same in other words.
    after = _content(folder)
    assert after.keys() == before.keys()
    for name in before.keys() - {"checkpoint"}:
        assert after[name] == before[name]
    _assert_resumes(folder, 10)


def test_a_save_can_be_tried_again_when_there_is_room(folder):
    run = _Run(folder)
    run.checkpoints.restore_latest()
    run.step()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.raises(OSError, match="cannot be written"):
            run.checkpoints.save(11)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    run.checkpoints.save(11)
    _assert_resumes(folder, 11)


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file/ckpt-1 cannot be written"):
        _Run(tmp_path / "file").checkpoints.save(1)
    with pytest.raises(OSError, match="file/run/ckpt-1 cannot be written"):
        _Run(tmp_path / "file" / "run").checkpoints.save(1)
