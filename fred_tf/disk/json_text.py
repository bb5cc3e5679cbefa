"""JSON of others: only what JSON has, each key once, and not too deep."""

import json
from typing import Any

from fred_tf.disk.paths import Path

# Levels of objects and lists in each other, at most.
_DEEPEST = 100


def parsed(text: bytes, path: Path) -> Any:
    """Returns what JSON says.

    Args:
        text: the JSON, in UTF-8.
        path: where it is from, for the message.

    Raises:
        ValueError: it is not JSON, holds NaN, names a key twice or nests too
            deep; the message names `path`.
    """
    try:
        value = json.loads(
            text.decode("utf-8"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_distinct,
        )
        _check_depth(value)
        return value
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not a JSON file: {error}. Restore it from a copy, or "
            "delete its folder and run the program that writes it again."
        ) from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError(f"a key occurs twice among {[k for k, _ in pairs]}")
    return values


def _check_depth(value: Any) -> None:
    """Refuses what functions that call themselves could not walk through."""
    level = [value] if isinstance(value, dict | list) else []
    depth = 0
    while level:
        if depth > _DEEPEST:
            raise ValueError(f"it nests more than {_DEEPEST} levels")
        level = [
            part
            for whole in level
            for part in (whole.values() if isinstance(whole, dict) else whole)
            if isinstance(part, dict | list)
        ]
        depth += 1
