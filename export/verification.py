"""Whether what was written comes back."""

import pathlib
from collections.abc import Mapping

import numpy as np

from fred_tf.forms import SetForm
from fred_tf.synthetic_set import SyntheticSet

# Of the largest value, at least 1: decoding rounds.
_TOLERANCE = 1e-5


def check(
    decoded: SyntheticSet, written: Mapping[pathlib.Path, SetForm]
) -> None:
    """Reads each form that loses nothing back, and compares it with the set.

    Args:
        decoded: the set.
        written: the forms by the paths where they lie.

    Raises:
        ValueError: a file is not as it was written.
        RuntimeError: something came back different.
    """
    tolerance = _TOLERANCE * max(1, np.abs(decoded.images).max())
    for path, form in written.items():
        if form.lossy:
            continue
        read = form.read(path)
        same = (
            np.array_equal(read.targets, decoded.targets)
            and np.array_equal(read.labels, decoded.labels)
            and np.allclose(read.images, decoded.images, 0, tolerance)
        )
        if not same:
            raise RuntimeError(
                f"{form.name} in {path} does not decode to the distilled set. "
                "Delete it and run again; please report it if it stays so."
            )
