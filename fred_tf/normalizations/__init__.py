"""What is done to images before distillation, and how it is undone."""

from collections.abc import Mapping
from typing import Any

from fred_tf.normalizations.standardize import Standardize, unit_range

NORMALIZATIONS = {"standardize": Standardize}

__all__ = ["NORMALIZATIONS", "Standardize", "from_config", "unit_range"]


def from_config(config: Mapping[str, Any]) -> Standardize:
    """Rebuilds a normalisation from its `get_config`.

    Raises:
        ValueError: the name is none of `NORMALIZATIONS`.
    """
    arguments = dict(config)
    name = arguments.pop("name", None)
    if name not in NORMALIZATIONS:
        raise ValueError(
            f"A normalisation is one of {sorted(NORMALIZATIONS)}. "
            f"Received: {name!r}."
        )
    return NORMALIZATIONS[name](**arguments)
