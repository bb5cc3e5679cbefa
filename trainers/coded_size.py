"""What the coded set of a run takes: as it was expected, and as it is."""

import dataclasses

from fred_tf.coding import coder
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms import OverBudgetError, coded
from fred_tf.parameterizations import Frequency, byte_budget
from fred_tf.scoring import measured
from fred_tf.synthetic_set import SyntheticSet


def at_step(run: DistilledRun, step: float) -> int:
    """Returns the bytes of the nearest levels of a step, whatever the budget.

    Args:
        run: of a memory of frequencies.
        step: in orthonormal units.

    Raises:
        ValueError: coefficients lie beyond these levels.
    """
    return coded.size_of(_exported(run), run.parameterization, step)[1]


def _exported(run: DistilledRun) -> SyntheticSet:
    """Returns the set of a run with all that exports say, and pay for."""
    decoded = run.synthetic_set()
    evaluations = measured(run.folder.path, decoded, run.facts)
    details = {**decoded.details, "evaluations": evaluations}
    return dataclasses.replace(decoded, details=details)


def told(run: DistilledRun) -> str:
    """Returns the bytes of the export `coefficients_coded`, for people.

    Empty where the memory was not trained through a step size, or the package
    that codes is not installed.

    Args:
        run: as it is now.
    """
    memory = run.parameterization
    if not (
        isinstance(memory, Frequency)
        and memory.settings.step
        and coder.is_available()
    ):
        return ""
    budget_bytes = memory.settings.budget_bytes
    asked, decoded = memory.settings.step, _exported(run)
    try:
        step, size = coded.size_of(decoded, memory)
    except OverBudgetError as error:
        return f"{error.least:,} bytes at least, of {budget_bytes:,}"
    actual = f"{size:,} bytes at step {step:g}"
    try:
        _, as_asked = coded.size_of(decoded, memory, asked)
    except ValueError:
        return f"{actual}; its coefficients lie beyond the levels of {asked:g}"
    if not budget_bytes:
        return actual
    expected = byte_budget.predicted(
        memory.settings,
        memory.image_shape,
        memory.classes,
        memory.instances_per_class,
    )
    beside = f"{expected:,} were expected"
    if as_asked != size:
        beside = f"{as_asked:,} at step {asked:g}, where {beside}"
    return f"{actual}, of {budget_bytes:,}; {beside}"
