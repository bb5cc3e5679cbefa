"""What files say of themselves, believed only within stated bounds.

Files may come from others, or be damaged. A number out of them sizes nothing,
and a word out of them names no file, before it has passed one of these. They
raise a ValueError that states the rule and what was received; who reads the
file adds its path and the way out.
"""

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

_WORD = re.compile(r"[a-z0-9_]+")


def integer(
    values: Mapping[str, Any], name: str, least: int = 0, most: int = 2**31 - 1
) -> int:
    """Returns an integer of a JSON object that lies in a range."""
    value = values.get(name)
    if type(value) is not int or not least <= value <= most:
        raise _refusal(name, f"an integer from {least} to {most}", value)
    return value


def number(
    values: Mapping[str, Any], name: str, least: float, most: float
) -> float:
    """Returns a finite number of a JSON object that lies in a range."""
    value = values.get(name)
    # A bool is an int; one too large for a float has no `isfinite`.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refusal(name, "a finite number", value)
    if not least <= value <= most or abs(value) == math.inf:
        raise _refusal(name, f"a number from {least:g} to {most:g}", value)
    return float(value)


def numbers(
    values: Mapping[str, Any], name: str, least: float, most: float
) -> list[float]:
    """Returns a list of finite numbers that lie in a range."""
    return [
        number({name: value}, name, least, most)
        for value in listed(values, name)
    ]


def text(values: Mapping[str, Any], name: str, longest: int = 10_000) -> str:
    """Returns a text of a JSON object."""
    value = values.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise _refusal(name, f"a text of at most {longest} characters", value)
    return value


def word(
    values: Mapping[str, Any], name: str, may_be_empty: bool = False
) -> str:
    """Returns a word of `[a-z0-9_]`, which is fit for the name of a file."""
    value = values.get(name)
    if value == "" and may_be_empty:
        return ""
    if (
        not isinstance(value, str)
        or not _WORD.fullmatch(value)
        or len(value) > 100
    ):
        raise _refusal(name, "a word of small letters, digits and `_`", value)
    return value


def one_of(values: Mapping[str, Any], name: str, known: Collection[str]) -> str:
    """Returns a text that is among those known."""
    value = values.get(name)
    if not isinstance(value, str) or value not in known:
        raise _refusal(name, f"one of {sorted(known)}", value)
    return value


def mapping(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns a JSON object within a JSON object."""
    return an_object(values.get(name), name)


def an_object(value: Any, name: str) -> dict[str, Any]:
    """Returns a value that is a JSON object, by whatever name it goes."""
    if not isinstance(value, dict):
        raise _refusal(name, "a JSON object", value)
    return value


def listed(
    values: Mapping[str, Any], name: str, longest: int = 1_000_000
) -> list[Any]:
    """Returns a list of a JSON object."""
    value = values.get(name)
    if not isinstance(value, list) or len(value) > longest:
        raise _refusal(name, f"a list of at most {longest} entries", value)
    return value


def shape(
    values: Mapping[str, Any], name: str, ranks: range, most: int
) -> tuple[int, ...]:
    """Returns a shape of positive sizes whose product is at most `most`."""
    sizes = listed(values, name, 16)
    whole = tuple(integer({name: size}, name, 1) for size in sizes)
    if len(whole) not in ranks or math.prod(whole) > most:
        raise _refusal(
            name,
            f"a shape of {ranks.start} to {ranks.stop - 1} sizes and at most "
            f"{most} values",
            sizes,
        )
    return whole


def _refusal(name: str, rule: str, value: Any) -> ValueError:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:80]}..."
    return ValueError(f"`{name}` must be {rule}. Received: {shown}.")
