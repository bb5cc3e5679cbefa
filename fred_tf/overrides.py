"""Settings replaced from the command line: `name=value`."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from fred_tf.config import FAMILIES, Config, member_settings, replace
from fred_tf.settings import nearest


def override(config: Config, assignments: Iterable[str]) -> Config:
    """Returns `config` with `name=value` assignments applied.

    A name is dotted (`objective.student_steps=30`) or, where only one section
    has it, bare (`student_steps=30`). `parameterization.name=pixel` takes
    another member of a family, with its own fields, at their defaults unless
    they are overridden as well.

    Raises:
        ValueError: a name is unknown or ambiguous, or a value has the wrong
            type or range; the message suggests the nearest name.
    """
    pairs = [_pair(assignment) for assignment in assignments]
    members = {
        name.removesuffix(".name"): text
        for name, text in pairs
        if name.removesuffix(".name") in FAMILIES and name.endswith(".name")
    }
    fields = _fields(config, members)
    values = {}
    for name, text in pairs:
        path = _resolve(name, fields)
        values[path] = _parse(path, text, fields[path])
    return replace(config, values)


def _pair(assignment: str) -> tuple[str, str]:
    name, separator, text = assignment.partition("=")
    if not separator:
        raise ValueError(
            f"An override is written name=value. Received: {assignment!r}."
        )
    return name.strip(), text.strip()


def _fields(config: Config, members: Mapping[str, str]) -> dict[str, type]:
    """Returns the type of every leaf field under its dotted name.

    Args:
        config: what is overridden.
        members: the members asked for, by section.
    """
    found = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name in FAMILIES:
            found[f"{field.name}.name"] = str
        if field.name in members:
            value = member_settings(field.name, members[field.name])
        if dataclasses.is_dataclass(value):
            for inner in dataclasses.fields(value):
                found[f"{field.name}.{inner.name}"] = inner.type
        else:
            found[field.name] = field.type
    return found


def _resolve(name: str, fields: Mapping[str, type]) -> str:
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


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def _parse(name: str, text: str, kind: type) -> Any:
    try:
        return _BOOLEANS[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise ValueError(
            f"`{name}` is {kind.__name__}. Received: {text!r}."
        ) from None
