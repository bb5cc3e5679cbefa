"""Whether what lies in several forms is one set."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from fred_tf.disk import files, records
from fred_tf.forms import facts
from fred_tf.forms.form import SetForm
from fred_tf.synthetic_set import SyntheticSet

# Of details, what may change while a set stays as it is.
MEASURED = "evaluations", "this_form"
# Of the largest value, at least 1: decoding rounds.
_TOLERANCE = 1e-5


def origin(details: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what details say of where a set comes from: run and step."""
    told = {k: v for k, v in details.items() if k not in MEASURED}
    return records.plain(told)


def equal(one: SyntheticSet, other: SyntheticSet) -> bool:
    """Returns whether images and labels are the same, but for rounding."""
    if one.images.shape != other.images.shape:
        return False
    tolerance = _TOLERANCE * max(1, np.abs(other.images).max())
    return (
        np.array_equal(one.targets, other.targets)
        and np.array_equal(one.labels, other.labels)
        and np.allclose(one.images, other.images, 0, tolerance)
    )


def alike(one: SyntheticSet, other: SyntheticSet, exact: bool) -> bool:
    """Returns whether two sets that were read are one, as far as is known.

    They say the same of themselves, but for what was measured.

    Args:
        one: a set.
        other: another.
        exact: whether neither form loses anything, so that they are `equal`.
    """
    return (
        _said(one) == _said(other)
        and np.array_equal(one.labels, other.labels)
        and (not exact or equal(one, other))
    )


def held(
    form: SetForm, path: pathlib.Path, decoded: SyntheticSet
) -> SyntheticSet | None:
    """Returns what a form holds; None if that is no set `alike`, or broken."""
    try:
        read = form.read(path)
    except (ValueError, OSError, ImportError):
        return None
    return read if alike(read, decoded, not form.lossy) else None


def digest(decoded: SyntheticSet) -> str:
    """Returns what tells a set from others, as far as it says: a SHA-256.

    Of no images: other machines decode them a little differently.
    """
    said = json.dumps(_said(decoded), sort_keys=True)
    return files.digest(said.encode() + decoded.labels.tobytes())


def _said(one: SyntheticSet) -> Mapping[str, Any]:
    said = {**facts.of(one), "soft_labels": one.kind_of_soft_labels}
    return {**said, "details": origin(one.details)}
