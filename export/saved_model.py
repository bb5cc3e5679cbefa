"""The memory with its decoder as a SavedModel."""

import os
import pathlib

import keras
import numpy as np
import tensorflow as tf

from export import check_replaceable
from fred_tf import files


def write_saved_model(
    parameterization: keras.layers.Layer, folder: files.Path
) -> pathlib.Path:
    """Writes a SavedModel that decodes images from instance indices.

    TensorFlow alone reads it; neither this library nor Keras is needed:

    ```python
    model = tf.saved_model.load(folder)  # keep it: it owns the memory
    model.decode(tf.constant([0, 7]))  # {"images": [2, ...], "labels": [2]}
    ```

    It stores the compact memory, not the images. They are decoded in
    normalised space, as the parameterization gives them. An index outside
    [0, instances) is an `InvalidArgumentError`, except under XLA, which drops
    assertions. The same function is the signature `serving_default`.

    Args:
        parameterization: a built layer from int32 `[n]` to images `[n, ...]`
            whose `labels` are int `[instances]`.
        folder: replaced as a whole if it is a SavedModel.

    Returns:
        `folder`.

    Raises:
        FileExistsError: `folder` exists and is no SavedModel.
    """
    folder = pathlib.Path(folder)
    check_replaceable(folder, "saved_model.pb")
    labels = np.asarray(parameterization.labels, np.int32)
    rule = f"`indices` must lie in [0, {len(labels)}), the instances."

    def decode(indices: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies(
            [
                tf.debugging.assert_non_negative(indices, message=rule),
                tf.debugging.assert_less(indices, len(labels), message=rule),
            ]
        ):
            indices = tf.identity(indices)
        return {
            "images": parameterization(indices),
            "labels": tf.gather(labels, indices),
        }

    archive = keras.export.ExportArchive()
    archive.track(parameterization)
    archive.add_endpoint(
        "decode",
        decode,
        input_signature=[tf.TensorSpec([None], tf.int32, name="indices")],
    )
    with files.replacing_folder(folder) as temporary:
        archive.write_out(os.fspath(temporary), verbose=False)
    return folder
