"""Nothing appears under its name before it is complete."""

import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from fred_tf.disk import files

_ROOT = pathlib.Path(__file__).parents[2]

# Dies at the KILL_AT-th call of those that touch the disk. The room `disk` does
# without TensorFlow, so the child starts at once.
_CHILD = """
import os, signal, sys
root, target, kind, kill_at = sys.argv[1:]
sys.path.insert(0, root)
from fred_tf.disk import files
calls = 0
def dying(function):
    def call(*arguments):
        global calls
        calls += 1
        if calls == int(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return call
os.replace, os.fsync = dying(os.replace), dying(os.fsync)
if kind == "file":
    files.write_text(target, "new")
else:
    with files.replacing_folder(target) as folder:
        (folder / "content").write_text("new")
"""


def _die_while_replacing(target, kind, kill_at):
    command = [sys.executable, "-c", _CHILD, _ROOT]
    child = subprocess.run([*command, target, kind, str(kill_at)])
    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("kill_at", [1, 2])
def test_a_kill_leaves_the_old_file(tmp_path, kill_at):
    path = tmp_path / "a.txt"
    path.write_text("old")
    _die_while_replacing(path, "file", kill_at)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2
    files.remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_leaves_the_old_folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "content").write_text("old")
    _die_while_replacing(path, "folder", 1)
    assert (path / "content").read_text() == "old"
    files.remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_before_a_first_folder_is_complete_leaves_none(tmp_path):
    _die_while_replacing(tmp_path / "folder", "folder", 1)
    files.remove_leftovers(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_when_the_block_ends(tmp_path):
    path = tmp_path / "new folder" / "Übung.txt"
    with files.replacing_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="oops"):
        with files.replacing_file(path) as temporary:
            temporary.write_text("new")
            raise RuntimeError("oops")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(tmp_path, full_disk):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="too large"), full_disk(10_000):
        files.write_text(path, "x" * 20_000)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_when_the_block_ends(tmp_path):
    path = tmp_path / "folder"
    for content in ("old", "new"):
        with files.replacing_folder(path) as temporary:
            (temporary / content).touch()
        assert [file.name for file in path.iterdir()] == [content]
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(RuntimeError, match="oops"):
        with files.replacing_folder(path) as temporary:
            (temporary / "new").touch()
            raise RuntimeError("oops")
    assert [file.name for file in path.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_only_leftovers_are_removed(tmp_path):
    kept = [tmp_path / "a.partial", tmp_path / ".hidden", tmp_path / "a"]
    for path in kept:
        path.touch()
    (tmp_path / ".a.1.partial").touch()
    (tmp_path / ".b.2.partial").mkdir()
    (tmp_path / ".b.2.partial" / "c").touch()
    files.remove_leftovers(tmp_path)
    assert set(tmp_path.iterdir()) == set(kept)


def test_json_round_trip(tmp_path):
    value = {"a": [1, 0.1, None, True], "ü": {"b": "c"}}
    files.write_json(tmp_path / "a.json", value)
    assert files.read_json(tmp_path / "a.json") == value
    assert json.loads((tmp_path / "a.json").read_bytes()) == value


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_json_without_numbers_that_it_lacks(tmp_path, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"a": number})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content", [b"", b'{"a": 1', b"\xff\xfe", b"\xef\xbb\xbf{}", b"\0" * 20]
)
def test_damaged_json_is_named(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match="a.json is not a JSON file"):
        files.read_json(tmp_path / "a.json")


def test_missing_json(tmp_path):
    with pytest.raises(FileNotFoundError, match="a.json"):
        files.read_json(tmp_path / "a.json")


def test_sha256(tmp_path):
    content = os.urandom(100_000)
    (tmp_path / "a").write_bytes(content)
    assert files.sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_digest():
    # FIPS 180-2, appendix B.1.
    assert files.digest(b"abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_a_folder_moved_aside_is_put_back(tmp_path, monkeypatch):
    """The second rename fails: the old folder stands where it stood."""
    folder = tmp_path / "export"
    with files.replacing_folder(folder) as new:
        (new / "a").write_text("old")
    replace = os.replace

    def fail_second(source, target):
        if str(target) == str(folder) and "previous" not in str(source):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_second)
    with pytest.raises(OSError, match="export"):
        with files.replacing_folder(folder) as new:
            (new / "a").write_text("new")
    assert (folder / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["export"]


def test_a_kill_between_the_renames_loses_nothing(tmp_path):
    aside = tmp_path / ".export.previous.partial"
    aside.mkdir()
    (aside / "a").write_text("old")
    files.remove_leftovers(tmp_path)
    assert (tmp_path / "export" / "a").read_text() == "old"


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": 1, "a": 2}'])
def test_json_that_other_readers_would_refuse(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match="x.json is not a JSON file"):
        files.read_json(tmp_path / "x.json")
