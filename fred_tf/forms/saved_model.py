"""The memory with its decoder, for TensorFlow Serving and for Keras."""

import os
import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fred_tf.disk import files, records
from fred_tf.disk.files import check_replaceable
from fred_tf.forms import manifest
from fred_tf.parameterizations import Parameterization

KIND = "saved_model"

# TensorFlow and Serving leave this folder alone.
_FACTS = "assets.extra/metadata.json"
_MANIFEST = f"assets.extra/{manifest.NAME}"


def write_saved_model(
    parameterization: keras.layers.Layer,
    folder: files.Path,
    facts: dict[str, Any] | None = None,
) -> pathlib.Path:
    """Writes a SavedModel that decodes images.

    TensorFlow alone reads it; neither this library nor Keras is needed:

    ```python
    model = tf.saved_model.load(folder)  # keep it: it owns the memory
    model.decode(tf.constant([0, 7]))  # {"images": [2, ...], "labels": [2]}
    model.decode_class(3, 5, 0)  # 5 distinct ones of class 3, drawn by seed 0
    model.dataset()  # all of them
    ```

    It stores the compact memory, not the images. They are decoded in
    normalised space, as the parameterization gives them. An index outside
    [0, instances), a label that no instance has, or more images than it has,
    is an `InvalidArgumentError`, except under XLA, which drops assertions. The
    three functions are signatures, too, with int32 inputs `indices` `[n]`;
    `label`, `n` and `seed`, scalars; and none. `decode` is `serving_default`
    as well: as `<name>/<version>/`, TensorFlow Serving takes the folder.
    TensorFlow does not notice every damage to it; `verify_saved_model` does.

    Args:
        parameterization: a built layer from int32 `[n]` to images `[n, ...]`
            whose `labels` are int `[instances]`.
        folder: replaced as a whole if it is a SavedModel.
        facts: written as `assets.extra/metadata.json`, with the
            `format_version`; fit for JSON.

    Returns:
        `folder`.

    Raises:
        FileExistsError: `folder` exists and is no SavedModel.
    """
    folder = pathlib.Path(folder)
    check_replaceable(folder, "saved_model.pb")
    labels = np.asarray(parameterization.labels, np.int32)
    rule = f"`indices` must lie in [0, {len(labels)}), the instances."

    def decoded(indices: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "images": parameterization(indices),
            "labels": tf.gather(labels, indices),
        }

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

    def integer(name: str, shape: list[int | None]) -> tf.TensorSpec:
        return tf.TensorSpec(shape, tf.int32, name=name)

    scalars = [integer(name, []) for name in ("label", "n", "seed")]
    archive = keras.export.ExportArchive()
    archive.track(parameterization)
    archive.add_endpoint("decode", decode, [integer("indices", [None])])
    archive.add_endpoint("decode_class", decode_class, scalars)
    archive.add_endpoint("dataset", dataset, [])
    with files.replacing_folder(folder) as temporary:
        archive.write_out(os.fspath(temporary), verbose=False)
        files.write_json(
            temporary / _FACTS,
            {"format_version": records.FORMAT_VERSION, **(facts or {})},
        )
        manifest.write(temporary, KIND, {}, _MANIFEST)
    return folder


def verify_saved_model(folder: files.Path) -> None:
    """Compares every file of an exported SavedModel with its manifest.

    Raises:
        FileNotFoundError: there is no export at `folder`.
        ValueError: see `manifest.verify`.
    """
    manifest.verify(folder, KIND, _MANIFEST)


def write_keras(
    parameterization: Parameterization,
    path: files.Path,
    facts: dict[str, Any] | None = None,
) -> pathlib.Path:
    """Writes the memory and its config as one `.keras` file.

    A JSON file of the same name beside it says what the memory does not.

    Args:
        parameterization: a built memory.
        path: ends in `.keras`; replaced.
        facts: written as the `.json` file, with the `format_version` and the
            `keras_sha256`, that of the `.keras` file, and its own `sha256`;
            fit for JSON.

    Returns:
        `path`.
    """
    path = pathlib.Path(path)
    indices = keras.Input((), dtype="int32", name="indices")
    model = keras.Model(indices, parameterization(indices))
    with files.replacing_file(path) as temporary:
        # Keras goes by the suffix, and the temporary name has another.
        named = temporary.with_name(f"{temporary.name}.keras")
        try:
            model.save(named)
            os.replace(named, temporary)
        finally:
            named.unlink(missing_ok=True)
    described = {
        "format_version": records.FORMAT_VERSION,
        "keras_sha256": files.sha256(path),
        **(facts or {}),
    }
    files.write_json(path.with_suffix(".json"), records.seal(described))
    return path


def read_keras(path: files.Path) -> Parameterization:
    """Reads a memory that `write_keras` wrote.

    The file names classes of this library and numbers; code in it is refused
    and never run.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or holds something else; or the file
            beside it that describes it is of another.
    """
    path = pathlib.Path(path)
    rule = "A memory is a `.keras` file of `python -m export`."
    # Keras goes by the suffix: others are formats in which code may run.
    if path.suffix != ".keras":
        raise ValueError(f"{rule} Received: {path}. Export the run again.")
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no {path}. Write it with `python -m export`."
        )
    facts = path.with_suffix(".json")
    if facts.is_file() and (
        records.read(facts).get("keras_sha256") != files.sha256(path)
    ):
        raise ValueError(
            f"{rule} Received: {path}, which is not the one that {facts} "
            "describes. Export the run again, or delete what describes it."
        )
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Damage surfaces as almost any kind.
        raise ValueError(
            f"{rule} Received: {path}, which Keras does not load: {error}. "
            "Write it again."
        ) from error
    found = [x for x in model.layers if isinstance(x, Parameterization)]
    if len(found) != 1:
        raise ValueError(
            f"{rule} Received: {path} with layers "
            f"{[x.name for x in model.layers]}."
        )
    return found[0]
