"""What a prepared data set says of itself, checked before TFDS believes it.

TensorFlow Datasets (TFDS) imports the class that a `features.json` names, and
the library of the file format that a `dataset_info.json` names, from wherever
Python finds modules: the working folder is among these places.
"""

import json
import pathlib
import re
from typing import Any

import tensorflow_datasets as tfds

from fred_tf.disk import files
from fred_tf.disk.files import Path

_FEATURES, _INFO = "features.json", "dataset_info.json"
# Where TFDS notes which config it takes if none is named.
_DEFAULT_CONFIG = ".config/metadata.json"
# A config, as it may stand in a path.
CONFIG = r"(?!\.+$)[\w.+-]+"

# Classes of features are imported already where TFDS has them itself.
CLASSES = frozenset(
    f"{kind.__module__}.{kind.__name__}"
    for kind in vars(tfds.features).values()
    if isinstance(kind, type)
    and issubclass(kind, tfds.features.FeatureConnector)
)
# How the two versions of `features.json` name classes, and where each holds
# JSON as text, which TFDS reads alike.
_CLASS = ("pythonClassName", "python_class_name", "type")
_TEXT = ("json", "content")


def check(data_dir: Path, name: str) -> None:
    """Checks all that is prepared of a data set, in any config and version.

    Args:
        data_dir: where TFDS keeps its data.
        name: the data set, without config and version.

    Raises:
        OSError: a file is no plain JSON, or names of classes are no UTF-8.
        ValueError: it would make TFDS import what is not its own, or read
            other places.
    """
    folder = pathlib.Path(data_dir) / name
    for depth in ("*", "*/*"):
        for path in sorted(folder.glob(f"{depth}/{_FEATURES}")):
            _check_classes(path, _read(path))
        for path in sorted(folder.glob(f"{depth}/{_INFO}")):
            _check_info(path, _read(path))
        # TFDS numbers the classes where it cannot read their names.
        for path in sorted(folder.glob(f"{depth}/*.labels.txt")):
            _read_text(path)
    default = folder / _DEFAULT_CONFIG
    if default.is_file():
        for value in _objects(_read(default)).values():
            if not re.fullmatch(CONFIG, str(value)):
                raise _refusal(default, "name a folder", value)


def damaged(place: object, error: Exception) -> OSError:
    """Returns the error to raise about a prepared data set."""
    return OSError(
        f"The prepared data set {place} is damaged. Received: {error} Delete "
        "that folder, then prepare it again with --download or copy it again."
    )


def _read(path: pathlib.Path) -> Any:
    try:
        # Data sets are often links to files elsewhere.
        return files.read_json(path.resolve())
    except ValueError as error:
        raise damaged(path.parent, error) from error


def _read_text(path: pathlib.Path) -> str:
    try:
        return files.read_bytes(path.resolve()).decode()
    except ValueError as error:
        raise damaged(path.parent, ValueError(f"{path}: {error}")) from error


def _objects(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _check_classes(path: pathlib.Path, value: Any) -> None:
    """Checks every class that is named anywhere in a `features.json`."""
    if isinstance(value, list):
        for part in value:
            _check_classes(path, part)
    for key, part in _objects(value).items():
        is_text = isinstance(part, str)
        if is_text and key in _CLASS and part not in CLASSES:
            raise _refusal(path, "name features of TFDS alone", part)
        if is_text and key in _TEXT:
            try:
                part = json.loads(part)
            except (ValueError, RecursionError):
                raise _refusal(path, "hold JSON", part) from None
        _check_classes(path, part)


def _check_info(path: pathlib.Path, value: Any) -> None:
    values = _objects(value)
    for key in ("fileFormat", "file_format"):
        if values.get(key, "tfrecord") not in ("", "tfrecord"):
            raise _refusal(path, "have files of format tfrecord", values[key])
    splits = values.get("splits")
    for split in splits if isinstance(splits, list) else []:
        for key in ("filepathTemplate", "filepath_template", "name"):
            if "/" in str(_objects(split).get(key, "")):
                raise _refusal(path, "name files beside itself", split[key])
    if not re.fullmatch(r"\w*", str(values.get("name", ""))):
        raise _refusal(path, "name its data set by a word", values["name"])


def _refusal(path: pathlib.Path, rule: str, value: Any) -> ValueError:
    return ValueError(
        f"{path} must {rule}. Received: {str(value)[:80]!r}. Get the data set "
        "from a source that you trust, or prepare it again with --download."
    )
