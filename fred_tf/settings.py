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
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar, get_type_hints

import numpy as np

from fred_tf.paper import Paper

Section = TypeVar("Section")

# Of any number, unless a setting has a lower bound of its own: what int32
# counts, as TensorFlow's indices do.
MOST = 2**31 - 1
# Of step sizes of networks; and of outer steps, which names of files write in
# nine digits.
MOST_RATE, MOST_STEPS = 100.0, 999_999_999
# Of what somebody waits for: passes over data, networks, experts.
MOST_PASSES = 1_000_000
# Of a data set, whose names are kept in memory; ImageNet-21k has 21,841.
MOST_CLASSES = 100_000


def later(default: Any) -> Any:
    """Returns a field of `Settings` that earlier versions had not.

    At its default records do not state it: those of earlier versions, which
    cannot, are of the same work.
    """
    return dataclasses.field(default=default, metadata={"later": True})


@dataclasses.dataclass(frozen=True)
class Settings:
    """Base of all settings; `name` is the member's key in its family."""

    name: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as JSON values, see `later`."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if not field.metadata.get("later")
            or getattr(self, field.name) != field.default
        }

    def sized(self, image_shape: Sequence[int]) -> Any:
        """Returns these settings with what follows from the size of images.

        Members take what this gives, so that a setting may leave a number to
        the images. Where nothing is left open, it is returned as it is.

        Args:
            image_shape: `[height, width, channels]`, or more spatial axes.
        """
        return self

    def shrunk(self, images: int) -> Self:
        """Returns these settings with no more real images than there are.

        Args:
            images: those of the smallest class.
        """
        return self

    def check_run(self, config: Any, instances: int | None) -> None:
        """Checks what spans sections; of objectives and memories.

        Args:
            config: the whole `Config`.
            instances: size of the synthetic set, where the data set is known
                before it is loaded.

        Raises:
            ValueError: the sections do not fit each other.
        """

    def remarks(self, config: Any) -> list[str]:
        """Returns what is worth a line each where a run is told.

        Args:
            config: the whole `Config`.
        """
        return []

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Undoes `to_json`; see `made_of`."""
        return made_of(cls, values)


def made_of(section: type[Section], values: Mapping[str, Any]) -> Section:
    """Returns a dataclass of its fields by name.

    Raises:
        ValueError: a field is unknown or missing, or a value of another type
            or out of its range.
    """
    if not isinstance(values, Mapping):
        raise ValueError(
            f"{section.__name__} is made of fields by name. Received: "
            f"{values!r}."
        )
    known = field_types(section)
    for name in values:
        if name not in known:
            raise ValueError(
                f"{section.__name__} has no field {name!r}; it has "
                f"{list(known)}.{nearest(name, known)}"
            )
    for field in dataclasses.fields(section):  # type: ignore[arg-type]
        required = field.default is dataclasses.MISSING
        if required and field.name not in values:
            raise ValueError(f"{section.__name__} needs `{field.name}`.")
    if wrong := _misfit(known, values):
        raise ValueError(wrong)
    return section(**values)


def check_types(section: Any) -> None:
    """Checks the fields of a dataclass, and of those that it holds.

    Raises:
        TypeError: a value is not of its field's type.
    """
    types = field_types(type(section))
    values = {name: getattr(section, name) for name in types}
    if wrong := _misfit(types, values):
        raise TypeError(wrong)
    for value in values.values():
        if dataclasses.is_dataclass(value):
            check_types(value)


def check_type(name: str, value: Any, kind: type) -> None:
    """Refuses a value that is not of a type, as fields of settings have them.

    Raises:
        TypeError: it is not.
    """
    if wrong := _misfit({name: kind}, {name: value}):
        raise TypeError(wrong)


def argument(name: str, value: Any, kind: type[Section]) -> Section:
    """Returns what somebody gave to a function, NumPy's values as Python's own.

    Raises:
        TypeError: it is of another type, see `check_type`.
    """
    own = value.item() if isinstance(value, np.generic) else value
    check_type(name, own, kind)
    return own


# What a field of a type takes, in words.
_TYPES = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "a text",
}


def _misfit(types: Mapping[str, type], values: Mapping[str, Any]) -> str | None:
    """Returns what is wrong with the first value of another type, if any."""
    for name, value in values.items():
        kind = types[name]
        # Python counts truth values among the integers.
        as_number = isinstance(value, bool) and kind is not bool
        fitting = (int, float) if kind is float else kind
        if as_number or not isinstance(value, fitting):
            words = _TYPES.get(kind, f"a `{kind.__name__}`")
            return f"`{name}` must be {words}. Received: {value!r}."
    return None


# Every config that is made asks for those of its sections and its own.
_FIELD_TYPES: dict[type, Mapping[str, type]] = {}


def field_types(section: type) -> Mapping[str, type]:
    """Returns the types of a dataclass's fields by name."""
    if section not in _FIELD_TYPES:
        hints = get_type_hints(section)
        types = {f.name: hints[f.name] for f in dataclasses.fields(section)}
        _FIELD_TYPES[section] = MappingProxyType(types)
    return _FIELD_TYPES[section]


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


def check_least(
    name: str, value: float, least: float, most: float = MOST
) -> None:
    """Refuses a number outside a range, its bounds included.

    Raises:
        TypeError: it is no number.
        ValueError: it is not finite, below `least` or above `most`.
    """
    if not (_is_finite(name, value) and value >= least):
        raise ValueError(
            f"`{name}` must be a finite number of at least {least}. "
            f"Received: {value}."
        )
    _check_most(name, value, most)


def check_positive(name: str, value: float, most: float = MOST) -> None:
    """Refuses a number that is not above 0, or above `most`.

    Raises:
        TypeError: it is no number.
        ValueError: it is out of this range.
    """
    if not (_is_finite(name, value) and value > 0):
        raise ValueError(
            f"`{name}` must be a finite number above 0. Received: {value}."
        )
    _check_most(name, value, most)


def check_share(name: str, value: float, meaning: str) -> None:
    """Refuses a number that is not from 0 to below 1.

    Args:
        name: the setting.
        value: its value.
        meaning: what it is, with its article.

    Raises:
        TypeError: it is no number.
        ValueError: it is out of this range.
    """
    if not (_is_finite(name, value) and 0 <= value < 1):
        raise ValueError(
            f"`{name}` is {meaning}, from 0 to below 1. Received: {value}."
        )


def _is_finite(name: str, value: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"`{name}` must be a number. Received: {value!r}.")
    # Python's integers may be beyond what a float holds.
    return isinstance(value, int) or math.isfinite(value)


def _check_most(name: str, value: float, most: float) -> None:
    if value > most:
        raise ValueError(
            f"`{name}` must be at most {most:,}. Received: {value}."
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
        isinstance(name, str) and len(name) <= _LONGEST_NAME and is_line(name)
    )


def is_line(text: str) -> bool:
    """Returns whether a text is a line that every file gives back.

    It is not empty, and has neither outer spaces nor control characters.
    """
    # Control characters, halves of a character, separators of lines.
    odd = {"Cc", "Cs", "Zl", "Zp"}.intersection(map(unicodedata.category, text))
    return bool(text) and text == text.strip() and not odd


def nearest(value: str, known: Iterable[str]) -> str:
    """Returns ` Did you mean 'x'?` for the closest known name, or nothing."""
    close = difflib.get_close_matches(str(value), list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
