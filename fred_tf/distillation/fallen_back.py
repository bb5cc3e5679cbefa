"""Which step sizes fall back where what they are tuned for is replaced."""

from collections.abc import Callable, Mapping
from typing import Any

OPTIMIZER = "distiller.memory_optimizer"
RATE, SHARE = "distiller.memory_learning_rate", "distiller.memory_share"
# Another one of these means other units of the memory, or other gradients.
_CHANGE_THE_RATE = (
    "objective.name",
    "parameterization.name",
    "parameterization.transform",
    "parameterization.norm",
    "parameterization.channels",
    "normalization",
    OPTIMIZER,
)
# The usual step size, the momentum that it is of, and hallucinators that take
# the one of their bases.
_USUAL = {
    RATE: 0.0,
    "distiller.memory_momentum": 0.5,
    "parameterization.hallucinator_learning_rate": 0.0,
}
# What only steps of SGD are measured for.
_MEASURED = {SHARE: 0.0, "distiller.settling_steps": 0}


def fallen_back(
    present: Callable[[str], Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns what else changes as some settings are replaced, by dotted name.

    Nothing that is replaced itself. A step size of labels stays: no preset
    gives one, and that of images suits labels of Adam and LAMB alone.

    Args:
        present: the value of a dotted name so far; None where there is none.
        values: what replaces others, by dotted name.
    """
    fallen: dict[str, Any] = {}
    if RATE not in values and any(
        path in values and values[path] != present(path)
        for path in _CHANGE_THE_RATE
    ):
        fallen |= _USUAL
    if values.get(OPTIMIZER, "sgd") != "sgd" and SHARE not in values:
        fallen |= _MEASURED
    return {
        path: value
        for path, value in fallen.items()
        if path not in values and present(path) is not None
    }
