"""Which folders of images are read, and what is said of the others."""

import errno
import os

import pytest

from fred_tf.datasets import image_folder
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
