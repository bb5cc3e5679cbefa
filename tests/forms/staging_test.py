"""What is refused leaves an export as it was."""

import sys

import pytest

from fred_tf import forms
from fred_tf.distilled_set import DistilledSet
from fred_tf.forms.images_npz import ImagesNpz

TOLD = ["images_npz", "coefficients_coded"]


def state(folder):
    """Returns every file of a folder: what it holds, and when it was made."""
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def there(small_set, small_memory, tmp_path):
    """A folder of an export, with what tells of it."""
    folder = tmp_path / "export"
    written = forms.write(small_set, small_memory, folder, TOLD)
    forms.describe(small_set, folder, written)
    return folder


@pytest.mark.parametrize(
    ("names", "options", "error", "message"),
    [
        (TOLD, {"step": float("nan")}, ValueError, "`step` must be at least"),
        (TOLD, {"step": 1e-20}, ValueError, "`step` must be at least"),
        (TOLD, {"step": "4"}, TypeError, "`step` must be a number"),
        (TOLD, {"budget_bytes": 10}, forms.OverBudgetError, "in the coarsest"),
        (["images_float32"], {"shards": 2.0}, TypeError, "a whole number"),
        (["images_float32"], {"shards": "2"}, TypeError, "a whole number"),
        (["images_float32"], {"shards": True}, TypeError, "a whole number"),
    ],
)
def test_what_one_form_refuses_leaves_all_as_they_were(
    there, small_set, small_memory, names, options, error, message
):
    before = state(there)
    with pytest.raises(error, match=message):
        forms.write(small_set, small_memory, there, names, **options)
    assert state(there) == before
    assert {path.name for path in there.iterdir()} == {
        "README.md",
        "coefficients_coded",
        "images.npz",
    }


@pytest.mark.parametrize(
    ("form", "package"),
    [
        ("images_parquet", "pyarrow"),
        ("images_array_record", "array_record.python"),
    ],
)
def test_a_missing_package_leaves_all_as_they_were(
    there, small_set, small_memory, monkeypatch, form, package
):
    before = state(there)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"`{form}` needs the package"):
        forms.write(small_set, small_memory, there, ["images_npz", form])
    with pytest.raises(ImportError, match=f"`{form}` needs the package"):
        DistilledSet(small_set).save(there / form, form)
    assert state(there) == before


def test_nothing_is_made_for_what_is_refused(small_set, small_memory, tmp_path):
    folder = tmp_path / "a" / "b"
    with pytest.raises(ValueError, match="`step` must be at least"):
        forms.write(small_set, small_memory, folder, TOLD, step=float("nan"))
    assert not list(tmp_path.iterdir())


def test_errors_name_the_file_that_was_to_be(
    small_set, small_memory, there, full_disk
):
    before = state(there)
    with full_disk(500), pytest.raises(OSError, match="is intact") as caught:
        forms.write(small_set, small_memory, there, ["images_npz"])
    assert caught.value.filename == str(there / "images.npz")
    assert str(there / "images.npz") in str(caught.value)
    assert state(there) == before


def test_a_save_that_is_refused_leaves_what_told_of_the_folder(
    there, small_set, monkeypatch
):
    """README.md was gone by then, beside a form that it still described."""

    def refuses(*_, **__):
        raise ValueError("no")

    before = state(there)
    monkeypatch.setattr(ImagesNpz, "write", refuses)
    with pytest.raises(ValueError, match="^no$"):
        DistilledSet(small_set).save(there / "images.npz", "images_npz")
    assert state(there) == before
