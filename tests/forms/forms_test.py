"""The table of forms: every member keeps what it promises."""

import builtins
import dataclasses
import errno
import os

import numpy as np
import pytest

from fred_tf import forms
from fred_tf.coresets import random_set
from fred_tf.disk import files, leftovers
from fred_tf.forms import FORMS, SetForm, facts, manifest
from fred_tf.normalizations import Standardize
from fred_tf.parameterizations import Frequency, Pixel
from fred_tf.synthetic_set import SyntheticSet
from tests.packages import NEEDED, skip_without

SETS = {name: x for name, x in FORMS.items() if isinstance(x, SetForm)}


@pytest.fixture
def softly(small_set) -> SyntheticSet:
    soft = np.random.default_rng(0).dirichlet([1, 1], 4).astype(np.float32)
    return dataclasses.replace(small_set, soft_labels=soft)


@pytest.mark.parametrize("name", SETS)
def test_a_set_comes_back_with_its_soft_labels(
    softly, small_memory, assert_same, tmp_path, name
):
    """Those, and all but the images, bit for bit where it says so."""
    skip_without(name)
    (path,) = forms.write(softly, small_memory, tmp_path, [name]).values()
    assert path == tmp_path / FORMS[name].path
    FORMS[name].verify(path)
    read = forms.read(path)
    if FORMS[name].rounds_labels:
        close = np.abs(read.soft_labels - softly.soft_labels)
        assert 0 < close.max() < 0.01
        read = dataclasses.replace(read, soft_labels=softly.soft_labels)
    assert_same(read, softly, images=False)
    error = np.abs(read.images - softly.images).max()
    assert (error > 1e-5) == FORMS[name].lossy
    assert error < 0.5
    memory = forms.read_memory(path)
    assert (memory is None) == name.startswith("images")
    if memory is not None:
        np.testing.assert_array_equal(memory.masks, small_memory.masks)
        np.testing.assert_array_equal(memory.decode(), read.images)


@pytest.mark.parametrize("name", SETS)
def test_a_set_without_soft_labels_stays_without(
    small_set, small_memory, tmp_path, name
):
    skip_without(name)
    (path,) = forms.write(small_set, small_memory, tmp_path, [name]).values()
    assert forms.read(path).soft_labels is None


@pytest.mark.parametrize("name", ["coefficients_int4", "coefficients_coded"])
def test_joint_channels_keep_what_they_kept(name, small_set, tmp_path):
    settings = Frequency.Settings(coefficients_per_channel=1, channels="joint")
    memory = Frequency((4, 4, 3), 2, 2, settings)
    memory.table.assign([[0, 1, 40], [0, 17, 47]])
    memory.values.assign(np.arange(1.0, 13.0).reshape(4, 3, 1))
    own = Standardize((0.5,) * 3, (0.5,) * 3)
    decoded = dataclasses.replace(
        small_set, images=memory.decode().numpy(), normalization=own
    )
    path = FORMS[name].write(decoded, memory, tmp_path / name)
    read = forms.read_memory(path).masks
    np.testing.assert_array_equal(read, memory.masks)


@pytest.mark.parametrize("name", SETS)
def test_a_full_disk_is_one_error_of_every_form(
    name, small_set, small_memory, full_disk, tmp_path
):
    """Whichever library writes: TensorFlow, HDF5, Arrow, ArrayRecord."""
    skip_without(name)
    path = tmp_path / FORMS[name].path
    with pytest.raises(OSError) as raised, full_disk(10):
        FORMS[name].write(small_set, small_memory, path)
    assert (raised.value.errno, raised.value.filename) == (
        errno.EFBIG,
        str(path),
    )
    assert "what was there before is intact" in str(raised.value)
    assert not [x for x in tmp_path.rglob("*") if x.is_file()]


def test_names_are_those_of_the_members():
    assert [form.name for form in FORMS.values()] == list(FORMS)
    assert len({form.path for form in FORMS.values()}) == len(FORMS)
    assert all(form.loading for form in SETS.values())


def test_what_was_read_is_written_again(digits, tmp_path):
    """Without a memory there are images, and a picture of them."""
    real = random_set(digits, 2, seed=0)
    written = forms.write(real, None, tmp_path)
    assert list(written) == [
        "images_float32",
        "images_float16",
        "images_png",
        "images_npz",
        "gallery",
    ]
    again = forms.read(written["images_float32"])
    np.testing.assert_array_equal(again.images, real.images)
    with pytest.raises(ValueError, match="no memory and images .*'keras'"):
        forms.write(again, None, tmp_path, ["keras"])


def test_forms_that_do_not_fit_are_refused(small_set, small_memory, tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'images_float16'"):
        forms.chosen(["images_flot16"], small_set, small_memory)
    pixel = Pixel((4, 4, 1), 2, 2)
    assert "masks" not in forms.fitting(small_set, pixel)
    with pytest.raises(ValueError, match="'pixel'.*forms.*'coefficients_int8'"):
        forms.write(small_set, pixel, tmp_path, ["coefficients_int8"])
    with pytest.raises(ValueError, match=r"\(4\). Received: 5"):
        forms.write(small_set, small_memory, tmp_path, ["keras"], shards=5)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def without(monkeypatch):
    """Lets a package be missing: `without("pyarrow")`."""
    whole = builtins.__import__

    def without(package):
        def imported(name, *arguments, **others):
            if name.partition(".")[0] == package:
                raise ModuleNotFoundError(f"No module named {name!r}")
            return whole(name, *arguments, **others)

        monkeypatch.setattr(builtins, "__import__", imported)

    return without


@pytest.mark.parametrize(
    ("name", "instead", "is_read"),
    [
        ("images_array_record", "images_float32", True),
        ("images_parquet", "images_folder", False),
    ],
)
def test_without_its_package_a_form_says_what_to_install(
    name, instead, is_read, small_set, without, assert_same, tmp_path
):
    skip_without(name)
    form, package = FORMS[name], NEEDED[name]
    folder = form.write(small_set, None, tmp_path / "there")
    before = forms.read(folder)
    without(package)
    said = f"`{name}` needs.* install {package}`, or export `{instead}`"
    for place in (folder, tmp_path / form.path):
        with pytest.raises(ImportError, match=said):
            form.write(small_set, None, place)
    # Where no form is named, it is left out.
    assert name in forms.fitting(small_set, None)
    assert name not in forms.chosen(None, small_set, None)
    # What was there before is whole.
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    if is_read:
        assert_same(forms.read(folder), before)
    else:
        with pytest.raises(ImportError, match=said):
            forms.read(folder)


def test_what_is_no_export_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m export"):
        forms.read(tmp_path)
    with pytest.raises(FileNotFoundError, match="python -m export"):
        forms.read(tmp_path / "no.keras")
    manifest.write(tmp_path, "voxels", {})
    with pytest.raises(
        ValueError, match="images, images_npz, .*keras can be.*'voxels'"
    ):
        forms.read(tmp_path)


def test_what_killed_exports_left_is_removed(small_set, small_memory, tmp_path):
    """Of forms that are not written again, too; files of others stay."""
    left = f"{leftovers._host()}-{2**30}.partial"
    (tmp_path / "saved_model").mkdir()
    for name in (f".images_png.{left}", f"saved_model/.1.{left}"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
    (tmp_path / f".memory.keras.scratch.{left}").mkdir()
    (tmp_path / f".sizes.md.{left}").touch()
    mine = tmp_path / ".notes.partial"
    mine.touch()
    os.utime(mine, (0, 0))
    forms.write(small_set, small_memory, tmp_path, ["saved_model", "gallery"])
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.glob("*")}
    assert found == {"saved_model", "gallery.png", mine.name}
    assert [p.name for p in (tmp_path / "saved_model").iterdir()] == ["1"]


class Archive(SetForm):
    """The set as one NumPy file: a form of one's own."""

    name = kind = path = "archive"
    loading = "from fred_tf import forms\n\nsynthetic_set = forms.read(PATH)"
    soft_labels = False

    def write(self, decoded, memory, path):
        arrays = {"images": decoded.images, "labels": decoded.labels}
        with files.replacing_folder(path) as folder:
            np.savez(folder / "set.npz", **arrays)
            manifest.write(folder, self.kind, {}, facts=facts.of(decoded))
        return path

    def read(self, path):
        said = manifest.verify(path, self.kind)
        with np.load(path / "set.npz") as arrays:
            return facts.restored(
                said["facts"], arrays["images"], arrays["labels"]
            )


def test_a_new_form_is_one_line(
    small_set, softly, assert_same, damage, tmp_path, monkeypatch
):
    monkeypatch.setitem(FORMS, "archive", Archive())
    written = forms.write(small_set, None, tmp_path)
    assert_same(forms.read(written["archive"]), small_set)
    damage["flip"](written["archive"] / "set.npz")
    with pytest.raises(ValueError, match="set.npz has SHA-256"):
        forms.read(written["archive"])
    # What it would lose, it does not take.
    assert "archive" not in forms.fitting(softly, None)
    with pytest.raises(ValueError, match="no memory, soft labels and images"):
        forms.write(softly, None, tmp_path, ["archive"])
