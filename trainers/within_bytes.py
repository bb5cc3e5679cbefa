"""The set of a memory that was made for a number of bytes, as they hold it."""

import pathlib
import shlex

from absl import logging

from fred_tf import forms
from fred_tf.coding import coder
from fred_tf.coding.entropy_model import MOST_LEVEL
from fred_tf.config import Config
from fred_tf.disk import files
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms.coded import CodedCoefficients
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet
from trainers import coded_size


def refuse_real(config: Config) -> None:
    """Refuses bytes of coded frequencies as a number of real images.

    Raises:
        ValueError: the settings have a budget in bytes.
    """
    if budget_bytes := config.parameterization.budget_bytes:
        raise ValueError(
            "`budget_bytes` is of coded frequencies; bytes of real images are "
            f"those of one picture of all. Received: {budget_bytes}. "
            f"`python -m trainers.select_coreset --stored_bytes={budget_bytes}`"
            " takes as many as that holds, and `--exported` scores them; or "
            "give a budget in `ipc`."
        )


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


def tell_of(run: DistilledRun) -> None:
    """Says of the set of a run that it is scored as what its bytes cannot hold.

    Rounded by the export, or in levels of its training that take more.
    """
    tell(run.config, run.folder.path)
    memory = run.parameterization
    budget_bytes = run.config.parameterization.budget_bytes
    if not (
        isinstance(memory, Frequency)
        and budget_bytes
        and memory.settings.trained_step
        and coder.is_available()
    ):
        return
    try:
        size = coded_size.at_step(run, memory.settings.trained_step)
    except ValueError:  # Beyond the levels of the step.
        takes = f"no file holds, some are beyond {MOST_LEVEL:,}"
    else:
        if size <= budget_bytes:
            return
        takes = f"take {size:,} bytes, of {budget_bytes:,}"
    logging.warning(
        "The set is scored in the levels of its training, which %s. What a "
        "budget holds of it is written by `python -m export --run_dir=%s "
        "--forms=coefficients_coded` and scored with `--exported`.",
        takes,
        shlex.quote(str(run.folder.path)),
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
