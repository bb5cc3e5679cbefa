"""What is damaged or odd is named; what was there before stays."""

import dataclasses
import json
import shutil

import pytest
import tensorflow_datasets as tfds

from fred_tf.disk import records
from fred_tf.forms import manifest
from fred_tf.forms.coefficients import Coefficients
from fred_tf.forms.images import Images
from fred_tf.forms.saved_model import SavedModel

read = Images().read
SHA = {"sha256": 64 * "0"}


# 20 images in 3 shards: 7, 7 and 6.
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("cut at record", "has .* 6 whole records of 7"),
        ("cut in record", "has .* record 6 of 7, .* is damaged"),
        ("flip", "has .* record 3 of 7, .* is damaged"),
        ("empty", "has .* 0 whole .* of 7"),
        ("delete", "is missing"),
        ("link", "' is not a plain file"),
    ],
)
def test_damaged_shard_is_named(folder, shards_of, damage, kind, message):
    damage[kind](shards_of(folder)[1])
    with pytest.raises(
        ValueError, match=f"00001-of-00003 ?{message}"
    ) as raised:
        read(folder)
    assert str(folder) in str(raised.value)
    assert "python -m export" in str(raised.value)


def test_a_shard_too_many_is_named(folder, shards_of):
    shard = shards_of(folder)[1]
    shutil.copy(shard, f"{shard}-copy")
    with pytest.raises(ValueError, match="003-copy is not in the manifest"):
        read(folder)


def test_swapped_shards_are_named(folder, shards_of):
    first, second, _ = shards_of(folder)
    first_bytes, second_bytes = first.read_bytes(), second.read_bytes()
    first.write_bytes(second_bytes)
    second.write_bytes(first_bytes)
    with pytest.raises(ValueError) as raised:
        Images().verify(folder)
    assert f"is a copy of {first.name}" in str(raised.value)
    assert f"is a copy of {second.name}" in str(raised.value)


@pytest.mark.parametrize(
    "name",
    ["features.json", "dataset_info.json", "metadata.json", "label.labels.txt"],
)
def test_damaged_metadata_is_named(folder, damage, name):
    damage["flip"](folder / name)
    with pytest.raises(ValueError, match=f"{name} has SHA-256"):
        read(folder)


def test_no_flipped_byte_of_a_manifest_or_shard_goes_unseen(
    synthetic_set, shards_of, assert_same, flipped, tmp_path
):
    """F17: an error that names the file, or the very same set."""
    small = dataclasses.replace(
        synthetic_set,
        images=synthetic_set.images[:1, :2, :2],
        labels=synthetic_set.labels[:1],
    )
    folder = Images().write(small, None, tmp_path / "set")
    for path in [folder / manifest.NAME, *shards_of(folder)]:
        for _ in flipped(path):
            try:
                same = read(folder)
            except ValueError as error:
                assert path.name in str(error)
                continue
            assert_same(same, small)
    assert_same(read(folder), small)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: m.update(format_version=2), r"must be 4 .*Received: 2\."),
        (lambda m: m.pop("format_version"), r"must be 4 .*Received: absent"),
        (
            lambda m: m.update(kind="coefficients"),
            r"export of images is wanted\. Received: .* of coefficients",
        ),
        (lambda m: m.update(files=["a"]), r"`files` must be .*\['a'\]"),
        (lambda m: m["files"].update({"a": {}}), "`sha256` must be a text"),
        (lambda m: m["files"].update({"a": {"sha256": []}}), "`sha256` must"),
        (lambda m: m["files"].update({"a": {"sha256": "0"}}), "has no SHA-256"),
        (lambda m: m["files"]["LICENSE"].update(records=-1), "`records` must"),
        (lambda m: m["files"].update({"../a": SHA}), r"'\.\./a' is not a pl"),
        (
            lambda m: m["files"].update({"/etc/hosts": SHA}),
            r"hosts' is not a p",
        ),
        (lambda m: m["files"].update({"": SHA}), r"'' is not a plain"),
        (lambda m: m["files"].update({"a\\b": SHA}), r"b' is not a plain"),
        (
            lambda m: m["files"].update({f"{i:02}": SHA for i in range(12)}),
            r"09 is missing; 2 more\. Restore",
        ),
        (lambda m: m.update(kind=["images"]), r"`kind` must be .*\['images'\]"),
    ],
)
def test_odd_manifests_are_refused(folder, edit, message):
    path = folder / manifest.NAME
    values = json.loads(path.read_text())
    edit(values)
    path.write_text(json.dumps(records.seal(values)))
    with pytest.raises(ValueError, match=message):
        read(folder)


def test_an_edited_manifest_is_refused_and_a_reformatted_one_is_not(
    synthetic_set, folder, assert_same
):
    path = folder / manifest.NAME
    values = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(values.items()))))
    assert_same(read(folder), synthetic_set)
    path.write_text(json.dumps({**values, "comment": "mine"}))
    with pytest.raises(ValueError, match="as it was written.*that states"):
        read(folder)
    path.write_text(json.dumps({**values, "sha256": None}))
    with pytest.raises(ValueError, match="that states None"):
        read(folder)


def test_manifest_that_is_no_object_is_refused(folder):
    (folder / manifest.NAME).write_text("[1]")
    with pytest.raises(ValueError, match="must hold a JSON object"):
        read(folder)


def test_missing_export_says_how_to_write_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m export"):
        read(tmp_path / "nowhere")


def test_failure_midway_leaves_the_old_export(
    synthetic_set, folder, monkeypatch
):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def full_disk(**_):
        raise OSError("No space left on device")

    monkeypatch.setattr(tfds.folder_dataset, "write_metadata", full_disk)
    with pytest.raises(OSError, match="No space left"):
        Images().write(synthetic_set, None, folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert list(folder.parent.iterdir()) == [folder]


def test_an_earlier_export_is_replaced_as_a_whole(
    synthetic_set, folder, assert_same, shards_of
):
    Images().write(synthetic_set, None, folder, 2)
    assert len(shards_of(folder)) == 2
    assert_same(read(folder), synthetic_set)


def test_files_of_others_in_an_export_are_not_deleted(
    synthetic_set, folder, damage, tmp_path
):
    """Whatever its manifest does not name stays, and so does the export."""
    (tmp_path / "elsewhere").mkdir()
    odd = {
        "notes.txt": lambda path: path.write_text("years of work"),
        "more": lambda path: path.symlink_to(tmp_path / "elsewhere"),
        "kept/notes.txt": lambda path: (
            path.parent.mkdir() or path.write_text("years of work")
        ),
        'a"files"': lambda path: path.touch(),
    }
    for name, make in odd.items():
        make(folder / name)
        with pytest.raises(FileExistsError, match="does not name") as raised:
            Images().write(synthetic_set, None, folder)
        assert name in str(raised.value)
        (folder / name).unlink()
    # The manifest may be damaged: writing again is what the message asks for.
    path = folder / manifest.NAME
    path.write_text(path.read_text() + "}")
    Images().write(synthetic_set, None, folder)
    assert len(read(folder).images) == 20


def test_links_are_not_followed(synthetic_set, folder, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder)
    before = sorted(folder.iterdir())
    with pytest.raises(FileExistsError, match="link is a symbolic link"):
        Images().write(synthetic_set, None, link)
    assert link.is_symlink() and sorted(folder.iterdir()) == before


def test_an_export_of_another_kind_is_not_replaced(
    synthetic_set, small_set, small_memory, folder, tmp_path
):
    coefficients, model = Coefficients(), SavedModel()
    with pytest.raises(FileExistsError, match="is no export of coefficients"):
        coefficients.write(small_set, small_memory, folder)
    path = coefficients.write(small_set, small_memory, tmp_path / "set")
    with pytest.raises(FileExistsError, match="no assets.extra/manifest.json"):
        model.write(small_set, small_memory, path)
    with pytest.raises(FileExistsError, match="is no export of images"):
        Images().write(synthetic_set, None, path)


def test_a_foreign_folder_is_not_replaced(synthetic_set, tmp_path):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    for target in (tmp_path, thesis):
        with pytest.raises(FileExistsError, match="holds no manifest.json"):
            Images().write(synthetic_set, None, target)
    assert thesis.read_text() == "years of work"
