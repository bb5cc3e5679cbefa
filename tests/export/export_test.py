"""The program: every form of a run, read back, sized and measured."""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from export import __main__ as export
from fred_tf import assembly, config, presets
from fred_tf.disk.records import FORMAT_VERSION
from fred_tf.distilled_run import DistilledRun
from fred_tf.experts.store import ExpertStore
from fred_tf.forms import FORMS, manifest, read_export
from fred_tf.forms.saved_model import read_keras, verify_saved_model
from fred_tf.scoring import score
from trainers import distill

ROOT = pathlib.Path(__file__).parents[2]

# Graphs without augmentation and convolution are built in a third of the time.
DM = config.replace(
    presets.preset("digits_ipc1_dm_tiny"),
    {
        "augmentation": "none",
        "network.name": "mlp",
        # The usual step is too long for so small a network.
        "distiller.memory_learning_rate": 1000.0,
    },
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


@pytest.mark.parametrize("name", ["images_float32", "images_png"])
def test_images_in_two_files_are_the_same(run, exported, tmp_path, name):
    """For this library and for plain TFDS, which both read them in order."""
    export.run(run, tmp_path, [name, "coefficients_int8"], shards=2)
    folder = tmp_path / name
    files = sorted(path.name[-14:] for path in folder.glob("*.tfrecord-*"))
    assert files == ["00000-of-00002", "00001-of-00002"]
    assert len(list(tmp_path.glob("coefficients_int8/*.tfrecord-*"))) == 1
    for field in ("images", "labels"):
        one, other = (
            getattr(read_export(x), field) for x in (exported / name, folder)
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
        export.run(run, tmp_path / "no", shards=shards)
    assert not (tmp_path / "no").exists()


def test_the_command_line_splits_images(run, tmp_path):
    command = [
        *(sys.executable, "-m", "export", "--shards=2"),
        *("--forms=images_float32", f"--export_dir={tmp_path}"),
        f"--run_dir={run.folder.path}",
    ]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    folder = tmp_path / "images_float32"
    assert len(list(folder.glob("*-of-00002"))) == 2
    np.testing.assert_array_equal(
        read_export(folder).images, run.synthetic_set().images
    )


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


# What the same network learns, from arrays or, where all that is not a
# dependency of TensorFlow or TFDS is blocked, from the export alone.
READER = """
import pathlib
import runpy
import sys
source, example, out = map(pathlib.Path, sys.argv[1:])
if example.name:
    sys.modules.update(dict.fromkeys(
        "fred_tf export trainers examples benchmarks sklearn scipy matplotlib"
        " pywt tensorboard pandas jax".split()))
import keras
import numpy as np
import tensorflow as tf
tf.config.experimental.enable_op_determinism()
found = {}
if example.name:
    import tensorflow_datasets as tfds
    builder = tfds.builder_from_directory(source / "images_float32")
    train = builder.as_dataset("train", as_supervised=True, batch_size=-1)
    images, labels = tfds.as_numpy(train)
    values = builder.info.metadata["normalization"]
    mean, deviation = map(np.float32, (values["mean"], values["deviation"]))
    test = (np.load(source / "test.npy") - mean) / deviation
    images_of = runpy.run_path(str(example))["images_of"]
    decoded = images_of(source / "coefficients_float32").batch(1000)
    found["decoded"], found["decoded_labels"] = next(iter(decoded))
    model = tf.saved_model.load(str(source / "saved_model" / "1"))
    found["served"] = model.dataset()["images"]
else:
    names = ("images", "labels", "test")
    images, labels, test = (np.load(source / f"{name}.npy") for name in names)
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
model.compile(
    keras.optimizers.SGD(0.05, momentum=0.9),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(images, labels, epochs=50, verbose=0)
test_labels = np.load(source / "test_labels.npy")
found["accuracy"] = model.evaluate(test, test_labels, verbose=0)[1]
found["predicted"] = model.predict(test, verbose=0)
np.savez(out, images=images, labels=labels, **found)
"""


def test_a_process_without_this_library_trains_the_same(
    run, exported, digits, tmp_path
):
    """Bit for bit, on the images and on what a network learns from them."""
    expected, test = run.synthetic_set(), digits.test
    alone = shutil.copytree(exported, tmp_path / "moved" / "export")
    ours = tmp_path / "ours"
    ours.mkdir()
    for folder, arrays in (
        (alone, {"test": test.images}),
        (
            ours,
            {
                "test": digits.normalization(test.images),
                "images": expected.images,
                "labels": expected.labels,
            },
        ),
    ):
        for name, array in {**arrays, "test_labels": test.labels}.items():
            np.save(folder / f"{name}.npy", array)
    example = ROOT / "examples" / "decode_coefficients.py"
    outs = [tmp_path / "alone.npz", tmp_path / "ours.npz"]
    for arguments in ((alone, example, outs[0]), (ours, "", outs[1])):
        command = [sys.executable, "-c", READER, *map(str, arguments)]
        subprocess.run(command, check=True, cwd=tmp_path)
    one, other = (dict(np.load(out)) for out in outs)
    np.testing.assert_array_equal(one["images"], expected.images)
    np.testing.assert_array_equal(one["labels"], expected.labels)
    np.testing.assert_array_equal(one["predicted"], other["predicted"])
    assert one["accuracy"] == other["accuracy"] > 0.5
    np.testing.assert_allclose(one["decoded"], expected.images, atol=2e-6)
    np.testing.assert_array_equal(one["decoded_labels"], expected.labels)
    np.testing.assert_allclose(one["served"], expected.images, atol=1e-5)


@pytest.mark.parametrize("name", ["images_float32", "coefficients_int8"])
def test_a_missing_shard_is_named(exported, tmp_path, name):
    """F12: the manifest says of what kind an export is, whatever is left."""
    folder = shutil.copytree(exported / name, tmp_path / "moved")
    (shard,) = folder.glob("*.tfrecord-*")
    shard.unlink()
    with pytest.raises(ValueError, match=f"{shard.name} is missing") as raised:
        read_export(folder)
    assert str(folder) in str(raised.value)


def test_what_is_no_export_of_records_is_refused(exported, tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m export"):
        read_export(tmp_path)
    manifest.write(tmp_path, "voxels", {})
    with pytest.raises(ValueError, match="images and coefficients.*'voxels'"):
        read_export(tmp_path)


def test_models_say_what_they_decode(run, exported):
    """Normalisation, classes and terms, where a reader finds them."""
    verify_saved_model(exported / "saved_model" / "1")
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
        assert facts["format_version"] == FORMAT_VERSION


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
        assert fact["this_form"]["difference_to_float32"] == pytest.approx(
            fact["this_form"]["mean"] - expected.mean
        )
    assert facts[0]["this_form"]["accuracies"] == list(expected.accuracies)
    evaluations = sorted(p.name for p in tmp_path.glob("evaluation_*.json"))
    assert evaluations == [
        "evaluation_exact.json",
        "evaluation_images_png.json",
    ]
    rows = (tmp_path / "sizes.md").read_text().splitlines()
    (exact,) = [row for row in rows if row.startswith("| images_float32 |")]
    assert exact.endswith(f"| {expected} | +0.0 |")
    assert rows[0].endswith("| test accuracy | against float32, in points |")
    assert len({row.count("|") for row in rows}) == 1


def test_a_lossy_form_is_measured_against_float32(run, digits, tmp_path):
    """Also where float32 is not asked for."""
    export.run(run, tmp_path, ["coefficients_int4"], digits)
    fact = read_export(tmp_path / "coefficients_int4").details["this_form"]
    exact, own = (
        json.loads((tmp_path / f"evaluation_{name}.json").read_text())["mean"]
        for name in ("exact", "coefficients_int4")
    )
    assert fact["difference_to_float32"] == pytest.approx(own - exact)
    row = (tmp_path / "sizes.md").read_text().splitlines()[4]
    assert row.endswith(f"| {100 * (own - exact):+.1f} |")


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
