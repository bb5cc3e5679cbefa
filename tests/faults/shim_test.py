"""The shim kills, fills the disk and tells the order, seen from outside."""

import subprocess
import sys

import pytest

from tests.faults import order, shim

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shim.compiler() is None,
    reason="needs Linux and a C compiler",
)

# Replaces a file and a folder, as everything here is written.
PROGRAM = """
import pathlib, sys
from fred_tf.disk import files
from tests.faults import shim
folder, kill_at, full_at, log, copies = sys.argv[1:]
folder = pathlib.Path(folder)
shim.arm(folder, int(kill_at), int(full_at), log, copies)
files.write_text(folder / "file", "new")
with files.replacing_folder(folder / "inside") as temporary:
    (temporary / "part").write_text("new")
"""


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """Writes anew over what is old; returns the exit code and what it said."""
    library = shim.build(tmp_path_factory.mktemp("shim"))

    def write(folder, kill_at=0, full_at=0, log="", copies=""):
        (folder / "inside").mkdir(exist_ok=True, parents=True)
        command = [sys.executable, "-c", PROGRAM, folder, kill_at, full_at, log]
        command.append(copies)
        ended = subprocess.run(
            list(map(str, command)),
            env=shim.environment(library),
            capture_output=True,
            text=True,
        )
        return ended.returncode, ended.stderr

    return write


def old(folder):
    (folder / "inside").mkdir(parents=True)
    for name in ("file", "inside/part"):
        (folder / name).write_text("old")
    return folder


@pytest.fixture(scope="module")
def operations(write, tmp_path_factory):
    place = tmp_path_factory.mktemp("whole")
    log = place / "log"
    assert write(old(place / "tried"), log=log) == (0, "")
    return shim.operations(log)


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_kill_anywhere_leaves_old_or_new_and_the_same_call_ends_it(
    write, operations, tmp_path
):
    assert len(operations) > 15
    copies = tmp_path / "copies"
    copies.mkdir()
    assert write(old(tmp_path / "copied"), copies=copies) == (0, "")
    seen = set()
    for number in range(1, len(operations) + 1):
        folder = old(tmp_path / str(number))
        assert write(folder, kill_at=number) == (-9, "")
        found = contents(folder)
        # Names of temporary files have the number of the process.
        copied = contents(copies / str(number))
        assert sorted(copied.values()) == sorted(found.values())
        assert found["file"] in ("old", "new")
        seen.add(found["file"])
        assert write(folder)[0] == 0
        assert contents(folder) == {"file": "new", "inside/part": "new"}
    assert seen == {"old", "new"}


def test_a_full_disk_is_said_and_what_was_there_stays(
    write, operations, tmp_path
):
    names = [name for name, *_ in operations]
    for number in (1 + names.index("write"), 1 + names.index("sync")):
        folder = old(tmp_path / str(number))
        code, said = write(folder, full_at=number)
        assert code == 1 and "No space left on device" in said
        assert str(folder / "file") in said.splitlines()[-1]
        assert contents(folder) == {"file": "old", "inside/part": "old"}


def test_what_is_older_goes_last(operations, tmp_path):
    """And the log tells so: without the syncing it would not."""
    root = operations[0][1]
    there = [root, f"{root}/file", f"{root}/inside"]
    assert order.unsafe(operations, there) == []
    unsynced = [step for step in operations if step[0] != "sync"]
    faults = "\n".join(order.unsafe(unsynced, there))
    assert "file is replaced by" in faults
    assert "part goes before" in faults
    assert "inside is never synced" in faults


def test_the_library_stays_when_its_file_is_gone(tmp_path):
    library = shim.build(tmp_path)
    program = "from tests.faults import shim; shim.unbuild(); import os\n"
    program += "assert shim.is_loaded() and 'LD_PRELOAD' not in os.environ"
    subprocess.run(
        [sys.executable, "-c", program],
        env=shim.environment(library),
        check=True,
    )
    assert not tmp_path.exists()
