"""JSON records by which a folder explains itself: read, and told apart.

A record is a JSON object with a `format_version`. Two of them are compared
leaf by leaf, so that a refusal can list each field with both values.
"""

import json
from collections.abc import Mapping
from typing import Any

from fred_tf.disk import files


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()

Differences = dict[str, tuple[Any, Any]]


def plain(value: Any) -> Any:
    """Returns `value` as JSON would give it back: tuples become lists.

    Raises:
        TypeError: something in `value` has no JSON form.
        ValueError: a number in `value` is NaN or infinite.
    """
    return json.loads(json.dumps(value, allow_nan=False))


def read(path: files.Path, format_version: int) -> dict[str, Any]:
    """Reads a record.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no JSON object, or of another format version.
    """
    record = files.read_json(path)
    if not isinstance(record, dict):
        raise ValueError(
            f"{path} must hold a JSON object. Received: a "
            f"{type(record).__name__}. Restore it from a copy."
        )
    found = record.get("format_version", ABSENT)
    if found != format_version:
        raise ValueError(
            f"`format_version` of {path} must be {format_version} for this "
            f"version of fred_tf. Received: {found!r}. Use the version of "
            "fred_tf that wrote it, or another folder."
        )
    return record


def _leaves(value: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        return {name: value} if name else {}
    return {
        leaf: content
        for key, part in value.items()
        for leaf, content in _leaves(
            part, f"{name}.{key}" if name else str(key)
        ).items()
    }


def differences(
    found: Mapping[str, Any], asked: Mapping[str, Any], subset: bool = False
) -> Differences:
    """Compares two nested records leaf by leaf; a list is one leaf.

    Args:
        found: what the folder holds.
        asked: what the caller wants.
        subset: whether `found` may hold leaves that `asked` does not name.

    Returns:
        The values `(found, asked)` of every leaf that differs by its dotted
        name, `ABSENT` where one side has none; empty when they agree.
    """
    found, asked = _leaves(plain(found)), _leaves(plain(asked))
    names = asked if subset else found | asked
    pairs = {
        name: (found.get(name, ABSENT), asked.get(name, ABSENT))
        for name in names
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def listing(different: Differences) -> str:
    """Returns one indented line per difference, with both values."""
    return "\n".join(
        f"  {name}: {found!r} in the folder, {asked!r} asked for"
        for name, (found, asked) in different.items()
    )
