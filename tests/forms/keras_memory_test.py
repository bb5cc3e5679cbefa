"""Memories through `.keras` files, in which code may lie."""

import io
import json
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

from fred_tf.disk import files, records
from fred_tf.forms.keras_memory import KerasMemory, read_memory


@pytest.fixture
def path(small_set, small_memory, tmp_path):
    return KerasMemory().write(
        small_set, small_memory, tmp_path / "memory.keras"
    )


def test_what_the_file_does_not_say_lies_beside_it(
    path, small_set, small_memory, assert_same
):
    beside = path.with_name("memory.json")
    facts = json.loads(beside.read_text())
    assert facts["format_version"] == 4
    assert list(facts["files"]) == ["memory.keras"]
    assert_same(KerasMemory().read(path), small_set)
    expected = small_memory.decode()
    np.testing.assert_array_equal(read_memory(path).decode(), expected)
    entry = {"memory.keras": {"sha256": 64 * "0"}}
    for changes, message in (
        ({"files": entry}, "memory.keras has SHA-256"),
        ({"files": {}}, "must describe memory.keras"),
        ({"format_version": 2}, "must be 4 .*Received: 2"),
        ({"kind": "images"}, "keras is wanted.*of images"),
        ({"details": None, "sha256": facts["sha256"]}, "as it was written"),
    ):
        edited = {**facts, **changes}
        if "sha256" not in changes:
            edited = records.seal(edited)
        beside.write_text(json.dumps(edited))
        for read in (read_memory, KerasMemory().read):
            with pytest.raises(ValueError, match=message) as raised:
                read(path)
            assert "memory.json" in str(raised.value)
    beside.unlink()
    np.testing.assert_array_equal(read_memory(path).decode(), expected)
    with pytest.raises(FileNotFoundError, match="memory.json does not exist"):
        KerasMemory().read(path)


def test_other_names_are_refused(small_set, small_memory, tmp_path):
    with pytest.raises(ValueError, match="ends in `.keras`"):
        KerasMemory().write(small_set, small_memory, tmp_path / "memory.h5")
    assert not list(tmp_path.iterdir())


def test_other_formats_of_keras_are_not_loaded(tmp_path, monkeypatch):
    """F44: Keras would run code in an .h5 file."""
    inputs = keras.Input((2,))
    path = tmp_path / "model.h5"
    keras.Model(inputs, keras.layers.Dense(1)(inputs)).save(path)
    monkeypatch.setattr(keras.saving, "load_model", None)
    for other in (path, tmp_path / "folder", tmp_path / "x.keras.zip"):
        with pytest.raises(ValueError, match="is a `.keras` file of") as raised:
            read_memory(other)
        assert str(other) in str(raised.value)


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path, parts, **how):
    """Writes an archive that nothing beside it describes."""
    with zipfile.ZipFile(path, "w", **how) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    path.with_name("memory.json").unlink(missing_ok=True)


def edit_layer(path, edit):
    """Changes what the config says of the memory."""
    parts = members(path)
    config = json.loads(parts["config.json"])
    edit(config["config"]["layers"][1])
    rewrite(path, {**parts, "config.json": json.dumps(config)})


@pytest.fixture
def no_keras(monkeypatch):
    """Keras does not see what is read."""
    monkeypatch.setattr(keras.saving, "load_model", None)
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", None)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("stranger", "Evil"),
        ("subprocess", "Popen"),
        ("keras.utils", "get_file"),
    ],
)
def test_foreign_classes_in_a_keras_file_are_not_made(
    path, tmp_path, monkeypatch, no_keras, module, name
):
    """F44: a config may name any module; none is imported for it."""
    source = 'import pathlib\npathlib.Path("ran").touch()\nclass Evil: pass\n'
    (tmp_path / "stranger.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    foreign = {
        "module": module,
        "class_name": name,
        "registered_name": None,
        "config": {"args": ["touch", "ran"], "fname": "ran", "origin": "f:x"},
    }
    edit_layer(path, lambda layer: layer.update(foreign))
    with pytest.raises(ValueError, match="`registered_name` must be one of"):
        read_memory(path)
    # Of a class of ours, what else it says does not count.
    ours = {"registered_name": "fred_tf>Frequency"}
    edit_layer(path, lambda layer: layer.update(foreign, **ours))
    with pytest.raises(ValueError, match="`image_shape` must be a list"):
        read_memory(path)
    assert not (tmp_path / "ran").exists()
    assert "stranger" not in sys.modules


# The memory has 4 images [4, 4, 1] of 2 classes from 3 coefficients.
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_shape": [20000, 20000, 1]}, "`image_shape` must be a shape"),
        ({"image_shape": [2**22, 1, 1]}, "sizes of at most 4096"),
        ({"image_shape": [1, 1, 1]}, "`coefficients_per_channel` must be bet"),
        ({"image_shape": [2, 2, 1]}, r"`table`.* \[0, 4\)\. Received: 0 to 4"),
        ({"image_shape": [4, 4, 3]}, r"weight of shape \[4, 3, 3\]"),
        ({"classes": 3}, r"needs a weight of shape \[6, 3, 1\]"),
        ({"classes": 10**9}, "`classes` must be an integer from 1"),
        ({"instances_per_class": 10**8}, "must decode to at most"),
        ({"instances_per_class": None}, "`instances_per_class` must be an in"),
        ({"settings": {}}, r"needs a weight of shape \[4, 64, 1\]|between"),
        ({"settings": {"coefficients_per_channel": 2}}, r"shape \[4, 2, 1\]"),
        ({"settings": {"bits": "8"}}, "`bits` must be of type int"),
        ({"settings": []}, "`settings` must be a JSON object"),
    ],
)
def test_sizes_that_weights_do_not_bear_out_are_refused(
    path, no_keras, changes, message
):
    edit_layer(path, lambda layer: layer["config"].update(changes))
    with pytest.raises(ValueError, match=message) as raised:
        read_memory(path)
    assert str(path) in str(raised.value)


def changed_weights(path, change):
    parts = members(path)
    stored = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(stored, "r+") as file:
        change(file["layers/frequency/vars"])
    rewrite(path, {**parts, "model.weights.h5": stored.getvalue()})


NOT_A_NUMBER = np.full((4, 3, 1), np.nan, np.float32)


def replace_first(**how):
    def change(group):
        del group["0"]
        group.create_dataset("0", **how)

    return change


def link_first(link):
    def change(group):
        del group["0"]
        group["0"] = link

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replace_first(shape=(2**40,), dtype="f4"), "must lie in"),
        (
            replace_first(shape=(2**20,), dtype="f4", compression="gzip"),
            "must lie in",
        ),
        (
            replace_first(
                shape=(4, 3, 1), dtype="f4", external=[("secret", 0, 48)]
            ),
            "must lie in",
        ),
        (replace_first(shape=(4, 3, 1), dtype="f8"), "must lie in"),
        (replace_first(data="text"), "must lie in"),
        (link_first(h5py.ExternalLink("secret", "/x")), "no link to it"),
        (link_first(h5py.SoftLink("/layers/frequency/vars/1")), "no link to i"),
        (lambda group: group.pop("1"), r"weight of shape \[2, 3\]"),
        (lambda group: group.create_dataset("2", data=[1, 2]), "must lie in"),
        (lambda group: group.create_group("2"), "as data sets"),
        (lambda group: group["0"].write_direct(NOT_A_NUMBER), ""),
        (lambda group: group["1"].write_direct(np.ones((2, 3), "i4")), "twice"),
    ],
)
def test_weights_are_read_where_they_lie(
    path, tmp_path, monkeypatch, no_keras, change, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_bytes(bytes(48))
    changed_weights(path, change)
    if not message:  # A set of these images is refused.
        assert np.isnan(read_memory(path).decode()).all()
        return
    with pytest.raises(ValueError, match=message):
        read_memory(path)


@pytest.mark.parametrize(
    ("edit", "how", "message"),
    [
        (lambda x: x, {"compression": zipfile.ZIP_DEFLATED}, "unpacked"),
        (lambda x: x.pop("config.json"), {}, "must hold config.json"),
        (lambda x: x.pop("model.weights.h5"), {}, "and model.weights.h5"),
        (lambda x: x.update({f"a{i}": b"" for i in range(9)}), {}, "must hold"),
        (lambda x: x.update({"config.json": b"[1"}), {}, "is not a JSON file"),
        (lambda x: x.update({"config.json": b"[" * 900}), {}, "not a JSON"),
        (
            lambda x: x.update(
                {"config.json": b'{"a": ' * 200 + b"1" + b"}" * 200}
            ),
            {},
            "nests more than 100 levels",
        ),
        (lambda x: x.update({"config.json": b"[]"}), {}, "`model` must be a J"),
        (lambda x: x.update({"model.weights.h5": b"x"}), {}, "cannot be read"),
    ],
)
def test_archives_are_as_keras_writes_them(path, no_keras, edit, how, message):
    parts = members(path)
    edit(parts)
    rewrite(path, parts, **how)
    with pytest.raises(ValueError, match=message) as raised:
        read_memory(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.slow)])
def test_no_flipped_byte_goes_unseen(
    path, small_set, flipped, assert_same, every
):
    """An error that names the file, or the very same set."""
    beside = path.with_name("memory.json")
    for file, step in ((beside, every), (path, every if every == 1 else 397)):
        for _ in flipped(file, step):
            try:
                same = KerasMemory().read(path)
            except ValueError as error:
                assert file.name in str(error)
                with pytest.raises(ValueError, match=file.name):
                    read_memory(path)
                continue
            assert_same(same, small_set)


def test_no_flipped_bit_of_a_lone_memory_ends_in_anything_else(
    path, flipped, small_memory, no_keras
):
    """With nothing beside it to compare it with, only its form is checked."""
    path.with_name("memory.json").unlink()
    for position in flipped(path, 41):
        try:
            read_memory(path)
        except ValueError as error:
            assert str(path) in str(error), position
    np.testing.assert_array_equal(
        read_memory(path).decode(), small_memory.decode()
    )


def test_keras_files_of_others_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m export"):
        read_memory(tmp_path / "nowhere.keras")
    inputs = keras.Input((2,))
    outputs = keras.layers.Lambda(lambda x: x + 1)(inputs)
    path = tmp_path / "model.keras"
    for model, message in (
        (
            keras.Sequential([inputs, *map(keras.layers.Dense, (2, 1))]),
            "an input and a m",
        ),
        (keras.Model(inputs, outputs), "`registered_name` must be one of"),
    ):
        model.save(path)
        with pytest.raises(ValueError, match=message):
            read_memory(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="BadZipFile"):
        read_memory(path)


def test_keras_itself_loads_it(path, small_memory):
    model = keras.saving.load_model(path)
    np.testing.assert_array_equal(
        model(np.arange(4)), small_memory.decode().numpy()
    )


def test_only_an_export_is_replaced(small_set, small_memory, tmp_path):
    """`package.keras` writes `package.json`, and that may be of others."""
    path = tmp_path / "package.keras"
    for mine in (path.with_suffix(".json"), path):
        mine.write_text('{"name": "mine"}')
        with pytest.raises(FileExistsError, match="replaces only an earlier"):
            KerasMemory().write(small_set, small_memory, path)
        assert mine.read_text() == '{"name": "mine"}'
        mine.unlink()
    for _ in range(2):
        KerasMemory().write(small_set, small_memory, path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_kill_between_its_two_files_is_made_up_for(
    path, small_set, small_memory, assert_same, monkeypatch
):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(files, "write_json", killed)
        KerasMemory().write(small_set, small_memory, path)
    assert_same(KerasMemory().read(path), small_set)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="python -m export"):
        KerasMemory().read(path)
    KerasMemory().write(small_set, small_memory, path)
    assert_same(KerasMemory().read(path), small_set)
