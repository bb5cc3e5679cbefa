"""What a run folder keeps of steps, and how it goes back or refuses to."""

import errno
import math
import os
import resource

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.disk.run_folder import RunFolder

_WORK = {"outer_steps": 100}, {"name": "digits"}, {"threads": 2}


@pytest.fixture
def folder(tmp_path):
    return RunFolder.open(tmp_path / "run", *_WORK)


def _tell(folder, what):
    """Leaves what tells of a step in a folder without checkpoints."""
    event = folder.log_folder / "events.out.tfevents.1"
    {
        "metrics.jsonl": lambda: folder.append_metrics(1, {"loss": 1.0}),
        "snapshots": lambda: folder.save_snapshot(3, np.zeros((1, 2, 2, 1))),
        "tensorboard": lambda: (folder.log_folder.mkdir(), event.touch()),
        "evaluations": (folder.path / "evaluation_step000000003.json").touch,
    }[what]()


@pytest.mark.parametrize(
    "what", ["metrics.jsonl", "snapshots", "tensorboard", "evaluations"]
)
def test_a_run_whose_checkpoints_are_lost_does_not_begin_again(folder, what):
    folder.refuse_lost_checkpoints()
    _tell(folder, what)
    with pytest.raises(
        ValueError, match=f"must hold a checkpoint.*steps: {what} in .*anew"
    ):
        folder.refuse_lost_checkpoints()


def test_what_tells_of_no_step_does_not_keep_a_run_from_beginning(folder):
    folder.save_snapshot(0, np.zeros((1, 2, 2, 1)))
    (folder.path / "snapshots" / "._000000009.npy").touch()
    (folder.path / "metrics.jsonl").write_text('{"step": 1, "lo')
    folder.refuse_lost_checkpoints()


# --- Snapshots ----------------------------------------------------------------


def test_leftovers_of_a_killed_snapshot_are_removed(folder):
    folder.save_snapshot(1, np.zeros((1, 2, 2, 1)))
    left = folder.path / "snapshots" / ".000000002.npy.7.partial"
    left.touch()
    RunFolder.open(folder.path, *_WORK)
    assert not left.exists() and list(folder.snapshots()) == [1]


def test_snapshots_come_back_by_step(folder):
    for step in (2, 10**9, 10):
        folder.save_snapshot(step, np.full((2, 3, 3, 1), step % 7, np.float16))
    kept = folder.snapshots()
    assert list(kept) == [2, 10, 10**9]
    assert kept[10].dtype == np.float16 and kept[10].max() == 3
    folder.rewind_snapshots(10)
    assert list(folder.snapshots()) == [2, 10]


@pytest.mark.parametrize(
    "name", ["._000000002.npy", ".DS_Store", "notes.npy", "Thumbs.db"]
)
def test_files_of_others_beside_snapshots_are_left_alone(folder, name):
    folder.save_snapshot(2, np.zeros((2, 3, 3, 1)))
    (folder.path / "snapshots" / name).write_bytes(b"\0\5\x16\7")
    assert list(folder.snapshots()) == [2]
    folder.rewind_snapshots(0)
    left = [path.name for path in (folder.path / "snapshots").iterdir()]
    assert left == [name]


def test_a_damaged_snapshot_is_named(folder):
    folder.save_snapshot(2, np.zeros((2, 3, 3, 1)))
    path = folder.path / "snapshots" / "000000002.npy"
    damaged = bytearray(path.read_bytes())
    damaged[140] ^= 1
    path.write_bytes(damaged)
    folder.save_snapshot(4, np.zeros((2, 3, 3, 1)))
    kept = folder.snapshots()
    assert list(kept) == [2, 4] and not kept[4].any()
    with pytest.raises(ValueError, match="000000002.npy must be as it .*copy"):
        kept[2]


# --- Metrics ------------------------------------------------------------------


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
    assert line.startswith('{"step": 1, "loss": null, "crc32": "')
    assert folder.metrics() == [{"step": 1, "loss": None}]


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
