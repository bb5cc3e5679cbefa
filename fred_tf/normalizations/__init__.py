"""What is done to images before distillation, and how it is undone."""

from collections.abc import Mapping
from typing import Any

from fred_tf.normalizations.normalization import Normalization, unit_range
from fred_tf.normalizations.standardize import Standardize
from fred_tf.settings import check_one_of

NORMALIZATIONS: dict[str, type[Normalization]] = {
    member.name: member for member in (Standardize,)
}

__all__ = [
    "NORMALIZATIONS",
    "Normalization",
    "Standardize",
    "from_config",
    "unit_range",
]


def from_config(config: Mapping[str, Any]) -> Normalization:
    """Rebuilds a normalisation from its `get_config`.

    Raises:
        ValueError: the name is none of `NORMALIZATIONS`.
    """
    arguments = dict(config)
    name = str(arguments.pop("name", None))
    check_one_of("normalization", name, NORMALIZATIONS)
    return NORMALIZATIONS[name](
        **{
            key: tuple(value) if isinstance(value, list) else value
            for key, value in arguments.items()
        }
    )
