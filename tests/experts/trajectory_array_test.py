"""Each dtype of an expert store keeps what TensorFlow's cast would."""

import json

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.disk import records
from fred_tf.experts.store import ExpertStore

_DESCRIPTION = {"parameters": 640, "epochs": 3}


@pytest.fixture
def trajectory(generator):
    walk = generator.normal(0, 0.1, size=(4, 640)).cumsum(0)
    return walk.astype(np.float32)


def _half(tmp_path, dtype):
    return ExpertStore.create_or_open(
        tmp_path / dtype, {**_DESCRIPTION, "dtype": dtype}
    )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_each_dtype_comes_back_as_tensorflow_casts(
    tmp_path, dtype, generator, trajectory
):
    """Also subnormal, huge and half-way values, and both zeros."""
    halfway = [1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-11, 1 + 3 * 2**-11]
    special = [0.0, -0.0, 1e-8, -6e-8, 65504, *halfway]
    trajectory = trajectory * 10.0 ** generator.integers(-6, 3, (4, 640))
    trajectory = trajectory.astype(np.float32)
    trajectory[1, : len(special)] = special
    store = _half(tmp_path, dtype)
    store.append(trajectory, {"accuracy": 0.5})
    cast = tf.cast(tf.cast(trajectory, dtype), tf.float32).numpy()
    reader = ExpertStore.open(store.path)
    assert reader.dtype == dtype
    stored = reader.trajectory(0)
    assert stored.dtype == tf.as_dtype(dtype).as_numpy_dtype
    assert isinstance(stored, np.memmap) and not stored.flags.writeable
    assert np.array_equal(stored.astype(np.float32), cast)
    for start in range(3):
        ends = reader.segment(0, start, 1)
        for end, row in zip(ends, (start, start + 1)):
            assert type(end) is np.ndarray and end.dtype == np.float32
            assert end.tobytes() == cast[row].tobytes()
    (file,) = store.path.glob("*.npy")
    assert file.stat().st_size == 128 + 4 * 640 * (4 if "32" in dtype else 2)


def test_bfloat16_files_hold_plain_bits(tmp_path, trajectory):
    store = _half(tmp_path, "bfloat16")
    store.append(trajectory)
    bits = np.load(store.path / "trajectory_00000.npy", allow_pickle=False)
    assert bits.dtype == np.uint16
    found = (bits.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_allclose(found, trajectory, rtol=2**-8)


@pytest.mark.parametrize(
    ("dtype", "value", "shown"),
    [
        ("float16", -65520, "65504. Received: 65520"),
        ("bfloat16", 3.4e38, r"3.38953e\+38. Received: 3.4e\+38"),
    ],
)
def test_values_beyond_a_dtype_are_refused(
    tmp_path, dtype, value, shown, trajectory
):
    store = _half(tmp_path, dtype)
    trajectory[2, 7] = value
    with pytest.raises(ValueError, match=f"{shown}.* in row 2.*bfloat16"):
        store.append(trajectory)
    assert not list(store.path.glob("*.npy"))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_halves_are_not_mistaken_for_each_other(tmp_path, dtype, trajectory):
    store = _half(tmp_path, dtype)
    store.append(trajectory)
    others = {
        "float32": "rows of 640 float32",
        "bfloat16": "must be uint16 .* Received: float16",
        "float16": "must be float16 .* Received: uint16",
    }
    del others[dtype]
    for claimed, message in others.items():
        record = json.loads((store.path / "manifest.json").read_text())
        record["identity"]["dtype"] = claimed
        sealed = json.dumps(records.seal(record))
        (store.path / "manifest.json").write_text(sealed)
        with pytest.raises(ValueError, match=message):
            ExpertStore.open(store.path).trajectory(0)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_flipped_bit_of_a_half_is_found(tmp_path, dtype, trajectory):
    store = _half(tmp_path, dtype)
    store.append(trajectory)
    path = store.path / "trajectory_00000.npy"
    content = bytearray(path.read_bytes())
    content[1000] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match="Trajectory 0, .* is damaged"):
        ExpertStore.open(store.path).segment(0, 0, 1)
