"""What a set is exported as, however it is asked for."""

import numpy as np
import pytest

import fred_tf
from fred_tf import forms, presets
from fred_tf.config import override

TWO = ["images_npz", "images_folder"]


@pytest.fixture(scope="module")
def shipped():
    return fred_tf.load_distilled("digits_ipc1")


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        ("images_npz", ["images.npz"]),
        (iter(TWO), ["images.npz", "images_folder"]),
        ((name for name in TWO), ["images.npz", "images_folder"]),
        (dict.fromkeys(TWO), ["images.npz", "images_folder"]),
        (np.array(TWO), ["images.npz", "images_folder"]),
    ],
)
def test_names_are_a_text_or_any_of_them(names, paths, shipped, tmp_path):
    """A generator had been used up before all forms were written."""
    written = shipped.export(tmp_path, names)
    assert [path.name for path in written] == paths
    there = {path.name for path in tmp_path.iterdir()}
    assert there == {*paths, "README.md"}


def test_names_within_a_budget_are_read_once(shipped, tmp_path):
    names = (name for name in TWO)
    (path,) = shipped.export(tmp_path, names, budget_bytes=np.int64(50_000))
    assert path.name in ("images.npz", "images_folder")
    with pytest.raises(TypeError, match="`budget_bytes` must be a whole"):
        shipped.export(tmp_path, budget_bytes=9000.5)


def test_options_may_be_numpys(shipped, tmp_path):
    name = "images_float32"
    (path,) = shipped.export(tmp_path, name, shards=np.int64(2))
    assert len(list(path.glob("*.tfrecord-*"))) == 2
    path = shipped.save(tmp_path / "a", name, shards=np.int32(3))
    assert len(list(path.glob("*.tfrecord-*"))) == 3
    form = forms.FORMS["coefficients_coded"]
    given = form.taken({"step": np.float32(4), "budget_bytes": None})
    assert given == {"step": 4.0} and type(given["step"]) is float
    with pytest.raises(TypeError, match="`shards` must be a whole number"):
        shipped.save(tmp_path / "a", name, shards=2.0)


def test_overrides_are_a_text_or_any_of_them(digits):
    config = presets.preset("digits_ipc1_dm_tiny")
    name = "parameterization.name=frequency"
    one, other = (
        presets.within_bytes(config, np.int64(3000), given)
        for given in (name, (text for text in [name]))
    )
    assert one == other and one.parameterization.budget_bytes == 3000
    for odd in (5, [5]):
        with pytest.raises((TypeError, ValueError), match="name=value.*: .?5"):
            override(config, odd)


@pytest.mark.parametrize("given", ["data", "pair", "nothing"])
def test_a_set_is_read_from_a_path_alone(given, digits):
    odd = {"data": digits, "pair": (np.zeros(1000), np.zeros(1000))}.get(given)
    for read in (
        fred_tf.DistilledSet.load,
        lambda odd: fred_tf.evaluate(odd, digits),
    ):
        with pytest.raises(TypeError, match="its export.*foreign_set") as told:
            read(odd)
        assert len(str(told.value)) < 250


def test_a_folder_may_be_called_as_files_are(shipped, tmp_path):
    for suffix in (".npz", ".keras", ".pt"):
        path = shipped.save(tmp_path / f"x{suffix}")
        read = fred_tf.DistilledSet.load(path)
        np.testing.assert_array_equal(read.images, shipped.images)
