"""The kinds of places that images come from."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

from fred_tf.datasets import (
    array_files,
    arrays,
    image_folder,
    names,
    pipelines,
)
from fred_tf.datasets.preparation import Preparation
from fred_tf.datasets.raw_images import Found

# What data are called that have no name of their own.
IN_MEMORY = "arrays"


@dataclasses.dataclass(frozen=True)
class Asked:
    """What `load` was given to read.

    Attributes:
        source: a name without a path, or data in memory.
        data_dir: the folder that it is in; None for none in particular.
        download: whether missing data may be fetched.
        preparation: what is to be done to the images.
    """

    source: Any
    data_dir: pathlib.Path | None
    download: bool
    preparation: Preparation


class Source(NamedTuple):
    """A kind of place that images come from.

    Attributes:
        takes: whether it is meant by what `load` was given.
        read: what it has of that.
    """

    takes: Callable[[Any], bool]
    read: Callable[[Asked], Found]


def _read_digits(asked: Asked) -> Found:
    from fred_tf.datasets import digits  # Loads scikit-learn.

    return Found(*digits.read())


def _read_tfds(asked: Asked) -> Found:
    from fred_tf.datasets import tfds_images  # Loads TensorFlow Datasets.

    return tfds_images.read(
        asked.source,
        asked.data_dir,
        asked.download,
        asked.preparation.skip_corrupt,
    )


def _begins(kind: str) -> Callable[[Any], bool]:
    return lambda source: isinstance(source, str) and source.startswith(kind)


def _path(asked: Asked) -> pathlib.Path:
    assert asked.data_dir is not None
    return names.path_of(asked.source, asked.data_dir)


# The first that takes it.
SOURCES = {
    "digits": Source(lambda source: source == "digits", _read_digits),
    "folder": Source(
        _begins(names.FOLDER), lambda asked: image_folder.read(_path(asked))
    ),
    "file": Source(
        _begins(names.FILE), lambda asked: array_files.read(_path(asked))
    ),
    "arrays": Source(
        arrays.takes, lambda asked: Found(*arrays.read(asked.source))
    ),
    "pipeline": Source(
        pipelines.takes, lambda asked: Found(*pipelines.read(asked.source))
    ),
    "tfds": Source(lambda source: isinstance(source, str), _read_tfds),
}


def _kinds(source: Any) -> str:
    """Returns of what type something is, and what it holds."""
    name = type(source).__name__
    if not isinstance(source, tuple | list):
        return name
    parts = [_kinds(part) for part in source[:3]]
    more = ", ..." if len(source) > 3 else ""
    return f"{name} of {', '.join(parts) or 'nothing'}{more}"


def source_of(source: Any) -> Source:
    """Returns the kind of source that something is.

    Raises:
        TypeError: it is of none.
        ValueError: it is what data without a name are called.
    """
    reader = next((s for s in SOURCES.values() if s.takes(source)), None)
    if reader is None:
        raise TypeError(
            "Data are a name, a pair of arrays (images, labels), a "
            "`tf.data.Dataset` of such pairs, or two of these to train on and "
            f"to test with. Received: {_kinds(source)}. Lists become arrays by "
            "`numpy.asarray`."
        )
    if isinstance(source, str) and source == IN_MEMORY:
        raise ValueError(
            "Data that were handed over in memory cannot be loaded by name. "
            f"Received: {source!r}. Pass the arrays themselves, in Python: "
            "`fred_tf.distill` as before gives the set of a run, whose "
            "`evaluate` takes them."
        )
    return reader
