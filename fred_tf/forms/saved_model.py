"""The memory with its decoder, for TensorFlow alone and for Serving."""

import math
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fred_tf.disk import claims, files, records
from fred_tf.forms import facts, limits, manifest, stored_memory
from fred_tf.forms.memory_form import Held, MemoryForm
from fred_tf.forms.provenance import provenance
from fred_tf.normalizations import Normalization
from fred_tf.parameterizations import Parameterization
from fred_tf.synthetic_set import SyntheticSet

# TensorFlow and Serving leave this folder alone.
_EXTRA = "assets.extra"
_FACTS = f"{_EXTRA}/metadata.json"
_WEIGHTS = "variables/variables.data-00000-of-00001"


class SavedModel(MemoryForm):
    """A SavedModel that decodes images.

    TensorFlow alone reads it; neither this library nor Keras is needed:

    ```python
    model = tf.saved_model.load(folder)  # keep it: it owns the memory
    model.decode(tf.constant([0, 7]))  # {"images": [2, ...], "labels": [2]}
    model.decode_class(3, 5, 0)  # 5 distinct ones of class 3, drawn by seed 0
    model.dataset()  # all of them
    model.pixels(tf.constant([0, 7]))  # {"pixels": [2, ...], "labels": [2]}
    ```

    It stores the compact memory, not the images. They are decoded in
    normalised space, as the parameterization gives them. A set with soft
    labels has them as a third output, `soft_labels` float32 `[n, classes]`. An
    index outside [0, instances), a label that no instance has, or more images
    than it has, is an `InvalidArgumentError`, except under XLA, which drops
    assertions. `pixels` is `decode` with the normalisation undone and clipped
    to [0, 1], to be looked at; a set that is whitened has none, since the
    matrix is not in the model. The functions are signatures, too, with int32
    inputs `indices` `[n]`; `label`, `n` and `seed`, scalars; and none. `decode`
    is `serving_default` as well: as `<name>/<version>/`, TensorFlow Serving
    takes the folder. `assets.extra/metadata.json` says what no model says:
    pixels, names, how to train, what to cite.

    TensorFlow does not notice every damage to it; `verify` does. A SavedModel
    is a program, which `tf.saved_model.load` runs: load only those whose origin
    you trust. `read` runs none of it. It rebuilds the memory from what the
    metadata say of it and from the weights, whose places in the file of
    variables they say, too.
    """

    name = kind = "saved_model"
    path = "saved_model/1"  # As Serving wants it: <name>/<version>.
    place = f"{_EXTRA}/{manifest.NAME}"
    loading = """\
import tensorflow as tf

model = tf.saved_model.load(PATH)
stored = model.dataset()  # {"images": ..., "labels": ...}
model.decode(tf.constant([0]))  # the first instance
label = stored["labels"][0]
model.decode_class(label, 1, 0)  # 1 image of that class, drawn by seed 0"""
    arrays = """\
import numpy as np
import tensorflow as tf

model = tf.saved_model.load(PATH)
stored = {name: x.numpy() for name, x in model.dataset().items()}
images, labels = stored["images"], np.int64(stored["labels"])"""
    soft_arrays = 'soft_labels = stored["soft_labels"]'

    def fits(self, decoded, memory):
        return memory is not None

    def code(self, decoded, place):
        code = super().code(decoded, place)
        if decoded.normalization.whole:
            return code
        return f"{code}\nmodel.pixels(tf.constant([0]))  # in [0, 1]"

    def write(self, decoded, memory, path):
        path = pathlib.Path(path)
        self.check_replaceable(path)
        stored_memory.check_set(decoded, memory)
        weights = stored_memory.weights(memory)
        said = {
            "format_version": records.FORMAT_VERSION,
            **facts.of(decoded),
            **provenance(decoded),
            **facts.soft_labels_of(decoded),
            "memory": stored_memory.told(memory),
        }
        decode, decode_class, dataset = _functions(decoded, memory)

        def integer(name: str, shape: list[int | None]) -> tf.TensorSpec:
            return tf.TensorSpec(shape, tf.int32, name=name)

        scalars = [integer(name, []) for name in ("label", "n", "seed")]
        archive = keras.export.ExportArchive()
        archive.track(memory)
        archive.add_endpoint("decode", decode, [integer("indices", [None])])
        archive.add_endpoint("decode_class", decode_class, scalars)
        archive.add_endpoint("dataset", dataset, [])
        if not decoded.normalization.whole:
            pixels = _pixels(decoded.normalization, decode)
            archive.add_endpoint("pixels", pixels, [integer("indices", [None])])
        with files.replacing_folder(path) as temporary:
            archive.write_out(os.fspath(temporary), verbose=False)
            stored = files.size(temporary / _WEIGHTS)
            limits.check_written(decoded.images.shape, stored)
            said["weights"] = _places(temporary / _WEIGHTS, weights)
            files.write_json(temporary / _FACTS, said)
            manifest.write(temporary, self.kind, {}, self.place)
        return path

    def held(self, path):
        self.verify(path)
        with facts.believed(path):
            said = claims.an_object(files.read_json(path / _FACTS), "metadata")
            if "memory" not in said:
                raise ValueError(
                    "an earlier version of fred_tf wrote it, without the "
                    "`memory` in its metadata that is read now"
                )
            weights = _weights(path / _WEIGHTS, said)
            memory = stored_memory.rebuilt(
                claims.mapping(said, "memory"),
                weights,
                (path / _WEIGHTS).stat().st_size,
            )
            return Held(memory, said, facts.soft_labels(said))


def _places(
    path: pathlib.Path, weights: list[np.ndarray]
) -> list[dict[str, Any]]:
    """Returns where in the file of variables the bytes of each weight lie.

    TensorFlow keeps them as they are in memory; its index is left to it.
    """
    stored = path.read_bytes()
    offsets = [stored.find(weight.tobytes()) for weight in weights]
    if min(offsets) < 0:
        raise RuntimeError(
            f"TensorFlow has not written the memory's weights to {path} as "
            "they are. Export another form, and please report it."
        )
    return [
        {
            "type": str(weight.dtype),
            "shape": list(weight.shape),
            "offset": offset,
        }
        for weight, offset in zip(weights, offsets)
    ]


def _weights(path: pathlib.Path, said: Mapping[str, Any]) -> list[np.ndarray]:
    """Undoes `_places`."""
    stored = files.read_bytes(path, limits.MOST_STORED)
    weights = []
    for place in claims.listed(said, "weights", 1000):
        place = claims.an_object(place, "weights")
        kind = claims.one_of(place, "type", stored_memory.TYPES)
        shape = claims.shape(place, "shape", range(0, 10), len(stored))
        offset = claims.integer(place, "offset", 0, len(stored))
        count = math.prod(shape)
        array = np.frombuffer(stored, kind, count, offset)
        weights.append(array.reshape(shape))
    return weights


def _pixels(normalization: Normalization, decode: Callable) -> Callable:
    """Returns `pixels`: what `decode` gives, to be looked at."""

    def pixels(indices: tf.Tensor) -> dict[str, tf.Tensor]:
        parts = decode(indices)
        shown = tf.clip_by_value(normalization.undo(parts["images"]), 0, 1)
        return {"pixels": shown, "labels": parts["labels"]}

    return pixels


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
