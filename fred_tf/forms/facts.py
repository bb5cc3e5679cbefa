"""What an export says of a set beside its images, and the set from that."""

import contextlib
import pathlib
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import message

from fred_tf import normalizations
from fred_tf.disk import claims, files, records
from fred_tf.forms import whitening
from fred_tf.normalizations import Normalization, UnfittedError
from fred_tf.settings import MOST_CLASSES
from fred_tf.synthetic_set import LABEL_KINDS, PROBABILITIES, SyntheticSet

# Of what an export states of itself, at most.
_MOST_RATE, _MOST_FLOATS, _LONGEST_NAME = 1e6, 2**40, 1000
_MOST_VIEWS = 2**31


def of(decoded: SyntheticSet) -> dict[str, Any]:
    """Returns all but images and labels, as JSON values; tuples become lists.

    Raises:
        ValueError: `details` or the learning rate are not fit for JSON.
    """
    rate = decoded.student_learning_rate
    try:
        return records.plain(
            {
                "dataset": decoded.dataset,
                "class_names": decoded.class_names,
                "normalization": decoded.normalization.get_config(),
                "floats_stored": int(decoded.floats_stored),
                "student_learning_rate": None if rate is None else float(rate),
                "details": dict(decoded.details),
                # Where it is not told, soft labels are probabilities.
                **(
                    {"label_kind": decoded.label_kind}
                    if decoded.label_kind != PROBABILITIES
                    else {}
                ),
                **({"views": decoded.views} if decoded.views > 1 else {}),
            }
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`details` and `student_learning_rate` must be finite JSON values. "
            f"Received: {decoded.details!r} and {rate!r} ({error}). "
            "Convert arrays with `.tolist()`."
        ) from error


def soft_labels_of(decoded: SyntheticSet) -> dict[str, Any]:
    """Returns the soft labels as JSON values, if the set has them.

    For forms whose arrays are those of a memory.
    """
    soft = decoded.soft_labels
    return {} if soft is None else {"soft_labels": soft.tolist()}


def soft_labels(facts: Mapping[str, Any]) -> np.ndarray | None:
    """Returns the soft labels that `soft_labels_of` gave, if there are any.

    Raises:
        ValueError: they are no rows of as many numbers each.
    """
    if "soft_labels" not in facts:
        return None
    soft = np.array(claims.listed(facts, "soft_labels"))
    if soft.ndim != 2 or soft.dtype.kind not in "if":
        raise ValueError(
            "`soft_labels` must be rows of as many numbers each. Received: an "
            f"array {soft.shape} of {soft.dtype}."
        )
    return soft


def class_names(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the class names that an export states; the set checks them."""
    return tuple(claims.listed(facts, "class_names", MOST_CLASSES))


def normalization(
    facts: Mapping[str, Any], path: pathlib.Path | None
) -> Normalization:
    """Returns what the images of an export are normalised by.

    Args:
        facts: what it says of itself.
        path: where it lies: a whitening may lie beside it. None looks nowhere.

    Raises:
        ValueError: it is none, or what lies beside it is damaged.
    """
    stated = normalizations.from_config(claims.mapping(facts, "normalization"))
    if stated.is_fitted or path is None:
        return stated
    return whitening.beside(stated, path)


def decoded(
    codec: Any,
    arrays: Mapping[str, np.ndarray],
    facts: Mapping[str, Any],
    path: pathlib.Path,
) -> np.ndarray:
    """Returns images as networks see them, of what an encoding parsed.

    Args:
        codec: one of `ENCODINGS`.
        arrays: what it parsed.
        facts: what the export says of itself.
        path: where it lies, see `normalization`.

    Raises:
        UnfittedError: they are pixels, to be whitened by a matrix that is not
            there; it has the facts.
    """
    try:
        return codec.decode(arrays, normalization(facts, path))
    except UnfittedError as error:
        error.said = facts
        raise


def restored(
    facts: Mapping[str, Any],
    images: np.ndarray,
    labels: np.ndarray,
    soft_labels: np.ndarray | None = None,
    path: pathlib.Path | None = None,
) -> SyntheticSet:
    """Returns the set of which `of` gave the facts.

    Args:
        facts: what an export says of itself.
        images, labels, soft_labels: see `SyntheticSet`.
        path: where it lies, see `normalization`.

    Raises:
        ValueError: they are not as `of` gives them.
    """
    rate = facts.get("student_learning_rate")
    if rate is not None:
        rate = claims.number(facts, "student_learning_rate", 0, _MOST_RATE)
    dataset = claims.text(facts, "dataset", _LONGEST_NAME)
    if {"Cc", "Cs"}.intersection(map(unicodedata.category, dataset)):
        raise ValueError(
            "`dataset` must be a name without control characters. Received: "
            f"{dataset!r}."
        )
    return SyntheticSet(
        images=images,
        labels=labels,
        class_names=class_names(facts),
        normalization=normalization(facts, path),
        dataset=dataset,
        floats_stored=claims.integer(facts, "floats_stored", 0, _MOST_FLOATS),
        student_learning_rate=rate,
        # JSON has infinities as 1e999, and nothing takes them.
        details=records.plain(claims.mapping(facts, "details")),
        soft_labels=soft_labels,
        label_kind=claims.one_of(
            {"label_kind": PROBABILITIES, **facts}, "label_kind", LABEL_KINDS
        ),
        views=claims.integer({"views": 1, **facts}, "views", 1, _MOST_VIEWS),
    )


@contextlib.contextmanager
def believed(path: files.Path) -> Iterator[None]:
    """Within it, whatever an export fails to bear out is a ValueError.

    Args:
        path: of the export, for the message.
    """
    try:
        yield
    except UnfittedError:
        raise  # It holds what it says; what it lacks is elsewhere.
    except (
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        RecursionError,
        NotImplementedError,
        EOFError,
        zlib.error,
        struct.error,
        zipfile.BadZipFile,
        message.DecodeError,
        tf.errors.OpError,
    ) as error:
        raise ValueError(
            "An export must hold what it says that it holds. Received: "
            f"{path}. Write it again with `python -m export`, or get it from "
            "a source that you trust. What does not hold is "
            f"{type(error).__name__}: {error}"
        ) from error
