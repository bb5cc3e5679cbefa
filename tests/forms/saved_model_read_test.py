"""A SavedModel is a program; what we read of it are data."""

import dataclasses
import json
import shutil

import pytest
import tensorflow as tf

from fred_tf.disk import files, records
from fred_tf.forms.keras_memory import KerasMemory
from fred_tf.forms.saved_model import SavedModel


@pytest.fixture
def written(saved_model, tmp_path):
    return shutil.copytree(saved_model, tmp_path / "model")


def test_a_model_is_not_run_to_be_read(
    written, small_set, monkeypatch, assert_same
):
    """It is a program: the memory is rebuilt by our own class."""
    for name in ("load", "contains_saved_model"):
        monkeypatch.setattr(tf.saved_model, name, None)
    monkeypatch.setattr(tf.train, "load_checkpoint", None)
    assert_same(SavedModel().read(written), small_set)
    # Whatever else lies in it, as long as the manifest agrees.
    (written / "saved_model.pb").write_bytes(b"a program")
    (written / "variables" / "variables.index").write_bytes(b"an index")
    edit(written)
    assert_same(SavedModel().read(written), small_set)


def edit(folder, **changes):
    """Changes metadata, and the manifest with them, as their author would."""
    path = folder / "assets.extra" / "metadata.json"
    said = {**json.loads(path.read_text()), **changes}
    path.write_text(
        json.dumps({k: v for k, v in said.items() if v != "absent"})
    )
    path = folder / SavedModel.place
    whole = json.loads(path.read_text())
    for name, entry in whole["files"].items():
        entry["sha256"] = files.sha256(folder / name)
    path.write_text(json.dumps(records.seal(whole)))


def weight(**changes):
    return {"type": "float32", "shape": [4, 3, 1], "offset": 0, **changes}


TABLE = weight(type="int32", shape=[2, 3])
SIZES = {
    "name": "frequency",
    "image_shape": [4, 4, 1],
    "classes": 2,
    "instances_per_class": 2,
    "settings": {"coefficients_per_channel": 3},
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"memory": "absent"}, "an earlier version of fred_tf wrote it"),
        ({"memory": 1}, "`memory` must be a JSON object"),
        ({"memory": {**SIZES, "name": "evil"}}, "`name` must be one of"),
        (
            {"memory": {**SIZES, "image_shape": [20000, 20000, 1]}},
            "`image_shape` must be a shape",
        ),
        ({"memory": {**SIZES, "classes": 3}}, r"weight of shape \[6, 3, 1\]"),
        ({"weights": "absent"}, "`weights` must be a list"),
        ({"weights": [weight()]}, r"weight of shape \[2, 3\]"),
        ({"weights": [weight(), TABLE, TABLE]}, "has no weights of these sh"),
        ({"weights": [weight(shape=[10**9]), TABLE]}, "`shape` must be a sh"),
        ({"weights": [weight(offset=-1), TABLE]}, "`offset` must be an int"),
        ({"weights": [weight(offset=10**9), TABLE]}, "`offset` must be an i"),
        ({"weights": [weight(type="O"), TABLE]}, "`type` must be one of"),
        ({"weights": [1, 2]}, "`weights` must be a JSON object"),
        ({"class_names": ["zero"]}, r"in \[0, 1\), one per class name"),
        ({"soft_labels": [[0.5, 0.5]]}, "must be probabilities"),
        ({"soft_labels": [[2, -1]] * 4}, "must be probabilities"),
        ({"soft_labels": [["1", "0"]] * 4}, "rows of as many numbers each"),
        ({"soft_labels": [[1, 0], [1]] * 2}, "ValueError"),
        ({"soft_labels": 5}, "`soft_labels` must be a list"),
        ({"student_learning_rate": 1e9}, "`student_learning_rate` must be a"),
    ],
)
def test_what_metadata_claim_is_not_believed(written, changes, message):
    edit(written, **changes)
    with pytest.raises(ValueError, match=message) as raised:
        SavedModel().read(written)
    assert str(written) in str(raised.value)


@pytest.mark.parametrize("every", [29, pytest.param(1, marks=pytest.mark.slow)])
def test_no_flipped_byte_of_any_file_goes_unseen(written, flipped, every):
    for path in sorted(written.rglob("*")):
        if not path.is_file():
            continue
        # The programs are long.
        step = every * (1 if every == 1 else 1 + path.stat().st_size // 200)
        for _ in flipped(path, step):
            with pytest.raises(ValueError, match=str(written)) as raised:
                SavedModel().read(written)
            assert path.name in str(raised.value)


def test_a_set_of_another_memory_is_not_written(
    small_set, small_memory, tmp_path
):
    other = dataclasses.replace(small_set, labels=[1, 1, 0, 0])
    for form, name in ((SavedModel(), "model"), (KerasMemory(), "a.keras")):
        with pytest.raises(ValueError, match="with its own decoded set"):
            form.write(other, small_memory, tmp_path / name)
    double = type(small_memory)(
        (4, 4, 1), 2, 2, small_memory.settings, dtype="float64"
    )
    with pytest.raises(ValueError, match="Received: float64. Make it with"):
        SavedModel().write(small_set, double, tmp_path / "model")
    assert not list(tmp_path.iterdir())
