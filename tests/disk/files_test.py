"""Nothing appears under its name before it is complete."""

import errno
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


@pytest.mark.parametrize(
    "error",
    [OSError("9 requested and 0 written"), OSError(28, "No space left")],
)
@pytest.mark.parametrize("replacing", ["replacing_file", "replacing_folder"])
def test_an_error_that_names_no_file_gets_one(replacing, error, tmp_path):
    path = tmp_path / "a"
    with pytest.raises(OSError) as raised:
        with getattr(files, replacing)(path):
            raise error
    text = str(raised.value)
    assert str(path) in text and "intact" in text and error.args[-1] in text


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("write() failed: No space left on device; writing /x/y"),
        Exception("/x/y; No space left on device"),
    ],
    ids=["ArrayRecord", "TensorFlow"],
)
@pytest.mark.parametrize("replacing", ["replacing_file", "replacing_folder"])
def test_a_full_disk_is_the_same_error_whoever_writes(
    replacing, error, tmp_path
):
    path = tmp_path / "a"
    said = "No space left on device; what was there before is intact"
    with pytest.raises(OSError) as raised:
        with getattr(files, replacing)(path):
            raise error
    assert str(raised.value) == f"[Errno 28] {said}: '{path}'"
    assert raised.value.errno == errno.ENOSPC
    assert raised.value.__cause__ is error


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


def test_whoever_writes_a_path_again_removes_what_is_left_of_it(tmp_path):
    path, folder = tmp_path / "a[1].txt", tmp_path / "folder"
    other = tmp_path / "b.txt"
    _die_while_replacing(path, "file", 1)
    _die_while_replacing(other, "file", 1)
    _die_while_replacing(folder, "folder", 1)
    files.write_text(path, "new")
    with files.replacing_folder(folder):
        pass
    (left,) = set(tmp_path.iterdir()) - {path, folder}
    assert left.name.startswith(".b.txt.")


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "there").touch()
    said = f"folder {tmp_path}/there cannot be made: File exists. Choose"
    with pytest.raises(FileExistsError, match=said):
        files.make_folder(tmp_path / "there")
    with pytest.raises(FileExistsError, match=said):
        with files.replacing_folder(tmp_path / "there" / "a"):
            pytest.fail("There is no folder for it.")


def test_what_cannot_be_flushed_is_named(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "there").touch()
    monkeypatch.setattr(files.os, "fsync", fail)
    for flush, path in (
        (files.make_folder, tmp_path / "new"),
        (files.sync, tmp_path / "there"),
        (files.sync_tree, tmp_path),
    ):
        with pytest.raises(OSError, match="No space left.*loss of power") as e:
            flush(path)
        assert str(e.value.filename).startswith(str(tmp_path))


def test_a_folder_that_is_not_on_the_disk_does_not_replace(
    tmp_path, monkeypatch
):
    """The last flush fails, when the new folder has its name already."""
    folder = tmp_path / "export"
    with files.replacing_folder(folder) as new:
        (new / "a").write_text("old")
    flush = files._flush

    def fail(path):
        if path == tmp_path:
            raise OSError(errno.EIO, "Input/output error")
        flush(path)

    monkeypatch.setattr(files, "_flush", fail)
    with pytest.raises(OSError, match="error; what was there before is int"):
        with files.replacing_folder(folder) as new:
            (new / "a").write_text("new")
    assert (folder / "a").read_text() == "old"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_link_to_a_folder_is_replaced_itself(tmp_path):
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "a").touch()
    (tmp_path / "link").symlink_to(tmp_path / "else")
    with files.replacing_folder(tmp_path / "link") as folder:
        (folder / "b").touch()
    assert {p.name for p in tmp_path.iterdir()} == {"else", "link"}
    assert (tmp_path / "link" / "b").exists()
    assert (tmp_path / "else" / "a").exists()


# --- What is read and added to ------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [
        files.read_json,
        files.sha256,
        files.read_bytes,
        lambda path: files.appended(path).__enter__(),
    ],
)
@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_touched(tmp_path, read, kind):
    path, target = tmp_path / "a.json", tmp_path / "target"
    target.write_text("{}")
    {
        "link": lambda: path.symlink_to(target),
        "dangling": lambda: path.symlink_to(tmp_path / "nowhere"),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }[kind]()
    with pytest.raises((ValueError, OSError), match="a.json"):
        read(path)
    assert target.read_text() == "{}"
    assert sorted(tmp_path.iterdir()) == [path, target]


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    (tmp_path / "a").write_bytes(bytes(101))
    with pytest.raises(ValueError, match="at most 100 bytes. Received: 101"):
        files.read_bytes(tmp_path / "a", 100)


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


def test_the_size_of_a_file_and_of_a_folder(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one").write_bytes(b"1")
    (tmp_path / "a" / "b" / "two").write_bytes(b"22")
    assert files.size(tmp_path) == 3
    assert files.size(tmp_path / "a" / "b" / "two") == 2


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
