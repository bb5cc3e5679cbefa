"""The memory with its decoder, for TensorFlow alone and for Serving."""

import os
import pathlib
from collections.abc import Callable

import keras
import tensorflow as tf

from fred_tf.disk import files, records
from fred_tf.disk.files import check_replaceable
from fred_tf.forms import facts, manifest
from fred_tf.forms.form import SetForm
from fred_tf.forms.provenance import provenance
from fred_tf.parameterizations import Parameterization
from fred_tf.synthetic_set import SyntheticSet

# TensorFlow and Serving leave this folder alone.
_EXTRA = "assets.extra"
_FACTS = f"{_EXTRA}/metadata.json"


class SavedModel(SetForm):
    """A SavedModel that decodes images.

    TensorFlow alone reads it; neither this library nor Keras is needed:

    ```python
    model = tf.saved_model.load(folder)  # keep it: it owns the memory
    model.decode(tf.constant([0, 7]))  # {"images": [2, ...], "labels": [2]}
    model.decode_class(3, 5, 0)  # 5 distinct ones of class 3, drawn by seed 0
    model.dataset()  # all of them
    ```

    It stores the compact memory, not the images. They are decoded in
    normalised space, as the parameterization gives them. A set with soft
    labels has them as a third output, `soft_labels` float32 `[n, classes]`. An
    index outside [0, instances), a label that no instance has, or more images
    than it has, is an `InvalidArgumentError`, except under XLA, which drops
    assertions. The three functions are signatures, too, with int32 inputs
    `indices` `[n]`; `label`, `n` and `seed`, scalars; and none. `decode` is
    `serving_default` as well: as `<name>/<version>/`, TensorFlow Serving takes
    the folder. `assets.extra/metadata.json` says what no model says: pixels,
    names, how to train, what to cite.

    TensorFlow does not notice every damage to it; `verify` does. A SavedModel
    is a program: read only those whose origin you trust.
    """

    name = kind = "saved_model"
    path = "saved_model/1"  # As Serving wants it: <name>/<version>.
    place = f"{_EXTRA}/{manifest.NAME}"
    loading = """\
import tensorflow as tf

model = tf.saved_model.load(PATH)
model.dataset()  # {"images": ..., "labels": ...}
model.decode(tf.constant([0, 7]))
model.decode_class(3, 1, 0)  # 1 image of class 3, drawn by seed 0"""

    def fits(self, decoded, memory):
        return memory is not None

    def write(self, decoded, memory, path):
        path = pathlib.Path(path)
        check_replaceable(path, "saved_model.pb")
        said = {**facts.of(decoded), **provenance(decoded)}
        decode, decode_class, dataset = _functions(decoded, memory)

        def integer(name: str, shape: list[int | None]) -> tf.TensorSpec:
            return tf.TensorSpec(shape, tf.int32, name=name)

        scalars = [integer(name, []) for name in ("label", "n", "seed")]
        archive = keras.export.ExportArchive()
        archive.track(memory)
        archive.add_endpoint("decode", decode, [integer("indices", [None])])
        archive.add_endpoint("decode_class", decode_class, scalars)
        archive.add_endpoint("dataset", dataset, [])
        with files.replacing_folder(path) as temporary:
            archive.write_out(os.fspath(temporary), verbose=False)
            files.write_json(
                temporary / _FACTS,
                {"format_version": records.FORMAT_VERSION, **said},
            )
            manifest.write(temporary, self.kind, {}, self.place)
        return path

    def read(self, path):
        path = pathlib.Path(path)
        self.verify(path)
        said = files.read_json(path / _FACTS)
        model = tf.saved_model.load(os.fspath(path))
        with facts.believed(path):
            decoded = {k: v.numpy() for k, v in model.dataset().items()}
            return facts.restored(
                said,
                decoded["images"],
                decoded["labels"],
                decoded.get("soft_labels"),
            )


def _functions(
    described: SyntheticSet, memory: Parameterization
) -> tuple[Callable, Callable, Callable]:
    """Returns `decode`, `decode_class` and `dataset`."""
    labels, soft_labels = described.labels, described.soft_labels
    rule = f"`indices` must lie in [0, {len(labels)}), the instances."

    def decoded(indices: tf.Tensor) -> dict[str, tf.Tensor]:
        parts = {
            "images": memory(indices),
            "labels": tf.gather(labels, indices),
        }
        if soft_labels is not None:
            parts["soft_labels"] = tf.gather(soft_labels, indices)
        return parts

    def decode(indices: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies(
            [
                tf.debugging.assert_non_negative(indices, message=rule),
                tf.debugging.assert_less(indices, len(labels), message=rule),
            ]
        ):
            return decoded(tf.identity(indices))

    def decode_class(
        label: tf.Tensor, n: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        those = tf.equal(labels, label)
        rule = "`n` must lie in [0, the instances of class `label`]."
        count = tf.reduce_sum(tf.cast(those, tf.int32))
        checks = [
            tf.debugging.assert_non_negative(n, message=rule),
            tf.debugging.assert_less_equal(n, count, message=rule),
        ]
        drawn = tf.random.stateless_uniform([len(labels)], [seed, label])
        order = tf.argsort(tf.where(those, drawn, 2.0))
        with tf.control_dependencies(checks):
            return decoded(order[:n])

    def dataset() -> dict[str, tf.Tensor]:
        return decoded(tf.range(len(labels)))

    return decode, decode_class, dataset
