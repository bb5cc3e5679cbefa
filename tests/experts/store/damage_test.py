"""What is damaged, forged or foreign in an expert store is named, not read."""

import os
import pickle
import re
import shutil

import numpy as np
import pytest

from fred_tf.disk import files
from fred_tf.experts.inspection import inspect
from fred_tf.experts.store import ExpertStore
from tests.flipping import flips


@pytest.fixture
def forge(store, edit_manifest):
    """Replaces a file and its checksum, as whoever makes a store may."""

    def forge(i, content):
        path = store.path / f"trajectory_{i:05d}.npy"
        path.write_bytes(content)

        def change(manifest):
            manifest["trajectories"][i]["sha256"] = files.sha256(path)

        edit_manifest(change)

    return forge


class _Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_each_flipped_byte_of_a_trajectory_is_found(tmp_path, experts):
    tiny = {"parameters": 2, "epochs": 1, "dtype": "float32"}
    store = ExpertStore.create_or_open(tmp_path, tiny)
    for number in range(2):
        store.append(experts[number][:2, :2])
    path = tmp_path / "trajectory_00001.npy"
    for _ in flips(path):
        reader = ExpertStore.open(tmp_path)
        reader.trajectory(0)
        with pytest.raises(
            ValueError, match=f"Trajectory 1, {path}, is damaged: its SHA-256"
        ):
            reader.trajectory(1)


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


def test_a_file_removed_by_hand_is_trained_again(
    store, description, data, experts, caplog
):
    (store.path / "trajectory_00000.npy").unlink()
    again = ExpertStore.create_or_open(store.path, description, data)
    assert "has lost ['trajectory_00000.npy']" in caplog.text
    assert len(again) == 1
    assert again.next_number == 0
    again.append(experts[0])
    assert again.next_number == 2
    again = ExpertStore.open(store.path)
    assert np.array_equal(again.trajectory(0), experts[0])
    assert np.array_equal(again.trajectory(1), experts[1])


@pytest.mark.parametrize(
    "name",
    [
        "../secret.npy",
        "{folder}/secret.npy",
        "..\\secret.npy",
        "a/b",
        "manifest.json",
        ".lock",
        "trajectory_1.npy",
        "trajectory_00000.npy\0",
        "trajectory_00000.npy\n",
        "",
    ],
)
def test_files_outside_the_store_are_refused(store, name, edit_manifest):
    shutil.copy(
        store.path / "trajectory_00000.npy", store.path.parent / "secret.npy"
    )
    name = name.format(folder=store.path.parent)

    def change(manifest):
        manifest["trajectories"][0]["file"] = name

    edit_manifest(change)
    with pytest.raises(ValueError, match="Trajectory 0 must be a file of"):
        ExpertStore.open(store.path)


def test_links_out_of_the_store_are_refused(store):
    path = store.path / "trajectory_00000.npy"
    path.rename(store.path.parent / "secret.npy")
    path.symlink_to(store.path.parent / "secret.npy")
    with pytest.raises(ValueError, match="Trajectory 0 must be a file of"):
        ExpertStore.open(store.path)


@pytest.mark.parametrize(
    ("epochs", "parameters"), [(3, 10**15), (10**15, 640), (3, 700)]
)
def test_sizes_beyond_the_files_are_refused_unread(
    store, epochs, parameters, edit_manifest
):
    sizes = {"epochs": epochs, "parameters": parameters}
    edit_manifest(lambda manifest: manifest["identity"].update(sizes))
    with pytest.raises(
        ValueError, match=f"{epochs} . 1 rows of {parameters} float32. Received"
    ):
        ExpertStore.open(store.path)


def test_a_header_that_claims_more_is_refused_unread(store, forge):
    path = store.path / "trajectory_00000.npy"
    content = path.read_bytes().replace(b"(4, 640), } ", b"(4, 640000)}")
    assert b"640000" in content
    forge(0, content)
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
def test_another_array_is_refused(store, array, forge):
    np.save(store.path / "other", array)
    forge(0, (store.path / "other.npy").read_bytes())
    with pytest.raises(
        ValueError,
        match=rf"must be float32 \(4, 640\). Received: {array.dtype} ",
    ):
        ExpertStore.open(store.path).trajectory(0)


@pytest.mark.parametrize("kind", ["pickle", "objects", "zip"])
def test_nothing_is_unpickled(store, kind, tmp_path, experts, forge):
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
            np.savez(file, a=experts[0])
    forge(0, other.read_bytes() + bytes(20_000))
    with pytest.raises(ValueError, match="Trajectory 0, .* must be a `.npy`"):
        ExpertStore.open(store.path).trajectory(0)
    assert not bomb.path.exists()


@pytest.mark.parametrize(
    "shape", ["(" * 4000 + ")" * 4000, "-" * 9000 + "1", "(4, 640, 1)", "(,)"]
)
def test_a_header_is_not_parsed_as_python(store, shape, forge, experts):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n"
    length = len(header).to_bytes(2, "little")
    forge(
        0,
        b"\x93NUMPY\1\0" + length + header.encode() + experts[0].tobytes(),
    )
    with pytest.raises(ValueError, match="Trajectory 0, .* must be "):
        ExpertStore.open(store.path).trajectory(0)


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_is_no_trajectory(store, kind):
    path = store.path / "trajectory_00000.npy"
    path.unlink()
    os.mkfifo(path) if kind == "pipe" else path.mkdir()
    with pytest.raises(FileNotFoundError, match="Trajectory 0, .* is missing"):
        ExpertStore.open(store.path)


def test_a_lock_that_is_a_link_keeps_its_target(
    store, description, data, experts
):
    precious = store.path.parent / "precious"
    precious.write_text("precious")
    for lock in (store.path / ".lock", store.path / ".workers/0/.lock"):
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.unlink(missing_ok=True)
        lock.symlink_to(precious)
    for use in (
        lambda: ExpertStore.create_or_open(store.path, description, data),
        lambda: store.append(experts[2]),
        lambda: store.lock().__enter__(),
    ):
        with pytest.raises(ValueError, match="lock must be a plain file"):
            use()
    assert precious.read_text() == "precious"
    assert len(ExpertStore.open(store.path)) == 2


def test_inspection_names_all_that_is_damaged(store, experts):
    store.append(experts[2], {"accuracy": 1.0})
    for number in (3, 4, 5):
        store.append(experts[0] + number)
    size = 128 + 4 * 4 * 640
    assert [expert.damage for expert in inspect(store, verify=True)] == [""] * 6
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
        found = inspect(ExpertStore(path), verify)
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
