"""What `features.json` of a TFDS folder says of its records.

TFDS imports the classes that it names. Here it is data: it has to say what TFDS
says of the same sizes, and nothing in it is imported.
"""

import pathlib
import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from google.protobuf import json_format

from fred_tf.disk import claims, files
from fred_tf.forms import limits
from fred_tf.forms.encodings import Encoding

# A feature for viewers alone.
PICTURE = "picture"
# Bytes of a file that describes the records, at most.
MOST_TEXT = 2**24

_SIZE = re.compile("[0-9]{1,9}")


def of(
    codec: Encoding,
    shape: Sequence[int],
    names: Sequence[str],
    there: Collection[str],
) -> tfds.features.FeaturesDict:
    """Returns the features of an example; some only where they are `there`."""
    features = {
        **codec.features(shape),
        "label": tfds.features.ClassLabel(names=list(names)),
    }
    if PICTURE in there:
        features[PICTURE] = tfds.features.Image(
            shape=shape, dtype=np.uint8, encoding_format="png"
        )
    if "soft_label" in there:
        features["soft_label"] = tfds.features.Tensor(
            shape=[len(names)], dtype=np.float32
        )
    return tfds.features.FeaturesDict(features)


def read(
    folder: pathlib.Path, codec: Encoding, class_names: list[str]
) -> tuple[tuple[int, ...], bool]:
    """Returns the shape of an image, and whether there are soft labels.

    Raises:
        ValueError: the file does not say what `of` says of the same sizes.
    """
    path = folder / "features.json"
    whole = {"content": files.read_json(path, MOST_TEXT)}
    stored = whole
    for name in ("content", "featuresDict", "features"):
        stored = claims.mapping(stored, name)
    image = claims.mapping(stored, "image")
    kind = "tensor" if "tensor" in image else "image"
    shape = claims.mapping(claims.mapping(image, kind), "shape")
    # In this JSON integers of 64 bits are texts.
    sizes = [
        int(size) if _SIZE.fullmatch(str(size)) else size
        for size in claims.listed(shape, "dimensions")
    ]
    checked = limits.image_shape({"image_shape": sizes})
    wanted = json_format.MessageToDict(
        of(codec, checked, class_names, stored).to_proto()
    )
    if _without_modules(whole) != _without_modules({"content": wanted}):
        raise ValueError(
            f"{path} must describe images {list(checked)} and labels of "
            f"{len(class_names)} classes as TFDS does. Received: "
            f"{stored!r:.200}"
        )
    return checked, "soft_label" in stored


def _without_modules(told: Any) -> Any:
    """Returns a description of features without the modules of TFDS."""
    if isinstance(told, dict):
        return {name: _without_modules(value) for name, value in told.items()}
    if isinstance(told, str) and told.startswith("tensorflow_datasets."):
        return told.rpartition(".")[-1]
    return told
