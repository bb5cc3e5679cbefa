"""Kills at every file operation of small pieces, in this very process.

The battery beside this file does the same to whole programs, from below
Python; it takes hours.
"""

import builtins
import contextlib
import io
import os

import numpy as np
import pytest

from fred_tf.disk import files, records
from fred_tf.disk.run_folder import RunFolder
from fred_tf.experts.store import ExpertStore

_OPERATIONS = (
    "fsync",
    "link",
    "mkdir",
    "open",
    "rename",
    "replace",
    "rmdir",
    "truncate",
    "unlink",
)


class Killed(BaseException):
    """Nothing happens after it: whoever tidies up is dead, too."""


@contextlib.contextmanager
def killed_at(number: int):
    """Lets the operation of that number, and none after it, not happen."""
    left = number

    def guarded(original, counts=lambda *a, **k: True):
        def call(*arguments, **keywords):
            nonlocal left
            if counts(*arguments, **keywords):
                left -= 1
                if left <= 0:
                    raise Killed
            return original(*arguments, **keywords)

        return call

    def writes(path, mode="r", *_, **__):
        return mode[0] != "r"

    def makes(path, flags, *_, **__):
        return bool(flags & os.O_CREAT)

    with pytest.MonkeyPatch.context() as patch:
        for name in _OPERATIONS:
            counts = {"open": makes}.get(name, lambda *a, **k: True)
            patch.setattr(os, name, guarded(getattr(os, name), counts))
        for module in (builtins, io):
            patch.setattr(module, "open", guarded(module.open, writes))
        try:
            yield
        except Killed:
            pass


def _record(folder):
    records.write(folder / "a.json", "toy", {"a": 1}, None, done=[1, 2])


def _folder(folder):
    with files.replacing_folder(folder / "set") as temporary:
        (temporary / "part").write_text("new")
        (temporary / "inside").mkdir()


def _run(folder):
    run = RunFolder.open(folder / "run", {"outer_steps": 3}, {}, {})
    with run.lock():
        run.rewind_metrics(0)
        run.rewind_snapshots(0)
        for step in (1, 2):
            run.append_metrics(step, {"loss": 0.5})
        run.save_snapshot(2, np.zeros((2, 2), np.float16))


def _experts(folder):
    asked = {"epochs": 1, "parameters": 3, "dtype": "float32"}
    store = ExpertStore.create_or_open(folder / "experts", asked)
    for number in store.missing(range(2)):
        store.append(np.full((2, 3), number, np.float32), number=number)


PIECES = {piece.__name__: piece for piece in (_record, _folder, _run, _experts)}


def contents(folder):
    """Returns files by name; those that tell of owners are left out."""
    return {
        str(path.relative_to(folder)): path.is_file() and path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.name != ".lock"
    }


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_a_killed_piece_comes_to_the_same_end(piece, tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    piece(whole)
    piece(whole)  # What is there already changes nothing.
    for number in range(1, 1000):
        folder = tmp_path / str(number)
        folder.mkdir()
        ended = False
        with killed_at(number):
            piece(folder)
            ended = True
        if ended:
            break
        piece(folder)
        assert contents(folder) == contents(whole), number
    assert 5 < number < 1000


@pytest.mark.parametrize("piece", [_record, _folder], ids=lambda p: p.__name__)
def test_a_kill_while_replacing_leaves_old_or_new(piece, tmp_path):
    names = {_record: "a.json", _folder: "set/part"}
    for number in range(1, 1000):
        folder = tmp_path / str(number)
        (folder / "set").mkdir(parents=True)
        path = folder / names[piece]
        path.write_text("old")
        ended = False
        with killed_at(number):
            piece(folder)
            ended = True
        files.remove_leftovers(folder)
        found = path.read_text()
        assert found == "old" or "new" in found or '"done"' in found
        if ended:
            break
    assert 5 < number < 1000
