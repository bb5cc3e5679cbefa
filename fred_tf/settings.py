"""What a member of a family is told, and what it says of itself.

Every network, parameterization and objective names a frozen dataclass of its
own as `Settings`: its fields, their defaults and their ranges are told there
alone, and are what `--override section.field=value` reaches. A config is
checked when it is made, before any data are read, so a check needs nothing but
the fields. Constructors take the settings as one object.
"""

import collections
import dataclasses
import difflib
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar, get_type_hints

from fred_tf.paper import Paper

Section = TypeVar("Section")


@dataclasses.dataclass(frozen=True)
class Settings:
    """Base of all settings; `name` is the member's key in its family."""

    name: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as JSON values."""
        return dataclasses.asdict(self)

    def check_run(self, config: Any, instances: int | None) -> None:
        """Checks what spans sections; objectives only.

        Args:
            config: the whole `Config`.
            instances: size of the synthetic set, where the data set is known
                before it is loaded.

        Raises:
            ValueError: the sections do not fit each other.
        """

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Undoes `to_json`; see `made_of`."""
        return made_of(cls, values)


def made_of(section: type[Section], values: Mapping[str, Any]) -> Section:
    """Returns a dataclass of its fields by name.

    Raises:
        ValueError: a field is unknown, or a value out of its range.
    """
    known = list(field_types(section))
    for name in values:
        if name not in known:
            raise ValueError(
                f"{section.__name__} has no field {name!r}; it has {known}."
                f"{nearest(name, known)}"
            )
    return section(**values)


def field_types(section: type) -> dict[str, type]:
    """Returns the types of a dataclass's fields by name."""
    hints = get_type_hints(section)
    return {f.name: hints[f.name] for f in dataclasses.fields(section)}


class Member:
    """What a member of a family says of itself.

    Attributes:
        Settings: what it is told, see above.
        title: what people call it; its key if empty.
        short_name: what a narrow column calls it; its title if empty.
        paper: what to cite for it; None if it was not published.
    """

    Settings: ClassVar[type[Settings]]
    title: ClassVar[str] = ""
    short_name: ClassVar[str] = ""
    paper: ClassVar[Paper | None] = None

    @classmethod
    def called(cls) -> str:
        """Returns its title."""
        return cls.title or cls.Settings.name.replace("_", " ")

    @classmethod
    def called_briefly(cls) -> str:
        """Returns its short name."""
        return cls.short_name or cls.called()


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


# Characters of a class name, at most: it is drawn beside its images.
_LONGEST_NAME = 200


def check_class_names(names: Sequence[str]) -> None:
    """Refuses names of classes that some file or terminal would not give back.

    Raises:
        ValueError: one is no text, empty, too long, not in UTF-8, occurs
            twice, or has outer spaces, line ends or other control characters.
    """
    odd = [repr(name) for name in names if not _is_name(name)]
    if not odd and len(set(names)) < len(names):
        twice, _ = collections.Counter(names).most_common(1)[0]
        odd = [f"{twice!r} more than once"]
    if odd:
        raise ValueError(
            "`class_names` must be distinct single lines without outer spaces, "
            f"of 1 to {_LONGEST_NAME} characters. Received: {odd[0]:.250}. "
            "Rename the class."
        )


def _is_name(name: Any) -> bool:
    return (
        isinstance(name, str)
        and 0 < len(name) <= _LONGEST_NAME
        and name == name.strip()
        # Control characters, halves of a character, separators of lines.
        and not {"Cc", "Cs", "Zl", "Zp"}.intersection(
            map(unicodedata.category, name)
        )
    )


def nearest(value: str, known: Iterable[str]) -> str:
    """Returns ` Did you mean 'x'?` for the closest known name, or nothing."""
    close = difflib.get_close_matches(value, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
