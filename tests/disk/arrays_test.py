"""Arrays are sealed, and no header is believed."""

import hashlib
import io
import tracemalloc

import numpy as np
import pytest

from fred_tf.disk import arrays

_WAY_OUT = "Delete it."


@pytest.fixture
def array(generator):
    return generator.normal(size=(2, 3, 4, 1)).astype(np.float16)


@pytest.fixture
def path(tmp_path, array):
    arrays.write(tmp_path / "a.npy", array)
    return tmp_path / "a.npy"


def _forged(kind, shape, values=b"", order="False"):
    """Returns a file of a header that may claim anything."""
    text = (
        f"{{'descr': {kind!r}, 'fortran_order': {order}, 'shape': {shape}, }}"
    )
    text = text.encode() + b"\n"
    length = len(text).to_bytes(2, "little")
    return b"\x93NUMPY\x01\x00" + length + text + values


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "uint8", "bool", ">i4"]
)
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 0, 3)])
def test_an_array_comes_back_and_numpy_reads_it(tmp_path, dtype, shape):
    array = np.arange(np.prod(shape), dtype=np.int64).reshape(shape)
    array = array.astype(dtype)
    arrays.write(tmp_path / "a.npy", array)
    for read in (
        arrays.read(tmp_path / "a.npy", _WAY_OUT),
        np.load(tmp_path / "a.npy", allow_pickle=False),
    ):
        assert read.dtype == array.dtype and read.shape == shape
        np.testing.assert_array_equal(read, array)


def test_another_order_in_memory_is_written_in_the_usual_one(tmp_path, array):
    arrays.write(tmp_path / "a.npy", array.T)
    np.testing.assert_array_equal(
        arrays.read(tmp_path / "a.npy", _WAY_OUT), array.T
    )


@pytest.mark.parametrize("mask", [1, 16, 128, 255])
def test_each_flipped_byte_is_found(path, mask):
    content = path.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= mask
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a.npy must .* Delete it\.$"):
            arrays.read(path, _WAY_OUT)


def test_each_cut_is_found_but_that_of_the_whole_seal(path, array):
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        if size == len(content) - 72:
            # As an earlier version wrote it.
            read = arrays.read(path, _WAY_OUT)
            np.testing.assert_array_equal(read, array)
            continue
        with pytest.raises(ValueError, match=r"a.npy must .* Delete it\.$"):
            arrays.read(path, _WAY_OUT)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"PK\x03\x04" + bytes(100),
        _forged("<f4", "(100000, 100000)", bytes(100)),
        _forged("<f8", f"({10**17}, {10**17}, {10**17})"),
        _forged("<f4", f"({'9' * 30},)"),
        _forged("<f4", "(-4,)"),
        _forged("<f1", "(4,)", bytes(4)),
        _forged("|O", "(1,)", bytes(8)),
        _forged("<U8", "(1,)", bytes(32)),
        _forged("<f4", "(2, 2)", bytes(16), order="True"),
        _forged("<f4", "(" * 5000 + ")" * 5000),
        _forged("<f4", "-" * 20_000 + "1"),
        _forged("<f4", "(__import__('os').getpid(),)"),
    ],
)
def test_what_claims_more_than_it_holds_is_refused_unallocated(path, content):
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"a.npy must .* Delete it\.$"):
            arrays.read(path, _WAY_OUT)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def test_a_file_beyond_the_stated_maximum_is_not_read(path, monkeypatch):
    monkeypatch.setattr(arrays, "MOST", 100)
    with pytest.raises(ValueError, match="a.npy must have at most 100 bytes"):
        arrays.read(path, _WAY_OUT)


def test_a_header_tells_where_the_values_begin(array):
    written = io.BytesIO()
    np.save(written, array)
    kind, shape, start = arrays.header(io.BytesIO(written.getvalue()))
    assert (kind, shape) == (array.dtype, array.shape)
    assert written.getvalue()[start:] == array.tobytes()


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_digest_of_bytes_is_that_of_their_copy(order):
    array = np.arange(250_000, dtype=np.float32).reshape(100, 50, 50)
    expected = hashlib.sha256(array.tobytes()).hexdigest()
    array = np.asarray(array, order=order)
    tracemalloc.start()
    assert arrays.bytes_digest(array) == expected
    copied = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert copied < 10_000 or order == "F"


def test_a_digest_is_of_type_shape_and_bytes():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    expected = hashlib.sha256(b"float32 (2, 3) " + array.tobytes()).hexdigest()
    assert arrays.digest(array) == expected
    assert arrays.digest(array.astype(">f4")) == expected
    assert arrays.digest(np.asfortranarray(array)) == expected
    others = array.reshape(3, 2), array.view(np.int32), array + 1
    digests = {arrays.digest(other) for other in others}
    assert len({expected, *digests}) == 4
