"""The form that gives a set back best in a number of bytes."""

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fred_tf import forms
from fred_tf.disk import files
from fred_tf.forms import OverBudgetError, SetForm
from fred_tf.forms.limits import TooLargeError
from fred_tf.parameterizations import Parameterization
from fred_tf.settings import argument
from fred_tf.synthetic_set import SyntheticSet


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A form that might be chosen.

    Attributes:
        name: a key of `FORMS`.
        size: bytes of all its files; where it cannot be made to fit, about
            the fewest that it can take.
        error: root-mean-square error of what is read back, of normalised
            pixels; None where it does not fit.
        options: by which it is written so.
    """

    name: str
    size: int
    options: Mapping[str, Any]
    error: float | None = None

    @property
    def rank(self) -> tuple[float, int]:
        """What the best has least of: error, then bytes."""
        return np.inf if self.error is None else self.error, self.size


def best(
    decoded: SyntheticSet,
    memory: Parameterization | None,
    folder: pathlib.Path,
    names: Sequence[str],
    budget_bytes: int,
    options: Mapping[str, Any],
) -> tuple[Candidate, str]:
    """Returns the form that errs least within a budget, and why, as Markdown.

    Each is written into a scratch folder and read back.

    Args:
        decoded: the set, with all that its exports will say.
        memory: what it was decoded from, if it has one.
        folder: of the export; scratch files lie beside it.
        names: keys of `FORMS`; all that fit the set if empty.
        budget_bytes: of all files of a form, at most.
        options: of forms, see `forms.write`.

    Raises:
        TypeError, ValueError: no form fits the budget, or none holds the set;
            or an option is wrong.
    """
    budget_bytes = argument("budget_bytes", budget_bytes, int)
    fit, found = forms.chosen(names, decoded, memory), []
    forms.check_options(fit, options)
    options = {**options, "budget_bytes": budget_bytes}
    files.make_folder(folder.parent)
    for name, form in fit.items():
        if not isinstance(form, SetForm):
            continue
        taken = form.taken(options)
        with files.scratch_folder(folder) as scratch:
            try:
                written = forms.write(decoded, memory, scratch, [name], **taken)
            except OverBudgetError as over:
                found.append(Candidate(name, over.least, taken))
                continue
            except TooLargeError:
                if names:
                    raise
                continue
            size = files.size(*form.own_files(written[name]))
            error = None
            if size <= budget_bytes:
                errors = form.read(written[name]).images - decoded.images
                error = float(np.sqrt(np.mean(np.square(errors))))
            found.append(Candidate(name, size, taken, error))
    found.sort(key=lambda candidate: candidate.rank)
    if not found:
        raise ValueError(
            "`budget_bytes` needs a form that holds the set. Received: "
            f"{names}. Name another, or none for all."
        )
    if found[0].error is None:
        least = min(found, key=lambda candidate: candidate.size)
        raise ValueError(
            f"`budget_bytes` must be at least {least.size:,}, which "
            f"{least.name!r} takes. Received: {budget_bytes:,}. Raise it, or "
            "distil fewer images."
        )
    return found[0], _reasons(found, budget_bytes)


def _reasons(found: list[Candidate], budget_bytes: int) -> str:
    """Returns the comparison of all forms, the one that was chosen first."""
    lines = [
        f"Of the forms within {budget_bytes:,} bytes, all files counted, "
        f"`{found[0].name}` errs least:",
        "",
        "| form | bytes | root-mean-square error of normalised pixels |",
        "|---|---|---|",
    ]
    for candidate in found:
        error = "does not fit"
        if candidate.error is not None:
            error = f"{candidate.error:.4f}"
        lines.append(f"| {candidate.name} | {candidate.size:,} | {error} |")
    return "\n".join(lines) + "\n"
