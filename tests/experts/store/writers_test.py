"""Writers of one expert store, dead or alive, lose nothing of each other."""

import fcntl
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from fred_tf.experts import store as expert_store
from fred_tf.experts.store import ExpertStore


def _hold(path):
    """Locks the store as a process that is writing does."""
    file = open(path / ".lock", "r+")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


# Imports the store without `fred_tf/__init__`, hence without TensorFlow, and
# dies at the KILL_AT-th of the calls that touch the disk.
_CHILD = """
import os, signal, sys, types
source, folder, array, kill_at = sys.argv[1:]
package = types.ModuleType("fred_tf")
package.__path__ = [source]
sys.modules["fred_tf"] = package
import numpy as np
from fred_tf.experts.store import ExpertStore
calls = 0
def dying(function):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == int(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call
trajectory = np.load(array)
np.save = dying(np.save)
os.replace, os.fsync = dying(os.replace), dying(os.fsync)
store = ExpertStore(folder)
store.append(trajectory)
"""


def test_a_second_trainer_is_refused_unless_it_is_another_worker(
    store, description, data, experts
):
    again = ExpertStore.create_or_open(store.path, description, data)
    with store.lock():
        with pytest.raises(
            RuntimeError, match=f"process {os.getpid()} on .*TF_CONFIG"
        ):
            with again.lock():
                pass
        with again.lock(1):
            again.append(experts[2])
        # Readers may look on.
        assert len(ExpertStore.open(store.path)) == 3
    with again.lock(0):
        pass


def test_a_write_waits_for_the_write_of_another(store, experts):
    with _hold(store.path) as file:
        other = threading.Thread(target=store.append, args=(experts[2],))
        other.start()
        time.sleep(0.2)
        assert len(ExpertStore.open(store.path)) == 2
        assert len(list(store.path.glob("*.npy"))) == 2
        fcntl.flock(file, fcntl.LOCK_UN)
        other.join(timeout=60)
    assert len(ExpertStore.open(store.path)) == 3


def test_a_write_that_never_ends_is_named(store, monkeypatch, experts):
    monkeypatch.setattr(expert_store, "_PATIENCE", 0.1)
    with _hold(store.path), pytest.raises(RuntimeError, match="is in use by"):
        store.append(experts[2])


def test_the_store_does_not_depend_on_who_appended_when(
    tmp_path, description, experts
):
    made = []
    for name, order in (("a", (0, 1, 2)), ("b", (2, 0, 1)), ("c", (1, 2, 0))):
        # Each sees the folder as it was before the others appended.
        writers = [
            ExpertStore.create_or_open(tmp_path / name, description)
            for _ in order
        ]
        for number in order:
            facts = {"accuracy": number / 2}
            writers[number].append(experts[number], facts, number)
        made.append(
            {
                path.name: path.read_bytes()
                for path in (tmp_path / name).glob("[mt]*")
            }
        )
        writers[0].reload()
        assert writers[0].missing(range(5)) == [3, 4]
        for number in range(3):
            assert np.array_equal(
                writers[0].trajectory(number), experts[number]
            )
    assert len(made[0]) == 4
    assert made[0] == made[1] == made[2]


def test_writers_at_the_same_time_lose_nothing(tmp_path, description, experts):
    def write(first):
        mine = ExpertStore.create_or_open(tmp_path, description)
        for number in range(first, 24, 3):
            mine.append(experts[number % 3] + number, {}, number)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    store = ExpertStore.open(tmp_path)
    assert store.missing(range(24)) == [] and len(store) == 24
    for number in range(24):
        assert np.array_equal(
            store.trajectory(number), experts[number % 3] + number
        )


def test_a_number_that_is_there_stays_as_it_is(store, experts):
    before = (store.path / "manifest.json").read_bytes()
    store.append(experts[2], {"accuracy": 1.0}, number=1)
    assert (store.path / "manifest.json").read_bytes() == before
    assert np.array_equal(
        ExpertStore.open(store.path).trajectory(1), experts[1]
    )


def test_what_was_read_stays_right_when_a_smaller_number_comes(
    tmp_path, description, experts
):
    store = ExpertStore.create_or_open(tmp_path, description)
    store.append(experts[1], number=1)
    assert np.array_equal(store.trajectory(0), experts[1])
    store.append(experts[0], number=0)
    assert np.array_equal(store.trajectory(0), experts[0])
    assert np.array_equal(store.trajectory(1), experts[1])


def test_a_store_that_was_replaced_is_not_appended_to(
    store, experts, edit_manifest
):
    edit_manifest(lambda manifest: manifest["identity"].update(seed=1))
    with pytest.raises(ValueError, match="`seed` is 0 there, 1 is asked for"):
        store.append(experts[2])


def test_a_full_disk_leaves_the_store_as_it_was(store, experts, full_disk):
    # NumPy names no file.
    with pytest.raises(OSError, match="00002.npy.*intact"), full_disk(5_000):
        store.append(experts[2])
    assert len(store) == len(ExpertStore.open(store.path)) == 2
    assert len(list(store.path.glob("*.npy"))) == 2
    store.append(experts[2])
    assert len(ExpertStore.open(store.path)) == 3


# Saving, flushing and renaming the array; flushing and renaming the manifest.
@pytest.mark.parametrize("kill_at", range(1, 6))
def test_a_killed_append_is_no_append(
    store, tmp_path, kill_at, description, data, experts
):
    np.save(tmp_path / "new", experts[2])
    source = pathlib.Path(expert_store.__file__).parents[1]
    command = [sys.executable, "-c", _CHILD, source, store.path]
    child = subprocess.run([*command, tmp_path / "new.npy", str(kill_at)])
    assert child.returncode == -signal.SIGKILL
    assert len(ExpertStore.open(store.path)) == 2
    again = ExpertStore.create_or_open(store.path, description, data)
    assert not list(again.path.glob(".*.partial"))
    again.append(experts[2][::-1])
    again = ExpertStore.open(store.path, description)
    assert [path.name for path in sorted(again.path.glob("*.npy"))] == [
        f"trajectory_0000{number}.npy" for number in range(3)
    ]
    for i, expert in enumerate([*experts[:2], experts[2][::-1]]):
        assert np.array_equal(again.trajectory(i), expert)
