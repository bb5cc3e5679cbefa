"""Pictures that lie beside a run or an export are not believed to be any."""

import shutil

import pytest

from fred_tf.disk import files
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms import write
from trainers.report import __main__ as report
from trainers.report import content, finished, markup

# A file of the machine that a page must not carry elsewhere.
SECRET = b"a secret"


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_bytes(SECRET)
    return path


@pytest.mark.parametrize("name", ["gallery.png", "masks.png"])
def test_pictures_of_an_export_are_its_own(name, run, secret, tmp_path):
    folder = tmp_path / "export"
    names = ["images_npz", name.removesuffix(".png")]
    write(run.synthetic_set(), run.parameterization, folder, names)
    picture = folder / name
    assert len(finished.read(folder).pictures) == 1
    for change, message in (
        (lambda: picture.symlink_to(secret), "plain file"),
        (lambda: shutil.copy(secret, picture), "must be a picture in PNG"),
    ):
        picture.unlink()
        change()
        page = tmp_path / "gallery.html"
        with pytest.raises(ValueError, match=f"{name} .*{message}"):
            report.run_gallery(page, [folder])
        assert not page.exists()


@pytest.mark.parametrize("name", ["figures/zz.png", "export/sizes.md"])
def test_what_lies_in_a_run_is_its_own(name, run, secret, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run.folder.path, folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(secret)
    with pytest.raises(ValueError, match=f"{name} must be a plain file"):
        report.run(folder)


def test_a_long_table_of_sizes_is_not_read(run, tmp_path, monkeypatch):
    monkeypatch.setattr(content, "_MOST_SIZES", 10)
    shutil.copytree(run.folder.path, tmp_path / "run")
    with pytest.raises(ValueError, match="at most 10 bytes"):
        content._sizes(DistilledRun.restore(tmp_path / "run"))


def test_a_picture_that_is_cut_short_has_no_width(run, tmp_path):
    files.make_folder(tmp_path)
    write(run.synthetic_set(), run.parameterization, tmp_path, ["masks"])
    whole = (tmp_path / "masks.png").read_bytes()
    assert "width=" in markup.picture(whole, "masks")
    for length in (8, 20, 33, whole.find(b"pHYs") + 6):
        assert "width=" not in markup.picture(whole[:length], "masks")
    marked = whole[:8] + b"pHYs" + bytes(4)
    assert "width=" not in markup.picture(marked, "masks")
