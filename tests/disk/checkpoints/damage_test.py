"""Whatever a kill or a bad or full disk leaves, a run resumes or says why."""

import errno
import os

import numpy as np
import pytest

from fred_tf.disk import checkpoint_files, leftovers

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
def test_a_killed_save_resumes_from_a_complete_one(
    folder, stage, step, assert_resumes
):
    _killed(folder, stage)
    assert_resumes(folder, step)
    names = {path.name.split(".")[0] for path in folder.iterdir()}
    # Two more were saved, three are kept, and no part of any other is left.
    assert names == {"checkpoint", *(f"ckpt-{step + n}" for n in range(3))}
    assert not list(folder.glob("checkpoint.tmp*"))


@pytest.mark.parametrize(
    ("stage", "steps"),
    [
        ("nothing renamed", (8, 9)),
        ("data renamed", (8, 9)),
        ("index renamed", (8, 9, 10)),
        ("state not renamed", (8, 9, 10)),
        ("oldest half deleted", (9, 10)),
    ],
)
def test_what_a_killed_last_save_owed_is_made_up_for(
    folder, stage, steps, begin
):
    """A run that is complete saves no more."""
    _killed(folder, stage)
    (folder / f".checkpoint.1{leftovers.SUFFIX}").touch()
    checkpoints = begin(folder).checkpoints
    assert checkpoints.restore_latest() == steps[-1]
    checkpoints.finish()
    names = {path.name.split(".")[0] for path in folder.iterdir()}
    assert names == {"checkpoint", *(f"ckpt-{step}" for step in steps)}
    last = f'model_checkpoint_path: "ckpt-{steps[-1]}"\n'
    assert (folder / "checkpoint").read_text().startswith(last)


def test_nothing_is_finished_where_a_newer_one_is_damaged(
    folder, begin, bytes_in
):
    """The save that comes moves it aside, and no one before."""
    (folder / "ckpt-10.index").write_bytes(b"")
    checkpoints = begin(folder).checkpoints
    assert checkpoints.restore_latest() == 9
    found = bytes_in(folder)
    checkpoints.finish()
    assert bytes_in(folder) == found


@pytest.mark.parametrize("stage", ["nothing renamed", "data renamed"])
def test_a_killed_first_save_starts_anew(folder, stage, begin):
    _killed(folder, stage)
    for path in [folder / "checkpoint", *folder.glob("ckpt-[89].*")]:
        path.unlink()
    run = begin(folder)
    assert run.checkpoints.restore_latest() is None
    run.steps_and_saves([1])
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint",
        "ckpt-1.data-00000-of-00001",
        "ckpt-1.index",
    ]


@pytest.mark.parametrize(
    "kind", ["index empty", "index cut", "index zeroed", "data cut"]
)
def test_a_first_save_that_was_cut_short_was_never_saved(
    folder, kind, begin, memory_after
):
    for path in [folder / "checkpoint", *folder.glob("ckpt-[89].*")]:
        path.unlink()
    _damage(folder, 10, kind)
    run = begin(folder)
    assert run.checkpoints.restore_latest() is None
    run.memory.assign(memory_after(0))
    run.steps_and_saves([1])
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint",
        "ckpt-1.data-00000-of-00001",
        "ckpt-1.index",
    ]
    assert begin(folder).checkpoints.restore_latest() == 1
    np.testing.assert_allclose(run.memory, memory_after(1), atol=1e-6)


def test_two_that_are_damaged_were_saved(folder, begin, bytes_in):
    """Also where `checkpoint` is lost, which the first save writes."""
    for path in [folder / "checkpoint", *folder.glob("ckpt-8.*")]:
        path.unlink()
    for step in (9, 10):
        _damage(folder, step, "index cut")
    before = bytes_in(folder)
    run = begin(folder)
    with pytest.raises(ValueError, match=r"damaged ones of steps \[9, 10\]"):
        run.checkpoints.restore_latest()
    with pytest.raises(ValueError, match=r"must be restored before others"):
        run.checkpoints.save(11)
    assert bytes_in(folder) == before


def test_a_link_where_tensorflow_writes_on_the_way_is_not_followed(
    folder, tmp_path, begin
):
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "precious").touch()
    (folder / "ckpt-11_temp").symlink_to(tmp_path / "else")
    run = begin(folder)
    run.checkpoints.restore_latest()
    run.steps_and_saves([11])
    assert [p.name for p in (tmp_path / "else").iterdir()] == ["precious"]
    assert not (folder / "ckpt-11_temp").exists()


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
def test_a_damaged_checkpoint_is_passed_over_loudly(
    folder, kind, caplog, assert_resumes
):
    _damage(folder, 10, kind)
    assert_resumes(folder, 9)
    assert "ckpt-10" in caplog.text
    if kind != "index missing":
        assert "DAMAGED CHECKPOINT" in caplog.text
        assert "of steps [10] are damaged" in caplog.text


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_checkpoint_that_is_no_file_is_named(folder, kind, part, begin):
    path = folder / f"ckpt-10.{part}"
    if kind == "link":
        path.rename(folder.parent / "elsewhere")
        path.symlink_to(folder.parent / "elsewhere")
    else:
        path.unlink()
        os.mkfifo(path)
    with pytest.raises(ValueError, match=f"{path} must be a plain file"):
        begin(folder).checkpoints.restore_latest()


def test_two_damaged_checkpoints_are_passed_over(
    folder, caplog, begin, bytes_in
):
    _damage(folder, 10, "data cut")
    _damage(folder, 9, "index empty")
    damaged = {
        f"damaged-{name}": content
        for name, content in bytes_in(folder).items()
        if name.startswith(("ckpt-9", "ckpt-10"))
    }
    run = begin(folder)
    assert run.checkpoints.restore_latest() == 8
    assert "of steps [9, 10] are damaged" in caplog.text
    # A save before the damaged steps is the newest nevertheless.
    run.steps_and_saves([9])
    assert begin(folder).checkpoints.restore_latest() == 9
    # What was damaged is kept for whoever wants to look into it, until that
    # step is made again.
    kept = {n: x for n, x in damaged.items() if n.startswith("damaged-ckpt-10")}
    assert kept.items() <= bytes_in(folder).items()
    assert len(list(folder.glob("damaged-*"))) == len(kept) == 2
    run.steps_and_saves([11])
    assert not list(folder.glob("damaged-*"))


@pytest.mark.parametrize("kind", _DAMAGES)
def test_no_run_starts_from_zero_beside_damaged_checkpoints(
    folder, kind, begin, bytes_in
):
    for step in (8, 9, 10):
        _damage(folder, step, kind)
    before = bytes_in(folder)
    run = begin(folder)
    with pytest.raises(ValueError, match="must hold a checkpoint that can be"):
        run.checkpoints.restore_latest()
    assert bytes_in(folder) == before


def test_no_run_starts_from_zero_where_checkpoints_were_deleted(folder, begin):
    for path in folder.glob("ckpt-*"):
        path.unlink()
    with pytest.raises(ValueError, match="Received: none. Restore the folder"):
        begin(folder).checkpoints.restore_latest()


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
def test_flipped_bytes_never_give_another_state(
    folder, part, begin, memory_after
):
    path = folder / f"ckpt-10.{part}"
    content = path.read_bytes()
    expected = {step: memory_after(step) for step in (9, 10)}
    run = begin(folder)
    outcomes = set()
    for position in range(0, len(content), 23):
        flipped = bytes([content[position] ^ 1 << position % 8])
        path.write_bytes(content[:position] + flipped + content[position + 1 :])
        step = run.checkpoints.restore_latest()
        outcomes.add(step)
        np.testing.assert_allclose(run.memory, expected[step], atol=1e-6)
    assert 9 in outcomes


# --- A full disk --------------------------------------------------------------


def test_a_full_disk_leaves_the_checkpoints_before(
    folder, begin, assert_resumes, bytes_in, full_disk
):
    run = begin(folder)
    run.checkpoints.restore_latest()
    before = bytes_in(folder)
    with (
        pytest.raises(OSError, match="ckpt-11 cannot be written.*bytes"),
        full_disk(500),
    ):
        run.steps_and_saves([11])
    # `checkpoint` says the same in other words.
    after = bytes_in(folder)
    assert after.keys() == before.keys()
    for name in before.keys() - {"checkpoint"}:
        assert after[name] == before[name]
    assert_resumes(folder, 10)


def test_a_first_save_on_a_full_disk_leaves_nothing(
    tmp_path, begin, assert_resumes, full_disk
):
    run = begin(tmp_path / "run")
    with pytest.raises(OSError, match="cannot be written"), full_disk(500):
        run.checkpoints.save(0)
    assert not list((tmp_path / "run").iterdir())
    assert begin(tmp_path / "run").checkpoints.restore_latest() is None
    run.checkpoints.save(0)
    assert_resumes(tmp_path / "run", 0)


def test_an_index_that_does_not_reach_the_disk_is_no_checkpoint(
    folder, begin, bytes_in, monkeypatch
):
    """TensorFlow has written all when the flush says that it is not there."""
    run = begin(folder)
    run.checkpoints.restore_latest()
    before = bytes_in(folder)

    def fail(path):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_files.files, "sync", fail)
        patch.setattr(checkpoint_files, "write_state", lambda *_: None)
        with pytest.raises(OSError, match="ckpt-11 cannot be .*output error"):
            run.steps_and_saves([11])
    assert bytes_in(folder) == before
    run.checkpoints.save(11)
    assert run.checkpoints.steps() == [9, 10, 11]


def test_a_save_can_be_tried_again_when_there_is_room(
    folder, begin, assert_resumes, full_disk
):
    run = begin(folder)
    run.checkpoints.restore_latest()
    run.step()
    with pytest.raises(OSError, match="cannot be written"), full_disk(500):
        run.checkpoints.save(11)
    run.checkpoints.save(11)
    assert_resumes(folder, 11)


def test_a_file_in_place_of_the_folder_is_named(tmp_path, begin):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file/ckpt-1 cannot be written"):
        begin(tmp_path / "file").checkpoints.save(1)
    with pytest.raises(OSError, match="file/run/ckpt-1 cannot be written"):
        begin(tmp_path / "file" / "run").checkpoints.save(1)
