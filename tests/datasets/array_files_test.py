"""Arrays in files as a data set: what is read, and what of others is not."""

import io
import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest

from fred_tf import datasets
from fred_tf.datasets import array_files
from tests.faults.strangers.forged import pickled

LABELS = np.arange(6) % 2


@pytest.fixture
def images(generator):
    return generator.integers(0, 256, (6, 4, 5, 3), np.uint8)


def _npy(array) -> bytes:
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


def _claiming(shape: str, values: bytes = b"") -> bytes:
    """Returns an array of bytes whose header says what shape they have."""
    said = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n"
    head = b"\x93NUMPY\x01\x00" + len(said).to_bytes(2, "little")
    return head + said.encode() + values


def _in_npz(place, parts):
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(f"{name}.npy", part)


def _in_folder(place, parts):
    place.mkdir()
    for name, part in parts.items():
        (place / f"{name}.npy").write_bytes(part)


@pytest.fixture(params=[_in_npz, _in_folder])
def written(request, tmp_path):
    """Writes the bytes of arrays, by name, as a data set of one's own."""

    def written(**parts):
        place = tmp_path / ("a.npz" if request.param is _in_npz else "a")
        request.param(place, parts)
        return place

    return written


@pytest.mark.parametrize("order", "CF")
def test_values_may_lie_in_either_order(images, order, written):
    stored = np.asarray(images, order=order)
    both = {
        f"{name}_{split}": _npy(array)
        for split in ("train", "test")
        for name, array in (("X", stored), ("y", LABELS))
    }
    data = datasets.load(f"file:{written(**both)}")
    for split in (data.train, data.test):
        np.testing.assert_array_equal(split.images, images)
        np.testing.assert_array_equal(split.labels, LABELS)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (_claiming("(100000, 100000)"), "would be read"),
        (_claiming("(6, 4, 4, 1)", bytes(10**7)), "would be read"),
        (_claiming("(99999999999, 4)"), "would be read"),
        (_claiming("(6, 4, __import__('os').getpid())"), "plain numbers"),
        (pickled(), "plain numbers"),
        (b"", "plain numbers"),
        (_npy(np.arange(3)), "must be|must have|channels"),
    ],
    ids=range(7),
)
def test_arrays_of_others_are_data(part, message, written):
    place = written(x_train=part, y_train=_npy(LABELS))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=message) as raised:
            datasets.load(f"file:{place}")
        assert tracemalloc.get_traced_memory()[1] < 5 * 10**6
    finally:
        tracemalloc.stop()
    if "plain" in message or "read" in message:
        said = str(raised.value)
        assert said.startswith(f"{place} must hold arrays of numbers called")
        assert "Received: `x_train`, which must" in said


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_what_is_no_such_file_is_refused(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    with pytest.raises(FileNotFoundError, match=str(path)):
        datasets.load(f"file:{path}")
    for content in (b"", b"text", b"PK\x03\x04" + bytes(99)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"{path} must hold arrays"):
            datasets.load(f"file:{path}")


@pytest.mark.parametrize("train", [("images", "labels"), ("x", "y")])
@pytest.mark.parametrize(
    "test", [("x_test", "y_test"), ("test_images", "test_labels")]
)
def test_each_pair_may_have_any_of_the_names(images, written, train, test):
    both = dict.fromkeys((train[0], test[0]), _npy(images))
    both |= dict.fromkeys((train[1], test[1]), _npy(LABELS))
    data = datasets.load(f"file:{written(**both)}")
    assert len(data.train) == len(data.test) == 6


def test_vectors_of_bytes_become_volumes_and_say_so(written, caplog):
    vectors = np.arange(6 * 64, dtype=np.uint8).reshape(6, 64)
    place = written(x_train=_npy(vectors), y_train=_npy(LABELS))
    data = datasets.load(f"file:{place}")
    assert data.image_shape == (4, 4, 4, 1)
    assert data.train.images.dtype == np.uint8
    assert "64 values are taken for volumes of 4 x 4 x 4" in caplog.text


def test_dim_floats_are_not_taken_for_16_bits(images, written, caplog):
    dim = _npy(images / np.float32(600))
    datasets.load(f"file:{written(x_train=dim, y_train=_npy(LABELS))}")
    assert "16 bits" not in caplog.text


def test_arrays_must_have_the_usual_names(images, written):
    place = written(pictures=_npy(images), y_train=_npy(LABELS))
    with pytest.raises(ValueError, match=r"called \['pictures', 'y_train'\]"):
        datasets.load(f"file:{place}")


def test_vectors_that_are_no_cubes_are_refused_by_name(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["X_train"], file["y_train"] = np.zeros((6, 9)), LABELS
    with pytest.raises(ValueError, match=r"a.h5 must hold .*vectors of 9 val"):
        datasets.load(f"file:{tmp_path / 'a.h5'}")


@pytest.mark.parametrize("type_of", [np.uint8, np.float64])
def test_arrays_are_bounded_by_their_bytes(type_of, tmp_path, monkeypatch):
    """Six images of eight values: 48 bytes, or eight times as many."""
    monkeypatch.setattr(array_files, "_MOST", 100)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["X_train"] = np.zeros((6, 8), type_of)
        file["y_train"] = LABELS
    if type_of is np.uint8:
        assert len(array_files.read(tmp_path / "a.h5").train.labels) == 6
    else:
        with pytest.raises(ValueError, match="X_train of shape .* float64"):
            array_files.read(tmp_path / "a.h5")


HALF = {
    "x_test": "'x_test' without 'y_test'",
    "Y_TEST": "'Y_TEST' without 'x_test'",
    "test_images": "'test_images' without 'test_labels'",
}


@pytest.mark.parametrize("name", HALF)
@pytest.mark.parametrize("suffix", [".npz", ".h5", ""])
def test_half_a_test_split_is_refused(images, name, suffix, tmp_path):
    """Else accuracies would be on training images."""
    path = tmp_path / f"a{suffix}"
    parts = {"x_train": images, "y_train": LABELS, name: images}
    if suffix == ".h5":
        with h5py.File(path, "w") as stored:
            stored.update(parts)
    else:
        writer = _in_npz if suffix else _in_folder
        writer(path, {name: _npy(part) for name, part in parts.items()})
    with pytest.raises(ValueError, match=HALF[name]):
        datasets.load(f"file:{path}")


@pytest.mark.parametrize("other", ["X_train", "labels", "test_images"])
def test_arrays_that_are_not_read_are_told_of(images, other, tmp_path, caplog):
    """Be they half a pair, or the second one."""
    parts = {"x": images, "y": LABELS}
    if other == "test_images":
        parts = {"x_test": images, "y_test": LABELS, "test_labels": LABELS}
        parts |= {"images": images, "labels": LABELS}
    _in_npz(tmp_path / "a.npz", {k: _npy(v) for k, v in parts.items()})
    array_files.read(tmp_path / "a.npz")
    told = caplog.text
    caplog.clear()
    parts[other] = images
    _in_npz(tmp_path / "b.npz", {k: _npy(v) for k, v in parts.items()})
    array_files.read(tmp_path / "b.npz")
    assert f"Not read: {other}." not in told
    assert other in caplog.text.partition("Not read: ")[2]


@pytest.mark.parametrize(
    "pair",
    [
        ("x_val", "y_val"),
        ("X_valid", "y_valid"),
        ("x_validation", "y_validation"),
        ("val_images", "val_labels"),
        ("validation_images", "validation_labels"),
    ],
)
def test_validation_stands_in_for_test(images, written, pair):
    """As where the images are in folders."""
    parts = {"x_train": images, "y_train": LABELS}
    parts |= {pair[0]: images[:3], pair[1]: LABELS[:3]}
    place = written(**{name: _npy(part) for name, part in parts.items()})
    data = datasets.load(f"file:{place}")
    assert (len(data.train), len(data.test)) == (6, 3)
    assert data.facts.to_json()["tested_on"] == "validation"


def test_validation_beside_a_test_split_is_told_of(images, tmp_path, caplog):
    both = {"x_val": images, "y_val": LABELS, "x_test": images[:3]}
    both |= {"y_test": LABELS[:3], "x_train": images, "y_train": LABELS}
    np.savez(tmp_path / "a.npz", **both)
    data = datasets.load(f"file:{tmp_path / 'a.npz'}")
    assert (len(data.test), data.tested_on) == (3, "test")
    assert "Not read: x_val, y_val." in caplog.text


@pytest.mark.parametrize("wanted", [True, False])
def test_names_that_differ_by_case_are_refused_or_told(
    images, wanted, written, caplog
):
    """Else which of them is read would be the order of the file."""
    parts = dict.fromkeys(("X", "x"), _npy(images)) | {"y": _npy(LABELS)}
    if not wanted:
        parts |= {"x_train": _npy(images), "y_train": _npy(LABELS)}
    place = written(**parts)
    if wanted:
        with pytest.raises(ValueError, match="'X' and 'x', which differ by c"):
            datasets.load(f"file:{place}")
    else:
        datasets.load(f"file:{place}")
        assert "Not read: X, x, y." in caplog.text


def test_links_are_followed(images, tmp_path):
    """As in folders of images."""
    (tmp_path / "real").mkdir()
    for suffix in (".npz", ".h5"):
        path = tmp_path / "real" / f"a{suffix}"
        if suffix == ".npz":
            np.savez(path, images=images, labels=LABELS)
        else:
            with h5py.File(path, "w") as stored:
                stored.update({"images": images, "labels": LABELS})
        (tmp_path / f"link{suffix}").symlink_to(path)
    _in_folder(tmp_path / "link", {"images": _npy(images)})
    np.save(tmp_path / "real" / "labels.npy", LABELS)
    (tmp_path / "link" / "labels.npy").symlink_to(
        tmp_path / "real" / "labels.npy"
    )
    for name in ("link.npz", "link.h5", "link"):
        found = array_files.read(tmp_path / name)
        assert f"train split of {name}" in found.train.place
        assert len(found.train.labels) == len(images)


def _external(stored, other, shape):
    stored.create_dataset("images", shape, "u1", external=[(other, 0, 360)])


def _virtual(stored, other, shape):
    layout = h5py.VirtualLayout(shape, "u1")
    layout[:] = h5py.VirtualSource(other, "images", shape)
    stored.create_virtual_dataset("images", layout)


def _linked(stored, other, shape):
    stored["images"] = h5py.ExternalLink(other, "images")


def test_no_other_file_is_read(images, tmp_path):
    other, told = tmp_path / "other.h5", {}
    with h5py.File(other, "w") as stored:
        stored["images"] = images
    for refer in (_external, _virtual, _linked):
        path = tmp_path / f"a{refer.__name__}.h5"
        with h5py.File(path, "w") as stored:
            stored["labels"] = LABELS
            refer(stored, str(other), images.shape)
        with pytest.raises(ValueError) as error:
            array_files.read(path)
        told[refer] = str(error.value)
    for refer in (_external, _virtual):
        assert "'images', which lies in other files." in told[refer]
    assert "Received: arrays called ['labels']." in told[_linked]
