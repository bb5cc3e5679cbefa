"""What is written is on the disk before anything older goes.

That of checkpoints is tested in `checkpoints/use_test.py`.
"""

import numpy as np

from fred_tf.disk import arrays, files
from fred_tf.disk.run_folder import RunFolder


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, operations):
    files.write_text(tmp_path / "new" / "deeper" / "a.txt", "text")
    assert operations() == [
        "sync new",
        "sync .",
        "sync new/deeper/.a.txt",
        "rename new/deeper/.a.txt -> new/deeper/a.txt",
        "sync new/deeper",
    ]


def test_a_folder_is_on_the_disk_before_the_old_one_goes(tmp_path, operations):
    """As an export of records is written: shards, and folders of images."""

    def export():
        with files.replacing_folder(tmp_path / "export") as folder:
            (folder / "images").mkdir()
            for name in ("set.tfrecord-00000-of-00001", "images/0.png"):
                (folder / name).write_text("content")

    export()
    operations()
    export()
    written = [
        "sync .export/images/0.png",
        "sync .export/images",
        "sync .export/set.tfrecord-00000-of-00001",
        "sync .export",
    ]
    found = operations()
    assert sorted(found[:4]) == sorted(written)
    assert found.index(written[0]) < found.index(written[1]) < 3
    assert found[3:] == [
        written[3],
        "rename export -> .export",
        "rename .export -> export",
        "sync .",
        "remove .export",
    ]


def test_an_array_is_on_the_disk_before_the_one_before_it_goes(
    tmp_path, operations
):
    for _ in range(2):
        operations()
        arrays.write(tmp_path / "a.npy", np.zeros(3))
    assert operations() == ["sync .a.npy", "rename .a.npy -> a.npy", "sync ."]


def test_lines_and_events_are_on_the_disk_when_they_are_to_be(
    tmp_path, operations
):
    folder = RunFolder.open(tmp_path / "run", {}, {}, {})
    folder.append_metrics(1, {"loss": 1.0})
    folder.log_folder.mkdir()
    (folder.log_folder / "events.out.tfevents.1").touch()
    operations()
    folder.sync()
    assert operations() == [
        "sync run/metrics.jsonl",
        "sync run/tensorboard/events.out.tfevents.1",
        "sync run/tensorboard",
        "sync run",
    ]
