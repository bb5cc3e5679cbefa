"""An export serves a process that has nothing of this library."""

import pathlib
import shutil
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).parents[2]

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
    try:
        keras.saving.load_model(source / "memory.keras")
    except TypeError as error:
        found["said"] = str(error)
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
    words = "locate class 'Frequency (import fred_tf.parameterizations)'"
    assert words in str(one["said"])
