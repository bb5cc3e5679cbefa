"""What the coded set of a run takes: as it was expected, and as it is."""

import dataclasses

from fred_tf.coding import coder
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms import OverBudgetError, coded
from fred_tf.parameterizations import Frequency, byte_budget
from fred_tf.scoring import measured


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
    decoded = run.synthetic_set()
    # As exports have them, and pay for them.
    evaluations = measured(run.folder.path, decoded, run.facts)
    details = {**decoded.details, "evaluations": evaluations}
    decoded = dataclasses.replace(decoded, details=details)
    try:
        step, size = coded.size_of(decoded, memory, budget_bytes or None)
    except OverBudgetError as error:
        return f"{error.least:,} bytes at least, of {budget_bytes:,}"
    actual = f"{size:,} bytes at step {step:g}"
    if not budget_bytes:
        return actual
    expected = byte_budget.predicted(
        memory.settings,
        memory.image_shape,
        memory.classes,
        memory.instances_per_class,
    )
    return f"{actual}, of {budget_bytes:,}; {expected:,} were expected"
