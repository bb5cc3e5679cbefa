"""One file of plain arrays: what others read, and what is refused."""

import dataclasses
import json
import zipfile

import numpy as np
import pytest

from fred_tf import forms
from fred_tf.disk import files, records
from fred_tf.distilled_set import DistilledSet
from fred_tf.foreign import array_file
from fred_tf.forms.images_npz import ImagesNpz
from fred_tf.normalizations import NORMALIZATIONS


@pytest.fixture
def path(small_set, tmp_path):
    return ImagesNpz().write(small_set, None, tmp_path / "images.npz")


def arrays(path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as stored:
        return dict(stored)


def test_numpy_reads_images_labels_names_and_pixels(small_set, path, bits):
    stored = arrays(path)
    np.testing.assert_array_equal(
        bits(stored["images"]), bits(small_set.images)
    )
    assert stored["labels"].dtype == np.int64
    np.testing.assert_array_equal(stored["labels"], small_set.labels)
    assert stored["class_names"].tolist() == ["zero", "one"]
    pixels = stored["images"] * stored["deviation"] + stored["mean"]
    np.testing.assert_allclose(pixels, small_set.pixels(), rtol=1e-6)
    about = json.loads(stored["about"].tobytes())
    assert about["description"].endswith(
        "pixels in [0, 1] units are image * deviation + mean, both in "
        "`normalization`."
    )
    assert about["normalization"] == small_set.normalization.get_config()
    assert about["details"] == {"steps": 3}
    assert all(array.dtype != object for array in stored.values())


def test_what_it_says_is_read_back(small_set, path, assert_same):
    assert_same(forms.read(path), small_set)
    # Nobody has to keep anything beside it.
    assert [p.name for p in path.parent.iterdir()] == ["images.npz"]


def test_equal_sets_give_equal_files(small_set, path, tmp_path):
    again = ImagesNpz().write(small_set, None, tmp_path / "again.npz")
    assert again.read_bytes() == path.read_bytes()


def test_a_whitening_is_named_and_has_no_mean(small_set, digits, tmp_path):
    own = NORMALIZATIONS["zca"].fit(digits.train.images)
    whitened = dataclasses.replace(
        small_set,
        images=np.zeros((4, 8, 8, 1), np.float32),
        normalization=own,
    )
    stored = arrays(ImagesNpz().write(whitened, None, tmp_path / "x.npz"))
    assert "mean" not in stored
    about = json.loads(stored["about"].tobytes())
    assert about["normalization"]["name"] == "zca"


# Every seventh byte, and every bit of a byte among them.
@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_no_flipped_byte_goes_unseen(
    small_set, path, assert_same, flipped, every
):
    for _ in flipped(path, every):
        try:
            same = forms.read(path)
        except ValueError as error:
            assert path.name in str(error)
            continue
        assert_same(same, small_set)
    assert_same(forms.read(path), small_set)


@pytest.mark.parametrize("kind", ["cut in record", "empty", "link"])
def test_damage_is_named(path, damage, kind):
    damage[kind](path)
    with pytest.raises(ValueError, match="images.npz"):
        forms.read(path)


def test_only_an_earlier_one_is_replaced(small_set, path):
    ImagesNpz().write(small_set, None, path)
    np.savez(path, images=small_set.images)
    with pytest.raises(FileExistsError, match="Only an earlier images.npz"):
        ImagesNpz().write(small_set, None, path)
    with pytest.raises(ValueError, match="ends in `.npz`"):
        ImagesNpz().write(small_set, None, path.with_suffix(".zip"))
    with pytest.raises(FileNotFoundError, match="python -m export"):
        ImagesNpz().verify(path.with_name("none.npz"))


def _rewritten(path, **changes):
    """Writes the file anew, and makes its digests those of what it holds."""
    held = {**arrays(path), **changes}
    about = json.loads(held.pop("about").tobytes())
    held = {name: a for name, a in held.items() if a is not None}
    np.savez(path, **held)
    with zipfile.ZipFile(path) as archive:
        about["files"] = {
            name: {"sha256": files.digest(archive.read(f"{name}.npy"))}
            for name in held
        }
    text = json.dumps(records.seal(about)).encode()
    np.savez(path, about=np.frombuffer(text, np.uint8), **held)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": None}, "KeyError: 'images'"),
        ({"images": np.zeros((4, 4, 4, 1))}, "must be float32.*'<f8'"),
        ({"images": np.zeros((0, 4, 4, 1), "f4")}, "`images` must be an int"),
        ({"images": np.zeros((4, 0, 4, 1), "f4")}, "`image_shape` must be"),
        ({"images": np.zeros((4, 5000, 1), "f4")}, "at most 4096"),
        ({"images": np.zeros(4, "f4")}, r"images of shape \(4,\)"),
        ({"images": np.full((4, 4, 4, 1), np.nan, "f4")}, "must be finite"),
        ({"labels": np.array([0, 0, 1, 2])}, r"`labels` must lie in \[0, 2\)"),
        ({"labels": np.array([[0, 1]])}, "images .n, ..., channels. and lab"),
        ({"soft_labels": np.ones((4, 3), "f4")}, "`soft_labels` must be"),
    ],
)
def test_arrays_of_others_are_data(path, changes, message):
    _rewritten(path, **changes)
    with pytest.raises(ValueError, match=message) as raised:
        forms.read(path)
    assert str(path) in str(raised.value)


def test_nothing_is_unpacked_and_no_object_made(small_set, path):
    held = arrays(path)
    np.savez_compressed(path, **held)
    with pytest.raises(ValueError, match="unpacked"):
        forms.read(path)
    np.savez(path, **{**held, "about": np.array([{}], object)})
    with pytest.raises(ValueError, match="plain numbers"):
        forms.read(path)
    np.savez(path, **held, more=np.zeros(1))
    with pytest.raises(ValueError, match="or more more.npy"):
        forms.read(path)


def test_it_is_no_file_of_others(small_set, path, tmp_path):
    """Which say less than their arrays have to mean."""
    assert not array_file.is_array_file(path)
    read = DistilledSet.load(path)
    np.testing.assert_array_equal(read.images, small_set.images)
    np.savez(tmp_path / "theirs.npz", images=read.images, labels=read.labels)
    assert array_file.is_array_file(tmp_path / "theirs.npz")
