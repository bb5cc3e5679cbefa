"""Settings as people write them: `name=value`, with a name that may be bare."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from fred_tf.disk import records
from fred_tf.settings import Member, field_types, nearest

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def listed(texts: str | Iterable[str] | None) -> list[str]:
    """Returns texts as a list; one alone is one of them, None is none.

    Raises:
        TypeError: they are no texts.
    """
    if isinstance(texts, str):
        return [texts]
    if not isinstance(texts, Iterable | None):
        raise TypeError(
            "Names, and overrides `name=value`, are a text or a list of texts. "
            f"Received: {texts!r}. Give a list."
        )
    return [] if texts is None else list(texts)


def pair(assignment: str) -> tuple[str, str]:
    """Returns the name and the value of `name=value`.

    Raises:
        ValueError: it is written otherwise.
    """
    name, separator, text = str(assignment).partition("=")
    if not separator:
        raise ValueError(
            f"An override is written name=value. Received: {assignment!r}."
        )
    return name.strip(), text.strip()


def owners(
    families: Mapping[str, Mapping[str, type[Member]]],
) -> dict[str, str]:
    """Returns the members that have a field, by its dotted name.

    Args:
        families: by section, members by name.
    """
    found: dict[str, str] = {}
    for section, family in families.items():
        for name, member in family.items():
            for field in field_types(member.Settings):
                path = f"{section}.{field}"
                before = f"{found[path]} or" if path in found else ""
                found[path] = f"{before or f'`{section}.name`'} {name}"
    return found


def resolved(
    name: str,
    fields: Mapping[str, type],
    owners: Mapping[str, str] = MappingProxyType({}),
    chosen: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Returns the dotted name of a field that may be named by its last part.

    Args:
        name: as it was written.
        fields: types by dotted name.
        owners: by dotted name, who has such a field; asked about others.
        chosen: by section, whose fields there are.

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
    for path, owner in owners.items():
        if name in (path, path.split(".")[-1]):
            received = chosen.get(path.partition(".")[0], "another one")
            raise ValueError(
                f"Override {name!r} is a setting of {owner}. Received: "
                f"{received!r}. Leave it out, or ask for such a one."
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


def uncounted(
    before: Mapping[str, Any], after: Mapping[str, Any], counting: Iterable[str]
) -> list[str]:
    """Returns what was changed of settings that do not count.

    Args:
        before: settings, as JSON values.
        after: the same, changed.
        counting: names of settings, and of whole sections, that count.

    Returns:
        `name=value` of each; what has no value after is left out.
    """
    counts = set(counting)
    return [
        f"{name}={asked}"
        for name, (_, asked) in records.differences(before, after).items()
        if not counts & {name, name.partition(".")[0]}
        and asked != records.ABSENT
    ]
