"""Reads a frequency-native export with TensorFlow alone; copy it freely.

    python examples/decode_coefficients.py runs/cifar10/export/int8

`images_of` is all that is needed: the records keep, per class, the positions
and the values of a few DCT coefficients; the rest of each spectrum is zero.
"""

import json
import pathlib
import sys

import tensorflow as tf


def images_of(folder) -> tf.data.Dataset:
    """Streams `(image, label)`: normalised float32 images, class by class."""
    folder = pathlib.Path(folder)
    facts = json.loads((folder / "manifest.json").read_text())
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

    files = sorted(str(path) for path in folder.glob("*.tfrecord-*"))
    return tf.data.TFRecordDataset(files).map(decode).unbatch()


if __name__ == "__main__":
    for image, label in images_of(sys.argv[1]).take(3):
        print(int(label), image.shape, float(tf.math.reduce_std(image)))
