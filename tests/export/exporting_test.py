"""The program: every form of a run, read back and sized."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import fred_tf
from export import exporting
from fred_tf import assembly, config, forms
from fred_tf.distilled_run import DistilledRun
from fred_tf.experts.store import ExpertStore
from fred_tf.forms import FORMS, SetForm, alike
from fred_tf.forms.keras_memory import read_memory
from fred_tf.scoring import score
from tests.packages import skip_without
from trainers import distill


def test_tables_of_others_stay(run, tmp_path):
    (tmp_path / "sizes.md").write_text("| shirt | size |")
    with pytest.raises(FileExistsError, match="sizes.md, which fred_tf has"):
        exporting.run(run, tmp_path, ["gallery"])
    assert [path.name for path in tmp_path.iterdir()] == ["sizes.md"]
    (tmp_path / "sizes.md").unlink()
    for _ in range(2):
        exporting.run(run, tmp_path, ["gallery"])


def test_each_form_holds_its_set_and_no_other(run, exported):
    decoded = run.synthetic_set()
    moved = decoded.images + np.float32(0.01)
    soft = np.full((20, 10), 0.1, np.float32)
    for name, form in FORMS.items():
        path = exported / form.path
        if not (isinstance(form, SetForm) and path.exists()):
            continue
        assert alike.held(form, path, decoded) is not None, name
        for changes in (
            {"details": {**decoded.details, "outer_steps": 4}},
            {"soft_labels": soft},
            {"student_learning_rate": 0.5},
            *([] if form.lossy else [{"images": moved}]),
        ):
            other = dataclasses.replace(decoded, **changes)
            held = alike.held(form, path, other)
            assert held is None, (name, changes.keys())


def test_exact_forms_give_the_set_back(run, exported):
    expected = run.synthetic_set()
    for name in ("images_float32", "images_npz", "coefficients_float32"):
        read = forms.read(exported / FORMS[name].path)
        np.testing.assert_array_equal(read.images, expected.images)
        np.testing.assert_array_equal(read.labels, expected.labels)
        assert read.floats_stored == expected.floats_stored
    path = exported / FORMS["saved_model"].path
    model = tf.saved_model.load(str(path))
    for images in (model.dataset()["images"], forms.read(path).images):
        np.testing.assert_allclose(images, expected.images, atol=1e-5)
    path = exported / FORMS["keras"].path
    for images in (read_memory(path).decode(), forms.read(path).images):
        np.testing.assert_array_equal(images, expected.images)


def test_keras_takes_the_memory_where_its_class_is_imported(run, exported):
    """Elsewhere it says what to import, see `alone_test`."""
    layer = keras.saving.load_model(exported / "memory.keras").layers[-1]
    expected = run.synthetic_set()
    np.testing.assert_array_equal(layer.decode(), expected.images)
    np.testing.assert_array_equal(layer.labels, expected.labels)


def test_other_forms_come_close(run, exported):
    expected = run.synthetic_set().images
    errors = {
        name: np.abs(forms.read(exported / form.path).images - expected).max()
        for name, form in FORMS.items()
        if isinstance(form, SetForm) and form.by_default
    }
    assert 0 < errors["images_float16"] < 0.01
    assert 0 < errors["images_png"] < 0.1
    assert 0 < errors["coefficients_int8"] < errors["coefficients_int4"] < 1


@pytest.mark.parametrize("name", ["images_float32", "images_png"])
def test_images_in_two_files_are_the_same(run, exported, tmp_path, name):
    """For this library and for plain TFDS, which both read them in order."""
    exporting.run(run, tmp_path, [name, "coefficients_int8"], shards=2)
    folder = tmp_path / name
    files = sorted(path.name[-14:] for path in folder.glob("*.tfrecord-*"))
    assert files == ["00000-of-00002", "00001-of-00002"]
    assert len(list(tmp_path.glob("coefficients_int8/*.tfrecord-*"))) == 1
    for field in ("images", "labels"):
        one, other = (
            getattr(forms.read(x), field) for x in (exported / name, folder)
        )
        np.testing.assert_array_equal(one, other)
    whole, split = (
        tfds.as_numpy(
            tfds.builder_from_directory(str(x)).as_dataset(
                split="train", as_supervised=True, batch_size=-1
            )
        )
        for x in (exported / name, folder)
    )
    np.testing.assert_array_equal(whole[0], split[0])
    np.testing.assert_array_equal(whole[1], split[1])


@pytest.mark.parametrize("shards", [-1, 0, 21])
def test_files_without_an_image_are_refused(run, tmp_path, shards):
    with pytest.raises(ValueError, match=rf"\(20\). Received: {shards}\. Give"):
        exporting.run(run, tmp_path / "no", shards=shards)
    assert not (tmp_path / "no").exists()


def test_array_records_are_read_back_and_counted(run, tmp_path):
    skip_without("images_array_record")
    exporting.run(run, tmp_path, ["images_array_record"], shards=2)
    folder = tmp_path / "images_array_record"
    size = sum(p.stat().st_size for p in folder.iterdir())
    table = (tmp_path / "sizes.md").read_text()
    assert f"| images_array_record | {size:,} | {2 * 2**17:,} |" in table


def test_the_command_line_splits_images_and_writes_a_card(run, call, tmp_path):
    code, _, errors = call(
        *("export.__main__", "--shards=2", "--card"),
        *("--forms=images_float32", f"--export_dir={tmp_path}"),
        f"--run_dir={run.folder.path}",
    )
    assert code == 0, errors
    assert (tmp_path / "README.md").read_text().startswith("---\n# Written by")
    folder = tmp_path / "images_float32"
    assert len(list(folder.glob("*-of-00002"))) == 2
    np.testing.assert_array_equal(
        forms.read(folder).images, run.synthetic_set().images
    )


def test_the_table_says_what_is_on_disk(exported):
    table = (exported / "sizes.md").read_text()
    folder = exported / "coefficients_int8"
    size = sum(p.stat().st_size for p in folder.iterdir())
    (shard,) = folder.glob("*.tfrecord-*")
    row = f"| coefficients_int8 | {size:,} | {shard.stat().st_size:,} |"
    assert row in table
    assert "| PNG files |" in table
    assert "| decoded floats, in memory | 5,120 |" in table


@pytest.mark.parametrize("name", ["images_float32", "coefficients_int8"])
def test_a_missing_shard_is_named(exported, tmp_path, name):
    """F12: the manifest says of what kind an export is, whatever is left."""
    folder = shutil.copytree(exported / name, tmp_path / "moved")
    (shard,) = folder.glob("*.tfrecord-*")
    shard.unlink()
    with pytest.raises(ValueError, match=f"{shard.name} is missing") as raised:
        forms.read(folder)
    assert str(folder) in str(raised.value)


def test_models_say_what_they_decode(run, exported):
    """Normalisation, classes and terms, where a reader finds them."""
    FORMS["saved_model"].verify(exported / "saved_model" / "1")
    for path in (
        exported / "saved_model" / "1" / "assets.extra" / "metadata.json",
        exported / "memory.json",
    ):
        facts = json.loads(path.read_text())
        expected = run.synthetic_set()
        assert facts["dataset"] == "digits"
        assert facts["class_names"] == list(expected.class_names)
        assert facts["normalization"] == expected.normalization.get_config()
        assert facts["details"]["outer_steps"] == 3
        assert "2311.08819" in facts["citation"]
        assert "Alpaydin & Kaynak 1998" in facts["citation"]
        assert facts["format_version"] == 4


def test_evaluations_of_the_run_travel_along(run, digits, tmp_path):
    path = run.folder.path / "evaluation.json"
    own = fred_tf.DistilledSet.of_run(run)
    try:
        result = score(run.config, run.synthetic_set(), digits, path)
        exporting.run(run, tmp_path, ["images_float32", "saved_model"])
        own.export(tmp_path / "own", ["images_npz"])
        saved = own.save(tmp_path / "saved")
    finally:
        path.unlink()
    for place in (saved, tmp_path / "own" / "images.npz"):
        (found,) = forms.read(place).details["evaluations"]
        assert found["accuracies"] == list(result.accuracies)
    text = (tmp_path / "own" / "README.md").read_text()
    assert "Not known" not in text and " %: decoded floats" in text
    (found,) = forms.read(tmp_path / "images_float32").details["evaluations"]
    assert found["accuracies"] == list(result.accuracies)
    assert found["network"]["name"] == "mlp"
    served = tmp_path / "saved_model/1/assets.extra/metadata.json"
    assert json.loads(served.read_text())["details"]["evaluations"] == [found]


def test_experts_label_the_images(tmp_path, quick_tm, quick_experts, digits):
    scored = {"evaluation.networks": 1, "evaluation.epochs": 1}
    settings = config.replace(quick_tm, scored)
    distill.run(settings, tmp_path / "run", expert_dir=quick_experts)
    distilled = DistilledRun.restore(tmp_path / "run")
    out, names = tmp_path / "soft", ["images_float32", "coefficients_int8"]
    names += ["saved_model", "gallery"]
    written = exporting.run(distilled, out, names, digits, None, quick_experts)
    assert {path.relative_to(out).as_posix() for path in written} == {
        "images_float32",
        "coefficients_int8",
        "saved_model/1",
        "gallery.png",
        "sizes.md",
    }
    read, *others = (forms.read(path) for path in written[:3])
    np.testing.assert_allclose(read.soft_labels.sum(1), 1, atol=1e-5)
    for other in others:
        np.testing.assert_array_equal(other.soft_labels, read.soft_labels)
    by_expert = np.zeros((20, 10))
    store = ExpertStore.open(quick_experts)
    network = assembly.network(settings, (8, 8, 1), 10)
    for number in range(2):
        last = store.trajectory(number)[-1]
        logits = network.logits(network.unflatten(last), read.images)
        by_expert += tf.nn.softmax(logits).numpy() / 2
    np.testing.assert_allclose(read.soft_labels, by_expert, atol=1e-5)
    assert (out / "evaluation_exact_soft.json").exists()
    assert (out / "evaluation_coefficients_int8_soft.json").exists()


def test_experts_do_not_label_what_has_labels(run, tmp_path, monkeypatch):
    """Their probabilities had stood for scores."""
    scores = np.zeros((20, 10), np.float32)
    own = dataclasses.replace(
        run.synthetic_set(), soft_labels=scores, label_kind="scores"
    )
    monkeypatch.setattr(type(run), "synthetic_set", lambda _: own)
    with pytest.raises(ValueError, match="has classes alone. Received"):
        exporting.run(run, tmp_path / "no", soft_labels_from=tmp_path)
    assert not (tmp_path / "no").exists()


def test_forms_that_do_not_fit_are_refused(run, tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'images_float16'"):
        exporting.run(run, tmp_path / "a", ["images_flot16"])
    changes = {"parameterization.name": "pixel", "outer_steps": 0}
    pixel = config.replace(run.config, changes)
    distill.run(pixel, tmp_path / "pixel")
    restored = DistilledRun.restore(tmp_path / "pixel")
    with pytest.raises(ValueError, match="'pixel'.*forms.*'coefficients_int8'"):
        exporting.run(restored, tmp_path / "b", ["coefficients_int8"])
    written = exporting.run(restored, tmp_path / "c")
    assert not any("coefficients" in path.name for path in written)
