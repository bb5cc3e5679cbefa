"""One process at a time exports to a folder."""

import pytest

from export import exporting, measuring
from fred_tf.distilled_set import DistilledSet
from fred_tf.forms import staging

BUSY = "is in use by process .* choose another folder"


def test_a_second_export_is_refused_until_the_first_ends(
    run, digits, tmp_path, monkeypatch
):
    """Also while forms are measured, when all of them lie there already."""
    other, refused = DistilledSet.of_run(run), []

    def measured(*_):
        with pytest.raises(RuntimeError, match=BUSY):
            exporting.run(run, tmp_path, ["images_png"])
        with pytest.raises(RuntimeError, match=BUSY):
            other.export(tmp_path, ["images_png"])
        refused.append(not (tmp_path / "images_png").exists())
        return {}

    monkeypatch.setattr(measuring, "accuracies", measured)
    exporting.run(run, tmp_path, ["images_npz"], digits)
    assert refused == [True]
    other.export(tmp_path, ["images_png"])
    assert {path.name for path in tmp_path.iterdir()} == {
        "README.md",
        "images.npz",
        "images_png",
    }


def test_a_form_is_saved_by_one_at_a_time(run, tmp_path):
    distilled, path = DistilledSet.of_run(run), tmp_path / "new" / "set.npz"
    with staging.alone(path):
        with pytest.raises(RuntimeError, match=BUSY):
            distilled.save(path, "images_npz")
        assert not path.exists()
    assert not path.parent.exists()
    distilled.save(path, "images_npz")
    assert list(path.parent.iterdir()) == [path]
