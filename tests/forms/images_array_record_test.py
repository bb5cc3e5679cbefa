"""ArrayRecord: what TFDS and Grain read of it, and what is refused."""

import dataclasses
import json
import shutil
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from fred_tf import forms
from fred_tf.disk import array_records
from fred_tf.forms import manifest
from fred_tf.forms.images import Images
from fred_tf.forms.images_array_record import ImagesArrayRecord
from fred_tf.forms.manifest import is_of_records
from fred_tf.normalizations import Standardize
from fred_tf.synthetic_set import SyntheticSet
from tests.faults.folders import edit, reseal
from tests.packages import skip_without

FORM = ImagesArrayRecord()
skip_without(FORM.name)


@pytest.fixture(scope="module")
def softly() -> SyntheticSet:
    """Five images of three classes, with values that are easily lost."""
    generator = np.random.default_rng(0)
    images = generator.normal(size=(5, 4, 6, 3)).astype(np.float32)
    images[0, 0, :2] = [[-0.0, 1e-45, 3e38], [-1 / 3, np.pi, -1e-40]]
    return SyntheticSet(
        images,
        np.array([0, 2, 1, 1, 0]),
        ("T-shirt/top", "né", "$x_2$"),
        Standardize((0.1,) * 3, (1 / 3,) * 3),
        "3D-digits",
        360,
        0.1 + 0.2,
        {"objective": "trajectory_matching", "steps": [1, 2.5, None]},
        generator.dirichlet([1, 1, 1], 5).astype(np.float32),
    )


@pytest.fixture(scope="module")
def written(softly, tmp_path_factory):
    # Names that trip careless path handling.
    parent = tmp_path_factory.mktemp("two words ü")
    return FORM.write(softly, None, parent / "set", 2)


@pytest.fixture
def folder(written, tmp_path):
    """A copy to damage, and a proof that exports can be moved."""
    return shutil.copytree(written, tmp_path / "moved")


def shards_of(folder):
    return sorted(x for x in folder.iterdir() if is_of_records(x.name))


def source_of(folder):
    return tfds.builder_from_directory(str(folder)).as_data_source("train")


def test_tfds_gives_what_it_gives_of_float32(softly, folder, tmp_path, bits):
    path = Images().write(softly, None, tmp_path / "float32")
    builder = tfds.builder_from_directory(str(path))
    expected = tfds.as_numpy(builder.as_dataset(split="train", batch_size=-1))
    del expected["picture"]
    source = source_of(folder)
    assert len(source) == 5
    for number in (4, 0, 3, 1, 2):
        assert source[number].keys() == expected.keys()
        for name, all_of_it in expected.items():
            found = np.asarray(source[number][name])
            assert found.dtype == all_of_it.dtype
            np.testing.assert_array_equal(
                bits(found), bits(all_of_it[number]), name
            )
    np.testing.assert_array_equal(bits(expected["image"]), bits(softly.images))


def test_tfds_is_told_what_it_is_told_of_float32(softly, folder, tmp_path):
    path = Images().write(softly, None, tmp_path / "float32")
    info, other = (
        tfds.builder_from_directory(str(place)).info for place in (folder, path)
    )
    assert info.file_format.value == "array_record"
    assert info.splits["train"].shard_lengths == [3, 2]
    for name in ("metadata", "description", "supervised_keys", "citation"):
        assert getattr(info, name) == getattr(other, name)
    assert info.features["label"].names == list(softly.class_names)
    names = [path.name for path in shards_of(folder)]
    first = "fred_3d_digits-train.array_record-00000-of-00002"
    assert names == [first, first.replace("00000", "00001")]


def test_tfds_data_source_finds_it_by_name(written, tmp_path, softly):
    shutil.copytree(written, tmp_path / "fred_3d_digits" / "1.0.0")
    source = tfds.data_source(
        "fred_3d_digits", data_dir=tmp_path, split="train[:60%]"
    )
    assert [x["label"] for x in source] == softly.labels[:3].tolist()


def test_grain_shuffles_and_batches_it(folder, softly):
    grain = pytest.importorskip("grain", reason="needs `pip install grain`")
    dataset = grain.MapDataset.source(source_of(folder)).shuffle(seed=0)
    (batch,) = dataset.batch(5)
    assert batch["image"].shape == softly.images.shape
    assert sorted(batch["label"]) == sorted(softly.labels)


def test_the_code_that_it_is_told_with_runs(softly, folder):
    names: dict = {}
    exec(FORM.code(softly, str(folder)), names)
    assert len(names["source"]) == len(names["synthetic_set"].images) == 5


@pytest.mark.parametrize("shards", [1, 5])
def test_it_is_read_back_exactly(softly, tmp_path, assert_same, shards):
    path = FORM.write(softly, None, tmp_path / "set", shards)
    assert len(shards_of(path)) == shards
    assert_same(forms.read(path), softly)


def test_volumes_without_more_are_read_back(softly, tmp_path, assert_same):
    volumes = dataclasses.replace(
        softly,
        images=softly.images.reshape(5, 4, 2, 3, 3),
        student_learning_rate=None,
        details={},
        soft_labels=None,
    )
    path = FORM.write(volumes, None, tmp_path / "set")
    assert_same(forms.read(path), volumes)
    assert source_of(path)[4].keys() == {"image", "label"}


def test_equal_sets_give_equal_files(softly, written, tmp_path):
    again = FORM.write(softly, None, tmp_path / "again", 2)
    for path in written.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


# --- What is damaged, or made by others ---------------------------------------


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("cut in record", "has SHA-256 [0-9a-f]*, not [0-9a-f]*[.] Restore"),
        ("flip 100", "has SHA-256"),
        ("empty", "has SHA-256"),
        ("delete", "is missing"),
        ("link", "' is not a plain file"),
    ],
)
def test_a_damaged_shard_is_named(folder, damage, kind, message):
    damage[kind](shards_of(folder)[1])
    with pytest.raises(ValueError, match=f"00001-of-00002 ?{message}"):
        forms.read(folder)


def test_a_shard_too_many_is_named(folder):
    shard = shards_of(folder)[1]
    shutil.copy(shard, f"{shard}-copy")
    with pytest.raises(ValueError, match="002-copy is not in the manifest"):
        forms.read(folder)


def test_no_flipped_byte_goes_unseen(folder, softly, flipped, assert_same):
    for path in sorted(folder.iterdir()):
        for _ in flipped(path, 30_011 if is_of_records(path.name) else 401):
            with pytest.raises(ValueError, match=path.name):
                forms.read(folder)
    assert_same(forms.read(folder), softly)


def test_no_class_that_features_name_is_imported(folder, tmp_path, monkeypatch):
    """TFDS imports it; `python -m` has the working folder on its path."""
    source = 'import pathlib\npathlib.Path("ran").touch()\nclass Evil: pass\n'
    (tmp_path / "visitor.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("visitor", None)
    edit(
        folder / "features.json",
        lambda said: said.update(pythonClassName="visitor.Evil"),
    )
    reseal(folder)
    with pytest.raises(ValueError, match="features.json must describe"):
        forms.read(folder)
    assert not (tmp_path / "ran").exists()


def _rewritten(change, options=array_records.OPTIONS):
    """Writes the records of each file anew."""

    def edited(folder):
        from array_record.python import array_record_module

        for path in shards_of(folder):
            stored = array_records.records(path, 2**20)
            writer = array_record_module.ArrayRecordWriter(str(path), options)
            for record in change(stored):
                writer.write(record)
            writer.close()

    return edited


def _told(**changes):
    return lambda folder: edit(
        folder / "metadata.json", lambda said: said["numbers"].update(changes)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_rewritten(lambda x: x, "group_size:1"), "record 0, .*it is packed"),
        (_rewritten(lambda x: x[1:]), "3 records are of 5 images"),
        (_rewritten(lambda x: x + [b""] * 99), "203 records are of 5"),
        (_rewritten(lambda x: [b""] * len(x)), "InvalidArgumentError"),
        (_rewritten(lambda x: [b"\xff\xff"] * len(x)), "UnicodeDecodeError"),
        (_told(images=6), "5 records are of 6 images"),
        (_told(images=10**8), "must decode to at most"),
    ],
)
def test_folders_of_others_are_data(folder, change, message):
    change(folder)
    reseal(folder)
    with pytest.raises(ValueError, match=message) as raised:
        forms.read(folder)
    assert str(folder) in str(raised.value)


def test_an_export_of_another_kind_is_not_replaced(softly, folder, tmp_path):
    path = Images().write(softly, None, tmp_path / "float32")
    with pytest.raises(FileExistsError, match="no export of images_array_rec"):
        FORM.write(softly, None, path)
    with pytest.raises(FileExistsError, match="is no export of images[.] "):
        Images().write(softly, None, folder)
    said = json.loads((folder / manifest.NAME).read_text())["files"]
    assert [said[x.name]["records"] for x in shards_of(folder)] == [3, 2]
