"""Two runners never write to one pack, and a dead one is in nobody's way."""

import errno
import fcntl
import os
import pathlib
import subprocess
import sys

import pytest

from trainers import elsewhere
from trainers.elsewhere import pack_folder
from trainers.elsewhere.runner import lock, rows

RUN = pathlib.Path(elsewhere.__file__).with_name("run.py")

# Holds the lock of a folder, with a child that lives on.
HOLD = """
import os, pathlib, subprocess, sys, time
sys.path.insert(0, sys.argv[1])
from runner import lock
child = "import sys; sys.path.insert(0, sys.argv[1]); from runner import lock"
child += "; import time; lock.end_with(int(sys.argv[2])); time.sleep(100)"
with lock.exclusive(pathlib.Path(sys.argv[2])):
    own = [sys.argv[1], str(os.getpid())]
    subprocess.Popen([sys.executable, "-c", child, *own])
    print("held", flush=True)
    time.sleep(100)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of `tmp_path`, and its child."""
    command = [sys.executable, "-c", HOLD, RUN.parent, tmp_path]
    with subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_of_two_is_told_who_the_first_is(holder, tmp_path):
    owner = f"{tmp_path} is in use by process {holder.pid} on host"
    with pytest.raises(BlockingIOError, match=owner):
        with lock.exclusive(tmp_path):
            raise AssertionError("held twice")


def test_a_killed_one_leaves_no_lock_and_no_child(holder, tmp_path):
    holder.kill()
    # Its child has the same end of the pipe.
    assert holder.stdout.read() == ""
    with lock.exclusive(tmp_path):
        pass
    with lock.exclusive(tmp_path):  # Nor does one that ended.
        pass


@pytest.mark.parametrize("about", ["pack.json", rows.ROWS])
def test_the_program_ends_in_a_line(about, tmp_path):
    (tmp_path / about).write_text("not looked at")
    with lock.exclusive(tmp_path):
        ended = subprocess.run(
            [sys.executable, RUN, f"--pack={tmp_path}"],
            capture_output=True,
            text=True,
        )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"{tmp_path} is in use by process {os.getpid()} on" in line


def test_no_link_is_written_to(tmp_path):
    target, held = tmp_path / "thesis.txt", tmp_path / "pack"
    target.write_text("all of it")
    for link in (os.symlink, os.link):
        held.mkdir()
        link(target, held / lock.LOCK)
        with pytest.raises(ValueError, match="must be a plain file"):
            with lock.exclusive(held):
                raise AssertionError("held")
        (held / lock.LOCK).unlink()
        held.rmdir()
    assert target.read_text() == "all of it"


def test_without_locks_it_is_said(tmp_path, monkeypatch, capsys):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with lock.exclusive(tmp_path):
        pass
    assert f"{tmp_path} cannot be locked" in capsys.readouterr().err


def test_locks_are_of_packs(tmp_path):
    """So that `--overwrite` takes what has them for packs."""
    for place in ("", "rows/a", "experts/0123456789abcdef"):
        folder = tmp_path / place
        folder.mkdir(parents=True, exist_ok=True)
        with lock.exclusive(folder):
            pass
    (tmp_path / "pack.json").write_text('"kind": "pack"')
    pack_folder.check_replaceable(tmp_path, "pack.json", "pack", True)
