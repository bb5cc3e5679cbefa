"""Archives of others are read as far as they bear out what they claim."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from fred_tf.disk import npz

_WAY_OUT = "Write it anew."


def _all(names):
    return names


def _entry(array) -> bytes:
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


def _claiming(shape: str, kind: str = "<f4") -> bytes:
    """Returns an array of no values whose header says otherwise."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    head = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head


@pytest.fixture
def archive(tmp_path):
    """Writes an archive of entries by name."""

    def write(entries, compression=zipfile.ZIP_DEFLATED):
        path = tmp_path / "a.npz"
        with zipfile.ZipFile(path, "w", compression) as written:
            for name, data in entries.items():
                written.writestr(name, data)
        return path

    return write


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_numpy_come_back(save, tmp_path, generator):
    images = generator.normal(size=(3, 4, 4, 1)).astype(np.float16)
    labels = np.arange(3)
    save(tmp_path / "a.npz", images=images, labels=labels, other=labels)
    read = npz.read(tmp_path / "a.npz", lambda _: ["labels", "images"], "")
    np.testing.assert_array_equal(read[0], labels)
    np.testing.assert_array_equal(read[1], images)
    assert read[1].dtype == np.float16


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_values_may_lie_first_axis_first(save, tmp_path, generator):
    """As MATLAB and Julia have them."""
    images = np.asfortranarray(generator.normal(size=(3, 4, 5)))
    save(tmp_path / "a.npz", a=images)
    (read,) = npz.read(tmp_path / "a.npz", _all, "")
    np.testing.assert_array_equal(read, images)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"a.npy": _claiming("(4,)")}, "which ends|would be read"),
        ({"a.npy": _claiming("(1000000, 1000000)")}, "at most 1,000"),
        ({"a.npy": _claiming("(4,)", "|O")}, "plain numbers"),
        ({"a.npy": b"no array"}, "plain numbers"),
        ({"a.npy": _entry(np.arange(4)) + b"x"}, "would be read"),
        ({"a.npy": _entry(np.arange(4))[:-1]}, "would be read"),
        ({"a.npy": _entry(np.arange(200.0))}, "at most 1,000"),
    ],
)
def test_what_claims_more_than_it_holds_is_refused(entries, message, archive):
    path = archive(entries)
    with pytest.raises(ValueError, match=message) as error:
        npz.read(path, _all, _WAY_OUT, most=1000)
    assert str(path) in str(error.value) and _WAY_OUT in str(error.value)


def test_objects_are_not_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return pytest.fail, ("it was unpickled",)

    evil = np.array([Evil()], dtype=object)
    np.savez(tmp_path / "a.npz", images=evil)
    with pytest.raises(ValueError, match="plain numbers"):
        npz.read(tmp_path / "a.npz", _all, _WAY_OUT)


def test_a_bomb_is_not_unpacked(archive):
    """A thousand times more than it takes on the disk, and than it says."""
    head = _claiming("(10,)", "|u1")
    path = archive({"a.npy": head + bytes(20_000_000)})
    tracemalloc.start()
    with pytest.raises(ValueError, match="would be read"):
        npz.read(path, _all, _WAY_OUT)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_occur_once(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as written:
        for _ in range(2):
            written.writestr("a.npy", _entry(np.arange(4)))
    with pytest.raises(ValueError, match="each once"):
        npz.read(tmp_path / "a.npz", _all, _WAY_OUT)


def test_each_flipped_byte_of_the_values_is_found(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.arange(4, dtype=np.float32))
    whole = (tmp_path / "a.npz").read_bytes()
    start = whole.index(np.arange(4, dtype=np.float32).tobytes())
    for place in range(start, start + 16):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        (tmp_path / "a.npz").write_bytes(damaged)
        with pytest.raises(ValueError, match="CRC"):
            npz.read(tmp_path / "a.npz", _all, _WAY_OUT)


def test_other_files_and_links_are_refused(tmp_path):
    (tmp_path / "a.npz").write_text("no archive")
    with pytest.raises(ValueError, match="zip file"):
        npz.read(tmp_path / "a.npz", _all, _WAY_OUT)
    (tmp_path / "b.npz").symlink_to(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="symbolic link"):
        npz.read(tmp_path / "b.npz", _all, _WAY_OUT)
    with pytest.raises(FileNotFoundError):
        npz.read(tmp_path / "c.npz", _all, _WAY_OUT)
