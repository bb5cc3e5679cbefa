"""Settings as people write them: `name=value`, with a name that may be bare."""

from collections.abc import Mapping
from typing import Any

from fred_tf.settings import nearest

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def pair(assignment: str) -> tuple[str, str]:
    """Returns the name and the value of `name=value`.

    Raises:
        ValueError: it is written otherwise.
    """
    name, separator, text = assignment.partition("=")
    if not separator:
        raise ValueError(
            f"An override is written name=value. Received: {assignment!r}."
        )
    return name.strip(), text.strip()


def resolved(name: str, fields: Mapping[str, type]) -> str:
    """Returns the dotted name of a field that may be named by its last part.

    Args:
        name: as it was written.
        fields: types by dotted name.

    Raises:
        ValueError: no field is called so, or several are.
    """
    if name in fields:
        return name
    matches = [path for path in fields if path.split(".")[-1] == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ValueError(
            f"Override {name!r} is ambiguous. Write one of {matches}."
        )
    bare = {path.split(".")[-1] for path in fields}
    raise ValueError(
        f"Unknown override {name!r}.{nearest(name, [*fields, *bare])} Known "
        f"names: {', '.join(fields)}."
    )


def parsed(name: str, text: str, kind: type) -> Any:
    """Returns a value of a field's type.

    Raises:
        ValueError: it is none.
    """
    try:
        return _BOOLEANS[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise ValueError(
            f"`{name}` is {kind.__name__}. Received: {text!r}."
        ) from None
