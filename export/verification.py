"""Whether what was written comes back."""

import pathlib
from collections.abc import Mapping

from fred_tf.forms import SetForm
from fred_tf.forms.alike import equal
from fred_tf.synthetic_set import SyntheticSet


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
    for path, form in written.items():
        if not form.lossy and not equal(form.read(path), decoded):
            raise RuntimeError(
                f"{form.name} in {path} does not decode to the distilled set. "
                "Delete it and run again; please report it if it stays so."
            )
