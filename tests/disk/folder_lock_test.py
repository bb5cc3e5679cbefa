"""One process at a time; a lock dies with its owner."""

import contextlib
import errno
import fcntl
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

import pytest

from fred_tf.disk import folder_lock

_ROOT = pathlib.Path(__file__).parents[2]

# Takes the lock as another program would, with `flock` alone.
_CHILD = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
file.write("process 123 on host elsewhere")
file.flush()
print("held", flush=True)
sys.stdin.read()
"""

_FORKING = """
import os, sys, time
root, folder = sys.argv[1:]
sys.path.insert(0, root)
from fred_tf.disk import folder_lock
with folder_lock.exclusive(folder):
    child = os.fork()
    if not child:
        time.sleep(60)
try:
    with folder_lock.exclusive(folder):
        print("free")
finally:
    os.kill(child, 9)
"""


def test_the_owner_is_named(tmp_path):
    with folder_lock.exclusive(tmp_path):
        owner = f"process {os.getpid()} on host {socket.gethostname()}"
        with pytest.raises(RuntimeError, match=f"in use by {owner}. Wait"):
            with folder_lock.exclusive(tmp_path):
                pass


def test_a_lock_is_free_again_after_its_block(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyError):
            with folder_lock.exclusive(tmp_path):
                raise KeyError


def test_another_process_is_refused_until_it_is_killed(tmp_path):
    command = [sys.executable, "-c", _CHILD, tmp_path / ".lock"]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(RuntimeError, match="process 123 on host elsewhere"):
            with folder_lock.exclusive(tmp_path):
                pass
        child.kill()
        child.wait()
    assert (tmp_path / ".lock").exists()
    with folder_lock.exclusive(tmp_path):
        owner = (tmp_path / ".lock").read_text()
    assert owner == f"process {os.getpid()} on host {socket.gethostname()}\n"


def test_the_patient_wait_for_the_owner_to_end(tmp_path):
    first = contextlib.ExitStack()
    first.enter_context(folder_lock.exclusive(tmp_path))
    timer = threading.Timer(0.2, first.close)
    begun = time.monotonic()
    timer.start()
    with folder_lock.exclusive(tmp_path, patience=60):
        assert time.monotonic() - begun >= 0.2
        with pytest.raises(RuntimeError, match="in use"):
            with folder_lock.exclusive(tmp_path, patience=0.1):
                pass
    timer.join()


def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, caplog):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with folder_lock.exclusive(tmp_path):
        pass
    assert "cannot be locked (No locks available)" in caplog.text


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing must be a folder"):
        with folder_lock.exclusive(tmp_path / "missing"):
            pass
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (pathlib.Path.symlink_to, ["precious"]),
        (pathlib.Path.hardlink_to, ["precious"]),
        (pathlib.Path.symlink_to, ["nowhere"]),
        (lambda path: os.mkfifo(path), []),
        (pathlib.Path.mkdir, []),
    ],
)
def test_what_only_looks_like_a_lock_is_left_as_it_is(tmp_path, make, names):
    precious, folder = tmp_path / "precious", tmp_path / "folder"
    precious.write_text("precious")
    folder.mkdir()
    make(folder / ".lock", *(tmp_path / name for name in names))
    with pytest.raises(ValueError, match="lock must be a plain file .* Delete"):
        with folder_lock.exclusive(folder):
            pass
    assert precious.read_text() == "precious"
    assert sorted(tmp_path.iterdir()) == [folder, precious]


def test_a_link_put_in_place_at_the_last_moment_is_not_followed(
    tmp_path, monkeypatch
):
    precious, folder = tmp_path / "precious", tmp_path / "folder"
    precious.write_text("precious")
    folder.mkdir()
    (folder / ".lock").symlink_to(precious)
    monkeypatch.setattr(folder_lock, "_check", lambda path: None)
    with pytest.raises(OSError, match="folder must be a folder that can"):
        with folder_lock.exclusive(folder):
            pass
    assert precious.read_text() == "precious"


def test_a_lock_does_not_live_on_in_a_forked_child(tmp_path):
    command = [sys.executable, "-c", _FORKING, _ROOT, tmp_path]
    ended = subprocess.run(command, capture_output=True, timeout=60, text=True)
    assert ended.stdout == "free\n", ended.stderr


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(PermissionError, match="written to. Received: Permi"):
        with folder_lock.exclusive(tmp_path):
            pass


def test_a_file_has_a_lock_of_its_own_which_leaves_nothing(tmp_path):
    path = tmp_path / "a.json"
    with folder_lock.exclusive(tmp_path), folder_lock.of_file(path, 0):
        with folder_lock.of_file(tmp_path / "b.json", 0):
            pass
        with pytest.raises(RuntimeError, match=r"a.json is in use by process"):
            with folder_lock.of_file(path, 0):
                pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_threads_change_a_file_one_after_the_other(tmp_path):
    """Though each takes the lock's name away from those who wait for it."""
    path = tmp_path / "count"
    path.write_text("0")

    def count():
        for _ in range(10):
            with folder_lock.of_file(path, 60):
                before = int(path.read_text())
                time.sleep(0.001)
                path.write_text(str(before + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() == "40"
