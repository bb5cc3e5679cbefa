"""Reads a frequency-native export with TensorFlow alone; copy it freely.

    python examples/decode_coefficients.py runs/cifar10/export/coefficients_int8

`images_of` is all that is needed: the records keep, per class, the positions
and the values of a few DCT coefficients; the rest of each spectrum is zero.
`checked` makes sure that no bit of them has changed, and no record is missing.
"""

import hashlib
import json
import pathlib
import sys

import tensorflow as tf


def checked(folder: pathlib.Path) -> tuple[dict, list[str]]:
    """Returns what the manifest says, and the files of records, undamaged."""

    def check(path, content: bytes, sha256: str):
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError(f"{path} is not as it was written.")

    path = folder / "manifest.json"
    facts = json.loads(path.read_text())
    found = facts.get("kind"), facts.get("format_version")
    if found != ("coefficients", 3):
        raise ValueError(f"{path} is not of coefficients, version 3: {found}.")
    own = facts.pop("sha256", "")
    check(path, json.dumps(facts, sort_keys=True).encode(), own)
    files = {folder / name: entry for name, entry in facts["files"].items()}
    for path, entry in files.items():
        check(path, path.read_bytes(), entry["sha256"])
    return facts, [str(path) for path in files]


def images_of(folder) -> tf.data.Dataset:
    """Streams `(image, label)`: normalised float32 images, class by class."""
    facts, files = checked(pathlib.Path(folder))
    *spatial, channels = facts["image_shape"]
    memory, norm = facts["parameterization"], None
    if memory["transform"] != "dct":
        raise ValueError(f"Not a DCT: {memory['transform']!r}. Use fred_tf.")
    if memory["norm"] == "ortho":
        norm = "ortho"
    instances = facts["instances_per_class"]
    kept = memory["coefficients_per_channel"]
    storage = facts["storage"]
    dtype = tf.int8 if storage.startswith("int") else tf.as_dtype(storage)
    scaled = storage != "float32"
    names = ["table", "values", *(["scales"] if scaled else [])]
    spec = {name: tf.io.FixedLenFeature([], tf.string) for name in names}
    spec["label"] = tf.io.FixedLenFeature([], tf.int64)

    def decode(record):
        part = tf.io.parse_single_example(record, spec)
        raw = {n: tf.io.decode_compressed(part[n], "ZLIB") for n in names}
        values = tf.cast(tf.io.decode_raw(raw["values"], dtype), tf.float32)
        values = tf.reshape(values, [instances, kept, channels])
        if scaled:
            scales = tf.io.decode_raw(raw["scales"], tf.uint16)
            scales = tf.cast(tf.bitcast(scales, tf.bfloat16), tf.float32)
            values *= scales[:, None]
        table = tf.io.decode_raw(raw["table"], tf.as_dtype(facts["table_type"]))
        # Positions first, so that one index moves a whole slice.
        planes = tf.scatter_nd(
            tf.cast(table, tf.int32)[:, None],
            tf.transpose(values, [1, 0, 2]),
            [int(tf.reduce_prod(spatial)), instances, channels],
        )
        images = tf.reshape(planes, [*spatial, instances, channels])
        for size in spatial:  # Inverts the first axis, moves it to the end.
            images = tf.transpose(images, [*range(1, images.shape.rank), 0])
            images = tf.signal.idct(images, norm=norm)
            images /= 1 if norm else 2 * size
        # Now [instances, channels, *spatial].
        order = [0, *range(2, images.shape.rank), 1]
        return tf.transpose(images, order), tf.repeat(part["label"], instances)

    return tf.data.TFRecordDataset(files).map(decode).unbatch()


if __name__ == "__main__":
    for image, label in images_of(sys.argv[1]).take(3):
        print(int(label), image.shape, float(tf.math.reduce_std(image)))
