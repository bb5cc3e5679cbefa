"""An export serves a process that has nothing of this library."""

import pathlib
import shutil
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).parents[2]

# What a network learns from the export alone, where all that is no dependency
# of TensorFlow or TFDS is blocked; and what the same one learns from arrays.
READER = """
import pathlib
import runpy
import sys
source, ours, example, out = map(pathlib.Path, sys.argv[1:])
sys.modules.update(dict.fromkeys(
    "fred_tf export trainers examples benchmarks sklearn scipy matplotlib"
    " pywt tensorboard pandas jax".split()))
import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
tf.config.experimental.enable_op_determinism()

def learned(images, labels, test):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(images, labels, epochs=50, verbose=0)
    accuracy = model.evaluate(test, np.load(ours / "of_test.npy"), verbose=0)[1]
    return {"accuracy": accuracy, "predicted": model.predict(test, verbose=0)}

builder = tfds.builder_from_directory(source / "images_float32")
train = builder.as_dataset("train", as_supervised=True, batch_size=-1)
images, labels = tfds.as_numpy(train)
values = builder.info.metadata["normalization"]
mean, deviation = map(np.float32, (values["mean"], values["deviation"]))
test = (np.load(ours / "pixels.npy") - mean) / deviation
found = learned(images, labels, test)
arrays = (np.load(ours / f"{x}.npy") for x in ("images", "labels", "test"))
theirs = {f"theirs_{k}": v for k, v in learned(*arrays).items()}
images_of = runpy.run_path(str(example))["images_of"]
decoded = images_of(source / "coefficients_float32").batch(1000)
found["decoded"], found["decoded_labels"] = next(iter(decoded))
model = tf.saved_model.load(str(source / "saved_model" / "1"))
found["served"] = model.dataset()["images"]
try:
    keras.saving.load_model(source / "memory.keras")
except TypeError as error:
    found["said"] = str(error)
np.savez(out, images=images, labels=labels, **found, **theirs)
"""


def test_a_process_without_this_library_trains_the_same(
    run, exported, digits, tmp_path
):
    """Bit for bit, on the images and on what a network learns from them."""
    expected, test = run.synthetic_set(), digits.test
    alone = shutil.copytree(exported, tmp_path / "moved" / "export")
    ours = tmp_path / "ours"
    ours.mkdir()
    for name, array in {
        "images": expected.images,
        "labels": expected.labels,
        "pixels": test.images,
        "test": digits.normalization(test.images),
        "of_test": test.labels,
    }.items():
        np.save(ours / f"{name}.npy", array)
    example = ROOT / "examples" / "decode_coefficients.py"
    out = tmp_path / "out.npz"
    arguments = map(str, (alone, ours, example, out))
    command = [sys.executable, "-c", READER, *arguments]
    subprocess.run(command, check=True, cwd=tmp_path)
    found = dict(np.load(out))
    np.testing.assert_array_equal(found["images"], expected.images)
    np.testing.assert_array_equal(found["labels"], expected.labels)
    np.testing.assert_array_equal(found["predicted"], found["theirs_predicted"])
    assert found["accuracy"] == found["theirs_accuracy"] > 0.5
    np.testing.assert_allclose(found["decoded"], expected.images, atol=2e-6)
    np.testing.assert_array_equal(found["decoded_labels"], expected.labels)
    np.testing.assert_allclose(found["served"], expected.images, atol=1e-5)
    words = "locate class 'Frequency (import fred_tf.parameterizations)'"
    assert words in str(found["said"])
