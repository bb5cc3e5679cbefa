"""How fast exports are read back into images.

    python -m benchmarks.decoding

writes one memory of CIFAR-10's shape (160 images, 64 coefficients a channel)
in several forms and prints images per second over ten passes, from files to
tensors, beside how many times that is of plain float32 records.
"""

import pathlib
import tempfile

import numpy as np
import tensorflow as tf

from benchmarks.side_by_side import medians
from examples.decode_coefficients import images_of
from fred_tf import forms
from fred_tf.normalizations import Standardize
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet

SHAPE, CLASSES, INSTANCES, KEPT = (32, 32, 3), 10, 16, 64
PASSES = 10


def _memory() -> tuple[Frequency, SyntheticSet]:
    memory = Frequency(
        SHAPE,
        CLASSES,
        INSTANCES,
        Frequency.Settings(coefficients_per_channel=KEPT),
    )
    generator = np.random.default_rng(0)
    memory.table.assign(np.tile(np.arange(KEPT), (CLASSES, 1)))
    memory.values.assign(generator.normal(size=memory.values.shape) * 50)
    described = SyntheticSet(
        memory.decode().numpy(),
        memory.labels,
        tuple(map(str, range(CLASSES))),
        Standardize((0.5,) * 3, (0.25,) * 3),
        "benchmark",
        memory.floats_stored,
    )
    return memory, described


def _records(folder: pathlib.Path, spec, decode) -> tf.data.Dataset:
    """Reads the way a user does: parse, decode."""
    paths = sorted(str(path) for path in folder.glob("*.tfrecord-*"))
    return tf.data.TFRecordDataset(paths).map(
        lambda record: decode(tf.io.parse_single_example(record, spec)["image"])
    )


def _passes(images: tf.data.Dataset):
    """Returns a function that reads a pipeline, built once, to its end."""
    repeated = images.repeat(PASSES).batch(256)

    def read():
        for _ in repeated:
            pass

    return read


def main() -> None:
    memory, described = _memory()
    with tempfile.TemporaryDirectory() as root:
        folders = {
            name: pathlib.Path(root) / name
            for name in ("float32", "float16", "png")
        }
        for name, folder in folders.items():
            forms.FORMS[f"images_{name}"].write(described, memory, folder)
        stored = pathlib.Path(root) / "int8"
        forms.FORMS["coefficients_int8"].write(described, memory, stored)
        string = {"image": tf.io.FixedLenFeature([], tf.string)}
        floats = {"image": tf.io.FixedLenFeature(SHAPE, tf.float32)}
        pipelines = {
            "float32 records": _records(
                folders["float32"], floats, tf.identity
            ),
            "float16 records": _records(
                folders["float16"],
                string,
                lambda x: tf.reshape(tf.io.decode_raw(x, tf.float16), SHAPE),
            ),
            "PNG records": _records(folders["png"], string, tf.io.decode_png),
        }
        sides = {name: _passes(x) for name, x in pipelines.items()}
        # Which reads and checks its files where it is built.
        sides["int8 coefficients, TensorFlow alone"] = lambda: [
            [*images_of(stored).batch(256)] for _ in range(PASSES)
        ]
        sides["int8 coefficients, fred_tf.forms.read"] = lambda: [
            forms.read(stored) for _ in range(PASSES)
        ]
        seconds = medians(sides, rounds=7)
    base = seconds["float32 records"]
    for name, spent in seconds.items():
        rate = PASSES * CLASSES * INSTANCES / spent
        print(f"{name:38} {rate:9.0f} images/s {base / spent:6.2f}x")


if __name__ == "__main__":
    main()
