"""Memories through `.keras` files, in which code may lie."""

import json
import sys
import zipfile

import keras
import numpy as np
import pytest

from fred_tf.disk import records
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
    entry = {"memory.keras": {"sha256": "of another"}}
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


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("stranger", "Evil"),
        ("subprocess", "Popen"),
        ("keras.utils", "get_file"),
    ],
)
def test_foreign_classes_in_a_keras_file_are_not_made(
    path, tmp_path, monkeypatch, module, name
):
    """F44: a config may name any module; none is imported for it."""
    source = 'import pathlib\npathlib.Path("ran").touch()\nclass Evil: pass\n'
    (tmp_path / "stranger.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(path) as archive:
        parts = {x: archive.read(x) for x in archive.namelist()}
    config = json.loads(parts["config.json"])
    (layer,) = [
        x for x in config["config"]["layers"] if x["class_name"] == "Frequency"
    ]
    layer.update(
        module=module,
        class_name=name,
        registered_name=None,
        config={"args": ["touch", "ran"], "fname": "ran", "origin": "file:ran"},
    )
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in parts.items():
            archive.writestr(entry, content)
    (tmp_path / "memory.json").unlink()
    with pytest.raises(ValueError, match="memory.keras, which Keras does not"):
        read_memory(path)
    assert not (tmp_path / "ran").exists()
    assert "stranger" not in sys.modules


def test_keras_files_of_others_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m export"):
        read_memory(tmp_path / "nowhere.keras")
    inputs = keras.Input((2,))
    path = tmp_path / "dense.keras"
    keras.Model(inputs, keras.layers.Dense(1)(inputs)).save(path)
    with pytest.raises(ValueError, match="with layers .*dense"):
        read_memory(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="Keras does not load"):
        read_memory(path)


def test_code_in_a_keras_file_is_not_run(tmp_path):
    """F44."""
    inputs = keras.Input((2,))
    outputs = keras.layers.Lambda(lambda x: x + 1)(inputs)
    path = tmp_path / "lambda.keras"
    keras.Model(inputs, outputs).save(path)
    with pytest.raises(ValueError, match="Keras does not load"):
        read_memory(path)
