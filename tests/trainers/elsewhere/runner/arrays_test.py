"""Arrays of packs: damage is found, and claims cost nothing."""

import io
import zipfile

import numpy as np
import pytest

from tests.flipping import flips
from trainers.elsewhere.runner import arrays

VALUES = {
    "0": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "step": np.array(7),
    "flags": np.array([True, False]),
    "none": np.zeros((0, 3), np.int32),
}


def same(one, other):
    return one.keys() == other.keys() and all(
        one[k].dtype == other[k].dtype
        and one[k].shape == other[k].shape
        and np.array_equal(one[k], other[k])
        for k in one
    )


def test_they_come_back_and_no_flipped_bit_does(tmp_path):
    path = tmp_path / "state.npz"
    arrays.write(path, "it", **VALUES)
    assert same(arrays.read(path, "it"), VALUES)
    refused = 0
    for _ in flips(path):
        try:
            assert same(arrays.read(path, "it"), VALUES)
        except ValueError as error:
            refused += 1
            assert str(path) in str(error)
    # Times and the like may change.
    assert refused > 0.6 * path.stat().st_size


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_what_was_cut_short_is_refused(share, tmp_path):
    path = tmp_path / "state.npz"
    arrays.write(path, "it", **VALUES)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=f"{path} must be an npz"):
        arrays.read(path, "it")


def test_arrays_of_something_else_are_refused(tmp_path):
    path = tmp_path / "state.npz"
    arrays.write(path, "it", **VALUES)
    with pytest.raises(ValueError, match="be of 'other'. Received: of 'it'"):
        arrays.read(path, "other")
    np.savez(path, step=VALUES["step"])
    with pytest.raises(ValueError, match="that state 'none'"):
        arrays.read(path, "")


def header(claim):
    """Returns a `.npy` file that holds 8 bytes and claims something."""
    text = f"{claim}\n".encode()
    return (
        b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"8" * 8
    )


def claims(descr="<f8", shape="(1,)", order="False"):
    return (
        f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"
    )


HOSTILE = {
    "huge": claims(shape="(1000000000000,)"),
    "overflowing": claims(shape="(4294967296, 4294967296)"),
    "negative": claims(shape="(-1,)"),
    "objects": claims(descr="|O"),
    "structure": claims(descr="<V8"),
    "no type": claims(descr="<f3"),
    "other order": claims(order="True"),
    "digits": claims(shape=f"({'1' * 60_000}x)"),
    "code": "__import__('os').abort()",
    "nested": "(" * 60_000,
    "deep": claims(shape=f"({'1, ' * 70})"),
}


@pytest.mark.parametrize("claim", HOSTILE.values(), ids=HOSTILE)
def test_what_an_array_claims_is_held_by_its_file(claim, tmp_path):
    path = tmp_path / "state.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0.npy", header(claim))
    with pytest.raises(ValueError, match=f"{path} must be an npz"):
        arrays.read(path, "it")


def test_an_array_as_numpy_claims_it_is_read(tmp_path):
    """The twin of the hostile ones: it is refused for its seal alone."""
    path = tmp_path / "state.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0.npy", header(claims()))
    with pytest.raises(ValueError, match="that state 'none'"):
        arrays.read(path, "it")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "members",
    [["../0.npy"], ["0.npy", "0.npy"], ["0.py"], ["a/0.npy"], ["/0.npy"]],
)
def test_members_are_named_like_arrays(members, tmp_path):
    array, path = io.BytesIO(), tmp_path / "state.npz"
    np.save(array, np.zeros(3))
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            archive.writestr(name, array.getvalue())
    with pytest.raises(ValueError, match=f"{path} must be an npz"):
        arrays.read(path, "it")


def test_nothing_is_unpacked(tmp_path):
    """A megabyte of zeros in a kilobyte is no array of ours."""
    path = tmp_path / "state.npz"
    np.savez_compressed(path, zeros=np.zeros(1 << 17))
    with pytest.raises(ValueError, match="which is not as it is"):
        arrays.read(path, "it")
