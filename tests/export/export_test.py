"""The program: every form of a run, read back, sized and measured."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from export import __main__ as export
from export.forms import FORMS, read_export
from export.saved_model import read_keras
from fred_tf import assembly, config, presets
from fred_tf.distilled_run import DistilledRun
from fred_tf.expert_store import ExpertStore
from fred_tf.scoring import score
from trainers import distill

# Graphs without augmentation and convolution are built in a third of the time.
DM = config.replace(
    presets.preset("digits_ipc1_dm_tiny"),
    {"augmentation": "none", "network.name": "mlp"},
)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> DistilledRun:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    distill.run(DM, folder)
    return DistilledRun.restore(folder)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    written = export.run(run, folder)
    assert sorted(str(path.relative_to(folder)) for path in written) == sorted(
        [*(form.path for form in FORMS.values()), "sizes.md"]
    )
    return folder


def test_exact_forms_give_the_set_back(run, exported):
    expected = run.synthetic_set()
    for name in ("images_float32", "coefficients_float32"):
        read = read_export(exported / FORMS[name].path)
        np.testing.assert_array_equal(read.images, expected.images)
        np.testing.assert_array_equal(read.labels, expected.labels)
        assert read.floats_stored == expected.floats_stored
    model = tf.saved_model.load(str(exported / FORMS["saved_model"].path))
    np.testing.assert_allclose(
        model.dataset()["images"], expected.images, atol=1e-5
    )
    memory = read_keras(exported / FORMS["keras"].path)
    np.testing.assert_array_equal(memory.decode(), expected.images)


def test_other_forms_come_close(run, exported):
    expected = run.synthetic_set().images
    errors = {
        name: np.abs(read_export(exported / form.path).images - expected).max()
        for name, form in FORMS.items()
        if form.read
    }
    assert 0 < errors["images_float16"] < 0.01
    assert 0 < errors["images_png"] < 0.1
    assert 0 < errors["coefficients_int8"] < errors["coefficients_int4"] < 1


def test_the_table_says_what_is_on_disk(exported):
    table = (exported / "sizes.md").read_text()
    folder = exported / "coefficients_int8"
    size = sum(p.stat().st_size for p in folder.iterdir())
    (shard,) = folder.glob("*.tfrecord-*")
    row = f"| coefficients_int8 | {size:,} | {shard.stat().st_size:,} |"
    assert row in table
    assert "| PNG files |" in table
    assert "| decoded floats, in memory | 5,120 |" in table


# Blocking our packages proves that a user needs none of them.
READER = """
import sys
sys.modules.update(fred_tf=None, export=None, trainers=None)
import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
tf.config.experimental.enable_op_determinism()
arrays = {}
for name, folder in zip(("one", "two"), sys.argv[2:]):
    builder = tfds.builder_from_directory(folder)
    dataset = builder.as_dataset(split="train", as_supervised=True)
    images, labels = next(dataset.batch(1000).as_numpy_iterator())
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(10)]
    model = keras.Sequential(layers)
    model.compile(
        "sgd",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(images, labels, epochs=20, shuffle=False, verbose=0)
    arrays[name + "_images"], arrays[name + "_labels"] = images, labels
    arrays[name + "_accuracy"] = model.evaluate(images, labels, verbose=0)[1]
    arrays[name + "_predicted"] = model.predict(images, verbose=0)
np.savez(sys.argv[1], **arrays)
"""


def test_a_process_without_this_library_trains_the_same(
    run, exported, tmp_path
):
    """Bit for bit, on the images and on what a network learns from them."""
    again = export.run(run, tmp_path / "other", ["images_float32"])[0]
    out = tmp_path / "arrays.npz"
    subprocess.run(
        [sys.executable, "-c", READER, out, exported / again.name, again],
        check=True,
        cwd=tmp_path,
    )
    expected = run.synthetic_set()
    with np.load(out) as found:
        for name in ("one", "two"):
            images, labels = found[f"{name}_images"], found[f"{name}_labels"]
            np.testing.assert_array_equal(images, expected.images)
            np.testing.assert_array_equal(labels, expected.labels)
        for value in ("predicted", "accuracy"):
            one, two = found[f"one_{value}"], found[f"two_{value}"]
            np.testing.assert_array_equal(one, two)
        assert found["one_accuracy"] > 0.2


def test_measured_accuracy_travels_with_each_form(run, digits, tmp_path):
    """Exact forms share one evaluation, and it is that of the run."""
    names = ["images_float32", "coefficients_float32", "images_png"]
    export.run(run, tmp_path, names, digits)
    expected = score(
        run.config, run.synthetic_set(), digits, tmp_path / "own.json"
    )
    facts = [read_export(tmp_path / name).details for name in names]
    for fact, name in zip(facts, names):
        assert fact["this_form"]["form"] == name
        assert len(fact["this_form"]["accuracies"]) == 2
    assert facts[0]["this_form"]["accuracies"] == list(expected.accuracies)
    evaluations = sorted(p.name for p in tmp_path.glob("evaluation_*.json"))
    assert evaluations == [
        "evaluation_exact.json",
        "evaluation_images_png.json",
    ]
    assert f"| {expected} |" in (tmp_path / "sizes.md").read_text()


def test_experts_label_the_images(tmp_path, expert_dir, digits):
    settings = presets.preset("digits_ipc1_tm_tiny")
    distill.run(settings, tmp_path / "run", expert_dir=expert_dir)
    distilled = DistilledRun.restore(tmp_path / "run")
    out = tmp_path / "soft"
    written = export.run(
        distilled, out, measure_on=digits, soft_labels_from=expert_dir
    )
    assert {path.name for path in written} == {
        "images_float32",
        "images_float16",
        "images_png",
        "sizes.md",
    }
    read = read_export(out / "images_float32")
    np.testing.assert_allclose(read.soft_labels.sum(1), 1, atol=1e-5)
    by_expert = np.zeros((20, 10))
    store = ExpertStore.open(expert_dir)
    network = assembly.network(settings, (8, 8, 1), 10)
    for number in range(2):
        last = store.trajectory(number)[-1]
        logits = network.logits(network.unflatten(last), read.images)
        by_expert += tf.nn.softmax(logits).numpy() / 2
    np.testing.assert_allclose(read.soft_labels, by_expert, atol=1e-5)
    assert (out / "evaluation_exact_soft.json").exists()
    with pytest.raises(ValueError, match="coefficients_int8"):
        export.run(
            distilled,
            tmp_path / "no",
            ["coefficients_int8"],
            soft_labels_from=expert_dir,
        )


def test_evaluations_of_the_run_travel_along(run, digits, tmp_path):
    path = run.folder.path / "evaluation.json"
    try:
        result = score(run.config, run.synthetic_set(), digits, path)
        export.run(run, tmp_path, ["images_float32", "saved_model"])
    finally:
        path.unlink()
    (found,) = read_export(tmp_path / "images_float32").details["evaluations"]
    assert found["accuracies"] == list(result.accuracies)
    assert found["network"]["name"] == "mlp"
    served = tmp_path / "saved_model/1/assets.extra/metadata.json"
    assert json.loads(served.read_text())["details"]["evaluations"] == [found]


def test_forms_that_do_not_fit_are_refused(run, tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'images_float16'"):
        export.run(run, tmp_path / "a", ["images_flot16"])
    pixel = config.replace(
        DM, {"parameterization.name": "pixel", "outer_steps": 0}
    )
    distill.run(pixel, tmp_path / "pixel")
    restored = DistilledRun.restore(tmp_path / "pixel")
    with pytest.raises(ValueError, match="'pixel'.*forms.*'coefficients_int8'"):
        export.run(restored, tmp_path / "b", ["coefficients_int8"])
    written = export.run(restored, tmp_path / "c")
    assert not any("coefficients" in path.name for path in written)
