"""What is done to images before distillation, and how it is undone."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from fred_tf.disk import claims
from fred_tf.normalizations.normalization import Normalization, unit_range
from fred_tf.normalizations.standardize import Standardize
from fred_tf.normalizations.zca import KIPZCA, ZCA, FRePoZCA
from fred_tf.settings import check_one_of

NORMALIZATIONS: dict[str, type[Normalization]] = {
    member.name: member for member in (Standardize, ZCA, KIPZCA, FRePoZCA)
}

# In units of pixels, which lie in [0, 1]: far beyond any that is meant.
_MOST = 1e9

__all__ = [
    "NORMALIZATIONS",
    "FRePoZCA",
    "KIPZCA",
    "Normalization",
    "Standardize",
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
    fields = [field.name for field in dataclasses.fields(member)]  # type: ignore[arg-type]
    if set(arguments) != set(fields):
        raise ValueError(
            f"The `normalization` {name!r} has the fields {fields}. Received: "
            f"{list(arguments)}."
        )
    return member(
        **{
            key: tuple(claims.numbers(arguments, key, -_MOST, _MOST))
            if isinstance(value, list)
            else claims.number(arguments, key, -_MOST, _MOST)
            for key, value in arguments.items()
        }
    )
