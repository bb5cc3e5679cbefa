"""The matrix of a whitening beside an export."""

import dataclasses

import numpy as np
import pytest

from fred_tf import forms
from fred_tf.disk import arrays
from fred_tf.forms import FORMS, exports, manifest
from fred_tf.normalizations import (
    NORMALIZATIONS,
    UnfittedError,
    from_config,
    zca,
)
from fred_tf.synthetic_set import SyntheticSet
from tests.packages import writable

NAMES = ("zca", "zca_kip", "zca_frepo")


@pytest.fixture
def images(generator):
    return generator.integers(0, 256, (50, 4, 4, 1)).astype(np.uint8)


def whitened(small_set, images, name="zca"):
    """The small set as one of whitened images."""
    own = NORMALIZATIONS[name].fit(images)
    return dataclasses.replace(small_set, normalization=own)


@pytest.fixture(autouse=True)
def strangers(monkeypatch):
    """Who reads has none of the images."""
    monkeypatch.setattr(zca, "_FITS", {})


@pytest.mark.parametrize("name", NAMES)
def test_it_undoes_and_whitens_what_lies_beside_it(
    small_set, small_memory, images, tmp_path, monkeypatch, name
):
    decoded = whitened(small_set, images, name)
    names = writable(forms.fitting(decoded, small_memory))
    assert names[-1] == "whitening"
    written = forms.write(decoded, small_memory, tmp_path, names)
    pixels = decoded.pixels()
    monkeypatch.setattr(zca, "_FITS", {})
    for form, path in written.items():
        if not isinstance(FORMS[form], forms.SetForm):
            continue
        read = forms.read(path)
        assert read.normalization == decoded.normalization
        if FORMS[form].lossy:
            continue
        np.testing.assert_allclose(read.pixels(), pixels, atol=1e-4)
        np.testing.assert_array_equal(
            read.normalization(images), decoded.normalization(images)
        )
    # A set that has read a matrix lends it to nobody.
    alone = from_config(decoded.normalization.get_config())
    assert not alone.is_fitted
    pictures = forms.read(written["images_png"])
    low, high = min(pixels.min(), 0), max(pixels.max(), 1)
    np.testing.assert_allclose(pictures.pixels(), pixels, 0, (high - low) / 500)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_plain_numpy(small_set, images, tmp_path, name):
    decoded = whitened(small_set, images, name)
    (folder,) = forms.write(decoded, None, tmp_path, ["whitening"]).values()
    center, matrix = (
        np.load(folder / f"{part}.npy") for part in ("center", "matrix")
    )
    assert center.dtype == matrix.dtype == np.float32
    rows = (images / 255).reshape(-1, 16)
    expected = decoded.normalization(images).reshape(-1, 16)
    np.testing.assert_allclose((rows - center) @ matrix, expected, atol=1e-5)
    np.testing.assert_allclose(
        expected @ np.linalg.inv(matrix) + center, rows, atol=1e-5
    )


def test_it_is_written_where_it_is_named(
    small_set, small_memory, images, tmp_path
):
    decoded = whitened(small_set, images)
    assert "whitening" not in forms.write(decoded, small_memory, tmp_path)
    assert "whitening" not in forms.fitting(small_set, small_memory)
    with pytest.raises(ValueError, match="Received: 'whitening'"):
        forms.write(small_set, small_memory, tmp_path, ["whitening"])


def test_pictures_alone_say_what_they_lack(
    small_set, images, tmp_path, monkeypatch
):
    decoded = whitened(small_set, images)
    names = ["images_float32", "images_png"]
    exact, pictures = forms.write(decoded, None, tmp_path, names).values()
    monkeypatch.setattr(zca, "_FITS", {})
    read = forms.read(exact)
    np.testing.assert_array_equal(read.images, decoded.images)
    with pytest.raises(UnfittedError, match="`whitening` beside the set"):
        forms.read(pictures)
    with pytest.raises(UnfittedError, match="`whitening` beside the set"):
        read.pixels()


def test_that_of_another_fit_is_not_taken(
    small_set, images, tmp_path, monkeypatch
):
    decoded = whitened(small_set, images)
    for other in (
        whitened(small_set, images, "zca_kip"),
        whitened(small_set, images[1:]),
    ):
        forms.write(other, None, tmp_path, ["whitening"])
        forms.write(decoded, None, tmp_path, ["images_float32"])
        monkeypatch.setattr(zca, "_FITS", {})
        read = forms.read(tmp_path / "images_float32")
        assert not read.normalization.is_fitted
        chosen = ["images_float32"]
        stays = exports.staying(decoded, tmp_path, chosen)
        assert stays.others == ("whitening",) and not stays.same
        assert exports.staying(other, tmp_path, chosen).same.keys() == {
            "whitening"
        }


def damaged(folder):
    path = folder / "matrix.npy"
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)


def sealed_again(folder, matrix):
    """What somebody else wrote who knows how to seal."""
    said = manifest.read(folder)
    (folder / manifest.NAME).unlink()
    arrays.write(folder / "matrix.npy", matrix)
    manifest.write(folder, "whitening", {}, normalization=said["normalization"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (damaged, "matrix.npy has SHA-256"),
        (lambda x: (x / "center.npy").unlink(), "center.npy is missing"),
        (lambda x: sealed_again(x, np.zeros((16, 16), "f4")), "an inverse"),
        (lambda x: sealed_again(x, np.ones((16, 16), "f4")), "an inverse"),
        (lambda x: sealed_again(x, np.eye(15, dtype="f4")), r"\[16, 16\]"),
        (
            lambda x: sealed_again(x, np.full((16, 16), np.nan, "f4")),
            "not all finite",
        ),
    ],
)
def test_one_that_is_no_matrix_of_it_is_refused(
    small_set, images, tmp_path, monkeypatch, change, message
):
    decoded = whitened(small_set, images)
    names = ["images_float32", "whitening"]
    forms.write(decoded, None, tmp_path, names)
    change(tmp_path / "whitening")
    monkeypatch.setattr(zca, "_FITS", {})
    with pytest.raises(ValueError, match=message):
        forms.read(tmp_path / "images_float32")


def test_a_set_is_one_of_the_images_that_it_holds(small_set, images):
    other = NORMALIZATIONS["zca"].fit(images.reshape(-1, 8, 2, 1))
    with pytest.raises(ValueError, match=r"whitens images \(8, 2, 1\)"):
        SyntheticSet(
            small_set.images,
            small_set.labels,
            small_set.class_names,
            other,
            "small",
            1,
        )
