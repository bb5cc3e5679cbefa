"""The set of a memory that was made for a number of bytes, as they hold it."""

import pathlib
import shlex

from absl import logging

from fred_tf import forms
from fred_tf.config import Config
from fred_tf.disk import files
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms.coded import CodedCoefficients
from fred_tf.synthetic_set import SyntheticSet


def tell(config: Config, run_dir: files.Path) -> None:
    """Says of a set that its export will round that it is scored as floats.

    Args:
        config: of its run.
        run_dir: where the run is, or will be.
    """
    if budget_bytes := config.parameterization.export_bytes:
        logging.warning(
            "The set is scored as floats. What %s bytes hold of it is written "
            "by `python -m export --run_dir=%s --forms=coefficients_coded "
            "--budget_bytes=%d` and scored with `--exported`.",
            f"{budget_bytes:,}",
            shlex.quote(str(run_dir)),
            budget_bytes,
        )


def stored(
    run: DistilledRun, folder: pathlib.Path, budget_bytes: int = 0
) -> tuple[SyntheticSet, pathlib.Path]:
    """Returns what is read back of a coded export, and where that is.

    Within the bytes it is as it was trained if that fits, or else errs as
    little as does.

    Args:
        run: of a memory of frequencies.
        folder: where to write; replaced if it is an earlier export.
        budget_bytes: of all files, at most; by default those that the memory
            was made for.

    Raises:
        OverBudgetError: the bytes do not hold the set in any levels.
        ImportError: the package that codes is not installed.
    """
    memory = run.parameterization
    coded = CodedCoefficients().write(
        run.synthetic_set(),
        memory,
        folder,
        budget_bytes=budget_bytes or memory.settings.budget_bytes,
    )
    return forms.read(coded), coded
