"""What is done to images before distillation, and how it is undone."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from fred_tf.normalizations.normalization import (
    Normalization,
    UnfittedError,
    unit_range,
)
from fred_tf.normalizations.standardize import Standardize
from fred_tf.normalizations.zca import KIPZCA, ZCA, FRePoZCA
from fred_tf.settings import check_one_of

NORMALIZATIONS: dict[str, type[Normalization]] = {
    member.name: member for member in (Standardize, ZCA, KIPZCA, FRePoZCA)
}

__all__ = [
    "NORMALIZATIONS",
    "FRePoZCA",
    "KIPZCA",
    "Normalization",
    "Standardize",
    "UnfittedError",
    "ZCA",
    "from_config",
    "unit_range",
]


def from_config(config: Mapping[str, Any]) -> Normalization:
    """Rebuilds a normalisation from its `get_config`.

    Raises:
        ValueError: the name is none of `NORMALIZATIONS`, a field is unknown,
            or a value is no finite number or list of them.
    """
    arguments = dict(config)
    name = str(arguments.pop("name", None))
    check_one_of("normalization", name, NORMALIZATIONS)
    member = NORMALIZATIONS[name]
    fields = dataclasses.fields(member)  # type: ignore[arg-type]
    needed = {x.name for x in fields if x.default is dataclasses.MISSING}
    if not needed <= set(arguments) <= {x.name for x in fields}:
        raise ValueError(
            f"The `normalization` {name!r} has the fields "
            f"{[x.name for x in fields]}. Received: {list(arguments)}."
        )
    return member.from_fields(arguments)
