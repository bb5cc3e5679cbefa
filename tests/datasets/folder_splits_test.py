"""Which folders of images are read, and what is said of the others."""

import errno
import os

import pytest

from fred_tf import datasets
from fred_tf.datasets import image_folder
from fred_tf.datasets.preparation import Preparation
from tests.datasets import photos


def _locked(monkeypatch, name):
    """Lets nobody list folders of a name, not even root."""
    scandir = os.scandir

    def refusing(path="."):
        if os.path.basename(path) == name:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)


@pytest.mark.parametrize("split", ["", "train", "test"])
@pytest.mark.parametrize("name", ["dog", "more"])
def test_a_folder_that_cannot_be_listed_is_refused(
    tmp_path, monkeypatch, split, name
):
    """Its images would be missing from the set without a word."""
    for part in {split, split and "train"}:
        photos.take(tmp_path / part, 2)
    _locked(monkeypatch, name)
    with pytest.raises(PermissionError, match=f"readable.*/{name}, Permiss"):
        image_folder.read(tmp_path)


def test_hidden_folders_may_be_anybodys(tmp_path, monkeypatch, caplog):
    photos.take(tmp_path, 2)
    for folder in (tmp_path, tmp_path / "dog"):
        (folder / ".trash").mkdir()
    _locked(monkeypatch, ".trash")
    assert len(image_folder.read(tmp_path).train.labels) == 6
    assert not caplog.text


@pytest.mark.parametrize("holdout", [0.0, 0.5])
@pytest.mark.parametrize("other", ["", "val"])
def test_a_test_split_without_classes_has_no_labels(
    tmp_path, caplog, other, holdout
):
    """As competitions hand it out, what stands for a missing one does here."""
    photos.take(tmp_path / "train", 10)
    photos.take(tmp_path / "elsewhere", 2)
    (tmp_path / "test").mkdir()
    (tmp_path / "elsewhere/dog/1.PNG").rename(tmp_path / "test" / "1.png")
    if other:
        photos.take(tmp_path / other, 2)
    data = datasets.load(
        f"folder:{tmp_path}",
        holdout=holdout,
        preparation=Preparation(image_size=8),
    )
    told = "held-out" if holdout else other or "held-back fifth"
    assert told in data.tested_on
    assert len(data.train) == (15 if holdout else 30 if other else 24)
    assert "2 folders and pictures" in caplog.text
    assert "'elsewhere', 'test'. Images to test on lie in" in caplog.text


def test_a_test_split_of_empty_classes_says_what_to_do(tmp_path):
    photos.take(tmp_path / "train", 2)
    (tmp_path / "test" / "dog").mkdir(parents=True)
    with pytest.raises(ValueError, match="test must hold.*remove the folder"):
        image_folder.read(tmp_path)
