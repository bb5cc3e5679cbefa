"""What an export says of a set beside its images, and the set from that."""

import contextlib
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fred_tf import normalizations
from fred_tf.disk import files, records
from fred_tf.synthetic_set import SyntheticSet


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
            }
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`details` and `student_learning_rate` must be finite JSON values. "
            f"Received: {decoded.details!r} and {rate!r} ({error}). "
            "Convert arrays with `.tolist()`."
        ) from error


def restored(
    facts: Mapping[str, Any],
    images: np.ndarray,
    labels: np.ndarray,
    soft_labels: np.ndarray | None = None,
) -> SyntheticSet:
    """Returns the set of which `of` gave the facts.

    Raises:
        LookupError, TypeError, ValueError: they are not as `of` gives them.
    """
    return SyntheticSet(
        images=images,
        labels=labels,
        class_names=tuple(facts["class_names"]),
        normalization=normalizations.from_config(facts["normalization"]),
        dataset=facts["dataset"],
        floats_stored=facts["floats_stored"],
        student_learning_rate=facts["student_learning_rate"],
        details=facts["details"],
        soft_labels=soft_labels,
    )


@contextlib.contextmanager
def believed(path: files.Path) -> Iterator[None]:
    """Within it, whatever an export fails to bear out is a ValueError.

    Args:
        path: of the export, for the message.
    """
    try:
        yield
    except (
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        zlib.error,
    ) as error:
        raise ValueError(
            "An export must hold what it says that it holds. Received: "
            f"{path}. Write it again with `python -m export`, or get it from "
            "a source that you trust. What does not hold is "
            f"{type(error).__name__}: {error}"
        ) from error
