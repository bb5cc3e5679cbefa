"""An expert store gives back what was written, or says what is wrong.

The experts are softmax regressions on scikit-learn's digits (UCI "Optical
recognition of handwritten digits", 8 x 8 grey images).
"""

import copy
import fcntl
import json
import os
import pickle
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from sklearn import datasets

from fred_tf import expert_store, files
from fred_tf.expert_store import ExpertStore

_DESCRIPTION = {
    "dataset": "digits",
    "normalization": {"name": "standardize", "mean": [0.3], "deviation": [0.4]},
    "network": {"name": "softmax", "width": 1},
    "parameters": 640,
    "epochs": 3,
    "training": {"learning_rate": 0.5, "batch_size": 100},
    "dtype": "float32",
    "seed": 0,
}


def _expert(seed):
    """Returns the parameters of a softmax regression, float32 [4, 640]."""
    images, labels = datasets.load_digits(return_X_y=True)
    images, labels = images[:100] / 16, np.eye(10)[labels[:100]]
    weights = 0.01 * np.random.default_rng(seed).standard_normal((64, 10))
    trajectory = [weights]
    for _ in range(_DESCRIPTION["epochs"]):
        logits = np.exp(images @ weights)
        error = logits / logits.sum(1, keepdims=True) - labels
        weights = weights - 0.5 * images.T @ error / len(images)
        trajectory.append(weights)
    return np.reshape(trajectory, (4, 640)).astype(np.float32)


_EXPERTS = [_expert(seed) for seed in range(3)]


@pytest.fixture
def store(tmp_path):
    store = ExpertStore.create_or_open(tmp_path / "experts", _DESCRIPTION)
    for number in range(2):
        store.append(_EXPERTS[number], {"accuracy": number / 2})
    return store


def _edit_manifest(store, change):
    path = store.path / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def _forge(store, i, content):
    """Replaces a file and its checksum, as whoever makes a store may."""
    path = store.path / f"trajectory_{i:05d}.npy"
    path.write_bytes(content)

    def change(manifest):
        manifest["trajectories"][i]["sha256"] = files.sha256(path)

    _edit_manifest(store, change)


def test_trajectories_come_back_as_they_were(store):
    for reader in (store, ExpertStore.open(store.path, _DESCRIPTION)):
        assert len(reader) == 2
        assert (reader.epochs, reader.parameters) == (3, 640)
        assert reader.description == _DESCRIPTION
        for i in range(2):
            trajectory = reader.trajectory(i)
            assert isinstance(trajectory, np.memmap)
            assert trajectory.dtype == np.float32
            assert np.array_equal(trajectory, _EXPERTS[i])
            assert reader.facts(i) == {"accuracy": i / 2}


def test_files_are_plain_numpy(store):
    array = np.load(store.path / "trajectory_00001.npy", allow_pickle=False)
    assert np.array_equal(array, _EXPERTS[1])


def test_a_segment_is_two_rows(store):
    for start in range(3):
        for length in range(1, 4 - start):
            ends = store.segment(1, start, length)
            for end, row in zip(ends, (start, start + length)):
                assert type(end) is np.ndarray and end.dtype == np.float32
                assert np.array_equal(end, _EXPERTS[1][row])


@pytest.mark.parametrize(
    ("start", "length"), [(-1, 1), (0, 0), (0, 4), (3, 1), (2, -1)]
)
def test_a_segment_outside_the_trajectory_is_refused(store, start, length):
    with pytest.raises(
        ValueError, match=f"3 epochs of .* start {start}, length {length}"
    ):
        store.segment(0, start, length)


@pytest.mark.parametrize("i", [-1, 2])
def test_a_trajectory_outside_the_store_is_refused(store, i):
    for use in (store.trajectory, store.facts):
        with pytest.raises(IndexError, match=rf"in \[0, 2\).*Received: {i}"):
            use(i)


def test_what_is_read_cannot_change_the_store(store):
    with pytest.raises(ValueError, match="read-only"):
        store.trajectory(0)[0, 0] = 1
    store.segment(0, 0, 1)[0][:] = 0
    store.facts(0)["accuracy"] = 1
    assert np.array_equal(store.trajectory(0), _EXPERTS[0])
    assert store.facts(0) == {"accuracy": 0.0}


def test_what_is_appended_is_copied(tmp_path):
    store = ExpertStore.create_or_open(tmp_path, _DESCRIPTION)
    rows = [row.astype(np.float64) for row in _EXPERTS[0]]
    store.append(rows)
    rows[0][:] = 0
    assert np.array_equal(store.trajectory(0), _EXPERTS[0])
    assert store.facts(0) == {}


def test_a_store_is_opened_again_to_append(store):
    again = ExpertStore.create_or_open(store.path, _DESCRIPTION)
    assert len(again) == again.next_number == 2
    again.append(_EXPERTS[2])
    assert np.array_equal(
        ExpertStore.open(store.path).trajectory(2), _EXPERTS[2]
    )


def test_another_shape_is_refused(store):
    with pytest.raises(ValueError, match=r"= \(4, 640\). Received: \(3, 640\)"):
        store.append(_EXPERTS[2][:3])
    assert len(ExpertStore.open(store.path)) == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_trajectory_that_is_not_finite_is_refused(store, value):
    trajectory = _EXPERTS[2].copy()
    trajectory[2, 5] = value
    with pytest.raises(ValueError, match="must be finite.*from row 2 on"):
        store.append(trajectory)
    assert len(ExpertStore.open(store.path)) == 2


def test_facts_that_json_lacks_leave_no_file(store):
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.append(_EXPERTS[2], {"accuracy": np.nan})
    assert len(list(store.path.glob("*.npy"))) == 2


@pytest.mark.parametrize("name", ["epochs", "parameters"])
@pytest.mark.parametrize("value", [0, -1, 2.0, "3", None, True])
def test_a_description_has_sizes(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"`{name}`, an integer"):
        ExpertStore.create_or_open(tmp_path, {**_DESCRIPTION, name: value})
    assert not list(tmp_path.iterdir())


def test_a_missing_store_is_named_with_its_program(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(
            FileNotFoundError,
            match=f"{path}: .*python -m trainers.train_experts",
        ):
            ExpertStore.open(path)


def test_a_store_without_trajectories_is_refused(tmp_path):
    ExpertStore.create_or_open(tmp_path, _DESCRIPTION)
    with pytest.raises(ValueError, match="python -m trainers.train_experts"):
        ExpertStore.open(tmp_path)


def test_a_deleted_manifest_is_not_made_anew(store):
    (store.path / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"2 arrays \(trajectory_00000.npy"):
        ExpertStore.create_or_open(store.path, _DESCRIPTION)


def test_a_foreign_store_is_refused_with_every_difference(store):
    asked = copy.deepcopy(_DESCRIPTION)
    asked["dataset"] = "mnist"
    asked["network"]["width"] = 128
    asked["normalization"]["mean"] = [0.5]
    for enter in (ExpertStore.open, ExpertStore.create_or_open):
        with pytest.raises(ValueError, match="trained otherwise") as caught:
            enter(store.path, asked)
        assert str(caught.value).splitlines()[1:-1] == [
            "  dataset: 'digits' in the folder, 'mnist' asked for",
            "  normalization.mean: [0.3] in the folder, [0.5] asked for",
            "  network.width: 1 in the folder, 128 asked for",
        ]


def test_a_reader_may_expect_a_part(store):
    ExpertStore.open(store.path, {"normalization": {"mean": (0.3,)}})
    with pytest.raises(ValueError, match="augmentation: absent in the folder"):
        ExpertStore.open(store.path, {"augmentation": "flip"})


def test_a_trainer_expects_the_whole(store):
    part = {"parameters": 640, "epochs": 3}
    with pytest.raises(ValueError, match="seed: 0 in the folder, absent"):
        ExpertStore.create_or_open(store.path, part)


def test_each_flipped_byte_of_a_trajectory_is_found(tmp_path):
    tiny = {"parameters": 2, "epochs": 1}
    store = ExpertStore.create_or_open(tmp_path, tiny)
    for number in range(2):
        store.append(_EXPERTS[number][:2, :2])
    path = tmp_path / "trajectory_00001.npy"
    content = path.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        reader = ExpertStore.open(tmp_path)
        reader.trajectory(0)
        with pytest.raises(
            ValueError, match=f"Trajectory 1, {path}, is damaged: its SHA-256"
        ):
            reader.trajectory(1)


def test_a_flipped_byte_of_the_manifest_never_gives_other_data(tmp_path):
    tiny = {"parameters": 2, "epochs": 1, "network": "softmax"}
    store = ExpertStore.create_or_open(tmp_path, tiny)
    store.append(_EXPERTS[0][:2, :2])
    path = tmp_path / "manifest.json"
    content = path.read_bytes()
    refused = 0
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            reader = ExpertStore.open(tmp_path, tiny)
            trajectory = reader.trajectory(0)
        except (ValueError, FileNotFoundError):
            refused += 1
        else:
            assert np.array_equal(trajectory, _EXPERTS[0][:2, :2])
    # What is left is white space between the fields.
    assert refused > 0.6 * len(content)


def test_a_cut_trajectory_is_refused_when_opened(store):
    path = store.path / "trajectory_00001.npy"
    os.truncate(path, path.stat().st_size - 200)
    with pytest.raises(ValueError, match=f"Trajectory 1, {path}, must hold"):
        ExpertStore.open(store.path)


def test_a_missing_trajectory_is_named_when_opened(store):
    path = store.path / "trajectory_00000.npy"
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"Trajectory 0, {path}, is mi"):
        ExpertStore.open(store.path)


def test_swapped_trajectories_are_found(store):
    first, second = sorted(store.path.glob("*.npy"))
    shutil.copy(first, store.path / "copy")
    os.replace(second, first)
    os.replace(store.path / "copy", second)
    with pytest.raises(ValueError, match="Trajectory 0, .* is damaged"):
        ExpertStore.open(store.path).segment(0, 0, 1)


def test_an_entry_removed_by_hand_is_trained_again(store):
    (store.path / "trajectory_00000.npy").write_bytes(b"damaged")
    _edit_manifest(store, lambda manifest: manifest["trajectories"].pop(0))
    again = ExpertStore.create_or_open(store.path, _DESCRIPTION)
    assert len(again) == 1
    assert again.next_number == 0
    again.append(_EXPERTS[0])
    assert again.next_number == 2
    again = ExpertStore.open(store.path)
    assert np.array_equal(again.trajectory(0), _EXPERTS[0])
    assert np.array_equal(again.trajectory(1), _EXPERTS[1])


@pytest.mark.parametrize(
    "name", ["../secret.npy", "{folder}/secret.npy", "..\\secret.npy", "a/b"]
)
def test_files_outside_the_store_are_refused(store, name):
    shutil.copy(
        store.path / "trajectory_00000.npy", store.path.parent / "secret.npy"
    )
    name = name.format(folder=store.path.parent)

    def change(manifest):
        manifest["trajectories"][0]["file"] = name

    _edit_manifest(store, change)
    with pytest.raises(ValueError, match="Trajectory 0 must be a file of"):
        ExpertStore.open(store.path)


def test_links_out_of_the_store_are_refused(store):
    path = store.path / "trajectory_00000.npy"
    path.rename(store.path.parent / "secret.npy")
    path.symlink_to(store.path.parent / "secret.npy")
    with pytest.raises(ValueError, match="Trajectory 0 must be a file of"):
        ExpertStore.open(store.path)


def test_a_moved_and_linked_store_is_read(store, tmp_path):
    moved = store.path.rename(tmp_path / "Gerückt [1]")
    (tmp_path / "link").symlink_to(moved)
    trajectory = ExpertStore.open(tmp_path / "link").trajectory(1)
    assert np.array_equal(trajectory, _EXPERTS[1])


@pytest.mark.parametrize(
    ("epochs", "parameters"), [(3, 10**15), (10**15, 640), (3, 700)]
)
def test_sizes_beyond_the_files_are_refused_unread(store, epochs, parameters):
    sizes = {"epochs": epochs, "parameters": parameters}
    _edit_manifest(
        store, lambda manifest: manifest["description"].update(sizes)
    )
    with pytest.raises(
        ValueError, match=f"{epochs} . 1 rows of {parameters} float32. Received"
    ):
        ExpertStore.open(store.path)


def test_a_header_that_claims_more_is_refused_unread(store):
    path = store.path / "trajectory_00000.npy"
    content = path.read_bytes().replace(b"(4, 640), } ", b"(4, 640000)}")
    assert b"640000" in content
    _forge(store, 0, content)
    with pytest.raises(ValueError, match="Trajectory 0, .* must be a `.npy`"):
        ExpertStore.open(store.path).trajectory(0)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 640), np.float64),
        np.zeros((4, 640), np.int32),
        np.zeros((640, 4), np.float32),
        np.zeros((4, 641), np.float32),
    ],
)
def test_another_array_is_refused(store, array):
    np.save(store.path / "other", array)
    _forge(store, 0, (store.path / "other.npy").read_bytes())
    with pytest.raises(
        ValueError,
        match=rf"must be float32 \(4, 640\). Received: {array.dtype} ",
    ):
        ExpertStore.open(store.path).trajectory(0)


class _Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("kind", ["pickle", "objects", "zip"])
def test_nothing_is_unpickled(store, kind, tmp_path):
    bomb = _Bomb(tmp_path / "exploded")
    pickle.loads(pickle.dumps(bomb))
    bomb.path.rmdir()
    other = store.path / "other.npy"
    if kind == "pickle":
        other.write_bytes(pickle.dumps(bomb))
    elif kind == "objects":
        np.save(other, np.array([bomb]), allow_pickle=True)
    else:
        with open(other, "wb") as file:
            np.savez(file, a=_EXPERTS[0])
    _forge(store, 0, other.read_bytes() + bytes(20_000))
    with pytest.raises(ValueError, match="Trajectory 0, .* must be a `.npy`"):
        ExpertStore.open(store.path).trajectory(0)
    assert not bomb.path.exists()


@pytest.mark.parametrize(
    "entries",
    [None, {}, "text", [1], [{}], [{"file": 1, "sha256": "", "facts": {}}]],
)
def test_a_manifest_of_wrong_types_is_refused(store, entries):
    _edit_manifest(
        store, lambda manifest: manifest.update(trajectories=entries)
    )
    with pytest.raises(ValueError, match="`trajectories` in .*manifest.json"):
        ExpertStore.open(store.path)


@pytest.mark.parametrize("description", [None, [], {"epochs": 3}])
def test_a_manifest_without_sizes_is_refused(store, description):
    _edit_manifest(
        store, lambda manifest: manifest.update(description=description)
    )
    with pytest.raises(ValueError, match="`description` must hold .*manifest"):
        ExpertStore.open(store.path)


def test_a_file_counts_once(store):
    _edit_manifest(
        store,
        lambda manifest: manifest["trajectories"].append(
            manifest["trajectories"][0]
        ),
    )
    with pytest.raises(ValueError, match="once. .*'trajectory_00000.npy'"):
        ExpertStore.open(store.path)


def test_another_format_version_is_refused(store):
    _edit_manifest(store, lambda manifest: manifest.update(format_version=2))
    with pytest.raises(ValueError, match="must be 1 .* Received: 2"):
        ExpertStore.open(store.path)


def test_a_damaged_manifest_is_named(store):
    os.truncate(store.path / "manifest.json", 100)
    with pytest.raises(ValueError, match="manifest.json is not a JSON file"):
        ExpertStore.open(store.path)


def test_a_second_trainer_is_refused_unless_it_is_another_worker(store):
    again = ExpertStore.create_or_open(store.path, _DESCRIPTION)
    with store.lock():
        with pytest.raises(
            RuntimeError, match=f"process {os.getpid()} on .*TF_CONFIG"
        ):
            with again.lock():
                pass
        with again.lock(1):
            again.append(_EXPERTS[2])
        # Readers may look on.
        assert len(ExpertStore.open(store.path)) == 3
    with again.lock(0):
        pass


def _hold(path):
    """Locks the store as a process that is writing does."""
    file = open(path / ".lock", "r+")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def test_a_write_waits_for_the_write_of_another(store):
    with _hold(store.path) as file:
        other = threading.Thread(target=store.append, args=(_EXPERTS[2],))
        other.start()
        time.sleep(0.2)
        assert len(ExpertStore.open(store.path)) == 2
        assert len(list(store.path.glob("*.npy"))) == 2
        fcntl.flock(file, fcntl.LOCK_UN)
        other.join(timeout=60)
    assert len(ExpertStore.open(store.path)) == 3


def test_a_write_that_never_ends_is_named(store, monkeypatch):
    monkeypatch.setattr(expert_store, "_PATIENCE", 0.1)
    with _hold(store.path), pytest.raises(RuntimeError, match="is in use by"):
        store.append(_EXPERTS[2])


def test_the_store_does_not_depend_on_who_appended_when(tmp_path):
    made = []
    for name, order in (("a", (0, 1, 2)), ("b", (2, 0, 1)), ("c", (1, 2, 0))):
        # Each sees the folder as it was before the others appended.
        writers = [
            ExpertStore.create_or_open(tmp_path / name, _DESCRIPTION)
            for _ in order
        ]
        for number in order:
            facts = {"accuracy": number / 2}
            writers[number].append(_EXPERTS[number], facts, number)
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
                writers[0].trajectory(number), _EXPERTS[number]
            )
    assert len(made[0]) == 4
    assert made[0] == made[1] == made[2]


def test_writers_at_the_same_time_lose_nothing(tmp_path):
    def write(first):
        mine = ExpertStore.create_or_open(tmp_path, _DESCRIPTION)
        for number in range(first, 24, 3):
            mine.append(_EXPERTS[number % 3] + number, {}, number)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    store = ExpertStore.open(tmp_path)
    assert store.missing(range(24)) == [] and len(store) == 24
    for number in range(24):
        assert np.array_equal(
            store.trajectory(number), _EXPERTS[number % 3] + number
        )


def test_a_number_that_is_there_stays_as_it_is(store):
    before = (store.path / "manifest.json").read_bytes()
    store.append(_EXPERTS[2], {"accuracy": 1.0}, number=1)
    assert (store.path / "manifest.json").read_bytes() == before
    assert np.array_equal(
        ExpertStore.open(store.path).trajectory(1), _EXPERTS[1]
    )


def test_what_was_read_stays_right_when_a_smaller_number_comes(tmp_path):
    store = ExpertStore.create_or_open(tmp_path, _DESCRIPTION)
    store.append(_EXPERTS[1], number=1)
    assert np.array_equal(store.trajectory(0), _EXPERTS[1])
    store.append(_EXPERTS[0], number=0)
    assert np.array_equal(store.trajectory(0), _EXPERTS[0])
    assert np.array_equal(store.trajectory(1), _EXPERTS[1])


def test_numbers_beyond_five_digits_stay_in_order(tmp_path):
    tiny = {"parameters": 2, "epochs": 1}
    store = ExpertStore.create_or_open(tmp_path, tiny)
    for number in (100_000, 99_999, 3):
        store.append(np.full((2, 2), number, np.float32), number=number)
    found = [store.trajectory(i)[0, 0] for i in range(3)]
    assert found == [3, 99_999, 100_000]


def test_a_store_that_was_replaced_is_not_appended_to(store):
    _edit_manifest(
        store, lambda manifest: manifest["description"].update(seed=1)
    )
    with pytest.raises(ValueError, match="seed: 1 in the folder, 0 asked for"):
        store.append(_EXPERTS[2])


def test_a_full_disk_leaves_the_store_as_it_was(store):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))
    try:
        with pytest.raises(OSError):
            store.append(_EXPERTS[2])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(store) == len(ExpertStore.open(store.path)) == 2
    assert len(list(store.path.glob("*.npy"))) == 2
    store.append(_EXPERTS[2])
    assert len(ExpertStore.open(store.path)) == 3


# Imports the store without `fred_tf/__init__`, hence without TensorFlow, and
# dies at the KILL_AT-th of the calls that touch the disk.
_CHILD = """
import os, signal, sys, types
source, folder, array, kill_at = sys.argv[1:]
package = types.ModuleType("fred_tf")
package.__path__ = [source]
sys.modules["fred_tf"] = package
import numpy as np
from fred_tf.expert_store import ExpertStore
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


# Saving, flushing and renaming the array; flushing and renaming the manifest.
@pytest.mark.parametrize("kill_at", range(1, 6))
def test_a_killed_append_is_no_append(store, tmp_path, kill_at):
    np.save(tmp_path / "new", _EXPERTS[2])
    source = os.path.dirname(expert_store.__file__)
    command = [sys.executable, "-c", _CHILD, source, store.path]
    child = subprocess.run([*command, tmp_path / "new.npy", str(kill_at)])
    assert child.returncode == -signal.SIGKILL
    assert len(ExpertStore.open(store.path)) == 2
    again = ExpertStore.create_or_open(store.path, _DESCRIPTION)
    assert not list(again.path.glob(".*.partial"))
    again.append(_EXPERTS[2][::-1])
    again = ExpertStore.open(store.path, _DESCRIPTION)
    assert [path.name for path in sorted(again.path.glob("*.npy"))] == [
        f"trajectory_0000{number}.npy" for number in range(3)
    ]
    for i, expert in enumerate([*_EXPERTS[:2], _EXPERTS[2][::-1]]):
        assert np.array_equal(again.trajectory(i), expert)


def test_a_manifest_without_a_dtype_means_float32(store):
    _edit_manifest(store, lambda manifest: manifest["description"].pop("dtype"))
    assert ExpertStore.open(store.path, {"dtype": "float32"}).dtype == "float32"
    again = ExpertStore.create_or_open(store.path, _DESCRIPTION)
    again.append(_EXPERTS[2])
    for i, expert in enumerate(_EXPERTS):
        assert np.array_equal(again.trajectory(i), expert)


@pytest.mark.parametrize("dtype", ["float64", "", None, 16, ["float16"]])
def test_an_unknown_dtype_is_refused(store, dtype, tmp_path):
    with pytest.raises(ValueError, match="`dtype` .* one of .*'bfloat16'"):
        ExpertStore.create_or_open(
            tmp_path / "new", {**_DESCRIPTION, "dtype": dtype}
        )
    _edit_manifest(
        store, lambda manifest: manifest["description"].update(dtype=dtype)
    )
    with pytest.raises(ValueError, match="`dtype` .* in .*manifest.json"):
        ExpertStore.open(store.path)


def test_inspection_names_all_that_is_damaged(store):
    store.append(_EXPERTS[2], {"accuracy": 1.0})
    for number in (3, 4, 5):
        store.append(_EXPERTS[0] + number)
    size = 128 + 4 * 4 * 640
    assert [expert.damage for expert in store.inspect(verify=True)] == [""] * 6
    path = store.path
    (path / "trajectory_00000.npy").unlink()
    os.truncate(path / "trajectory_00001.npy", 500)
    np.save(path / "trajectory_00002.npy", np.zeros((640, 4), np.float32))
    flipped = bytearray((path / "trajectory_00003.npy").read_bytes())
    flipped[-1] ^= 1
    (path / "trajectory_00003.npy").write_bytes(flipped)
    (path / "trajectory_00004.npy").rename(path / "elsewhere")
    (path / "trajectory_00004.npy").symlink_to(path / "elsewhere")
    for verify in (False, True):
        found = ExpertStore(path).inspect(verify)
        for expert, why in zip(
            found,
            (
                "Trajectory 0, .* is missing",
                "Trajectory 1, .* Received: 500 bytes",
                "Trajectory 2, .* (SHA-256|must be float32)",
                "Trajectory 3, .* SHA-256" if verify else "^$",
                "Trajectory 4 must be a file of",
                "^$",
            ),
            strict=True,
        ):
            assert re.search(why, expert.damage), expert
        assert [expert.bytes for expert in found[:4]] == [0, 500, size, size]
        last = found[5]
        assert (last.file, last.epochs, last.dtype, last.bytes) == (
            "trajectory_00005.npy",
            3,
            "float32",
            size,
        )
        assert found[1].facts == {"accuracy": 0.5} and last.facts == {}
