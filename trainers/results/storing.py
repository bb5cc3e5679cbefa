"""How the set of a row is stored, and what that takes."""

import pathlib

from export import sizes
from fred_tf import forms
from fred_tf.distilled_run import DistilledRun
from fred_tf.parameterizations import Parameterization
from fred_tf.synthetic_set import SyntheticSet
from trainers import within_bytes


def write(
    run: DistilledRun,
    folder: pathlib.Path,
    form: str,
    budget_bytes: int = 0,
) -> tuple[SyntheticSet, pathlib.Path]:
    """Writes the set of a run, and returns what is scored of it.

    A memory that was made for a number of bytes is coded within them. What is
    read back is scored, as it is where a form is given.

    Args:
        run: the run.
        folder: where.
        form: of `fred_tf.forms.FORMS`; empty for the fewest bytes without loss.
        budget_bytes: codes the set within so many, whatever it was made for.

    Returns:
        The set, and where it was written.

    Raises:
        ValueError: the form does not fit the set.
        OverBudgetError: the bytes do not hold the set in any levels.
        ImportError: the package that codes is not installed.
    """
    memory = run.parameterization
    if not form:
        budget_bytes = budget_bytes or memory.settings.budget_bytes
    if budget_bytes:
        return within_bytes.stored(run, folder, budget_bytes)
    decoded = run.synthetic_set()
    chosen = forms.FORMS[form or _lossless(decoded, memory)]
    written = chosen.write(decoded, memory, folder)
    return forms.read(written) if form else decoded, written


def _lossless(decoded: SyntheticSet, memory: Parameterization) -> str:
    """Returns the form in which a set takes the fewest bytes without loss."""
    fit = forms.fitting(decoded, memory)
    one = "coefficients_float32"
    return one if one in fit else "images_float32"


def bytes_of(export: pathlib.Path | None) -> dict[str, int | None]:
    """Returns the bytes of an export's records, and of all its files.

    A picture is one record.

    Args:
        export: a folder or a file; None where nothing was written.
    """
    if export is None:
        return {}
    size = sizes.size_of("", export)
    records = size.size if export.is_file() else size.payload
    return {"bytes": records, "bytes_of_folder": size.size}


def pictures(synthetic_set: SyntheticSet) -> dict[str, int]:
    """Returns the bytes that a set's images take as files of pictures."""
    return {part.name: part.size for part in sizes.pictures(synthetic_set)}
