"""What a member of a family is told beyond its sizes and collaborators.

Every network, parameterization and objective names a frozen dataclass of its
own as `Settings`: its fields are the constructor's arguments, their defaults
and their ranges, and are what `--override section.field=value` reaches. A
config is checked when it is made, before any data are read, so a check needs
nothing but the fields.
"""

import dataclasses
import difflib
import math
from collections.abc import Iterable
from typing import Any, ClassVar


@dataclasses.dataclass(frozen=True)
class Settings:
    """Base of all settings; `name` is the member's key in its family."""

    name: ClassVar[str] = ""

    def arguments(self, *left_out: str) -> dict[str, Any]:
        """Returns the fields as keyword arguments."""
        return {k: v for k, v in vars(self).items() if k not in left_out}

    def check_run(self, config: Any, instances: int | None) -> None:
        """Checks what spans sections; objectives only.

        Args:
            config: the whole `Config`.
            instances: size of the synthetic set, where the data set is known
                before it is loaded.

        Raises:
            ValueError: the sections do not fit each other.
        """


def check_least(name: str, value: float, least: float) -> None:
    """Refuses what is not finite, or below `least`, with a ValueError."""
    if not (math.isfinite(value) and value >= least):
        raise ValueError(
            f"`{name}` must be a finite number of at least {least}. "
            f"Received: {value}."
        )


def check_positive(name: str, value: float) -> None:
    """Refuses what is not finite and above 0 with a ValueError."""
    if not (math.isfinite(value) and value > 0):
        raise ValueError(
            f"`{name}` must be a finite number above 0. Received: {value}."
        )


def check_one_of(name: str, value: str, known: Iterable[str]) -> None:
    """Refuses unknown names with a ValueError that suggests the nearest."""
    known = sorted(known)
    if value not in known:
        raise ValueError(
            f"`{name}` must be one of {known}. Received: "
            f"{value!r}.{nearest(value, known)}"
        )


def nearest(value: str, known: Iterable[str]) -> str:
    """Returns ` Did you mean 'x'?` for the closest known name, or nothing."""
    close = difflib.get_close_matches(value, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
