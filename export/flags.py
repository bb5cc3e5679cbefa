"""Flags of programs, kept apart from those of whoever imports one.

absl keeps the flags of a process in one table, in which no name occurs twice: a
notebook with a `seed` of its own could not import a program that has one, too.
So programs define theirs in `FLAGS` here, by absl's own functions, and only
while one runs are those that it takes in absl's table, see `registered`.
"""

import contextlib
import functools
import math
import sys
from collections.abc import Iterable, Iterator

from absl import app, flags

FLAGS = flags.FlagValues()

ArgumentParser = flags.ArgumentParser
FlagHolder = flags.FlagHolder

DEFINE = functools.partial(flags.DEFINE, flag_values=FLAGS)
DEFINE_bool = functools.partial(flags.DEFINE_bool, flag_values=FLAGS)
DEFINE_enum = functools.partial(flags.DEFINE_enum, flag_values=FLAGS)
DEFINE_integer = functools.partial(flags.DEFINE_integer, flag_values=FLAGS)
DEFINE_list = functools.partial(flags.DEFINE_list, flag_values=FLAGS)
DEFINE_multi_string = functools.partial(
    flags.DEFINE_multi_string, flag_values=FLAGS
)
DEFINE_string = functools.partial(flags.DEFINE_string, flag_values=FLAGS)
adopt_module_key_flags = functools.partial(
    flags.adopt_module_key_flags, flag_values=FLAGS
)


class Number(flags.FloatParser):
    """What flags of one number may be: `DEFINE(Number(0, 1), name, ...)`.

    absl's own takes NaN within any bounds, and infinities without them.
    """

    number_article, number_name = "a", "finite number"
    syntactic_help = "a finite number"

    def is_outside_bounds(self, val: float) -> bool:
        return not math.isfinite(val) or super().is_outside_bounds(val)


class Numbers(flags.ArgumentParser):
    """What flags of finite numbers may be, see `DEFINE_numbers`.

    Args:
        above: what each number must be larger than.
        most: the largest that may be given.
        distinct: whether each may be given once only, to six digits.
    """

    syntactic_help = "numbers joined by commas"

    def __init__(
        self,
        above: float = -math.inf,
        most: float = math.inf,
        distinct: bool = False,
    ):
        super().__init__()
        self._above, self._most, self._distinct = above, most, distinct

    def parse(self, argument: str | list[float]) -> list[float]:
        if isinstance(argument, list):  # The default.
            return argument
        words = [word.strip() for word in argument.split(",")]
        if words == [""]:  # `check_together` tells of it.
            return []
        try:
            numbers = [float(word) for word in words]
        except ValueError:
            raise self._refusal(argument) from None
        in_range = all(
            math.isfinite(number) and self._above < number <= self._most
            for number in numbers
        )
        told = {f"{number:g}" for number in numbers}
        if not in_range or (self._distinct and len(told) < len(numbers)):
            raise self._refusal(argument)
        return numbers

    def _refusal(self, argument: str) -> ValueError:
        rule = "finite numbers"
        if self._above > -math.inf:
            rule += f" above {self._above:g}"
        if self._most < math.inf:
            rule += f", {self._most:g} at most"
        rule += ", joined by commas"
        if self._distinct:
            rule += ", each of them given once, as six digits tell them apart"
        return ValueError(
            f"These must be {rule}. Received: {argument!r}. Leave out or mend "
            "those that are not."
        )


# `DEFINE_numbers(Numbers(above=0), name, default, help)`; absl knows the module
# of a flag by who calls it, which a function of ours would be.
DEFINE_numbers = functools.partial(
    flags.DEFINE, flag_values=FLAGS, serializer=flags.ListSerializer(",")
)

# Flags by name: of what each counts only beside; and what are given one of.
_BESIDE: dict[str, str] = {}
_ONE_OF: list[tuple[str, ...]] = []


def only_with(other: FlagHolder, *holders: FlagHolder) -> None:
    """States that flags count for nothing where another is not given."""
    _BESIDE.update(dict.fromkeys((h.name for h in holders), other.name))


def one_of(*holders: FlagHolder) -> None:
    """States that at most one of some flags may be given."""
    _ONE_OF.append(tuple(holder.name for holder in holders))


def not_with(other: FlagHolder, *holders: FlagHolder) -> None:
    """States that flags count for nothing where another is given."""
    for holder in holders:
        one_of(other, holder)


def check_together() -> None:
    """Refuses flags that count for nothing, alone or because of others.

    Raises:
        ValueError: there are such ones.
    """
    given = {n: FLAGS[n].value for n in FLAGS if FLAGS[n].present}
    for name, value in given.items():
        # As of a variable that a shell does not know.
        if value in ("", [], [""]):
            raise ValueError(
                f"`--{name}` must name something. Received: nothing. Leave it "
                "out for its default."
            )
    # 0 is a value like others; nothing, and what is switched off, are none.
    given = {
        name: value
        for name, value in given.items()
        if not (value is None or value is False)
    }
    for name, other in _BESIDE.items():
        if name in given and other not in given:
            raise ValueError(
                f"`--{name}` counts only beside `--{other}`. Received: "
                f"{given[name]} without it. Give both, or neither."
            )
    for names in _ONE_OF:
        if len(both := [name for name in names if name in given]) > 1:
            listed = " and ".join(f"`--{name}`" for name in names)
            told = ", ".join(f"--{name}={given[name]}" for name in both)
            raise ValueError(
                f"Of {listed} one may be given. Received: {told}. Leave one "
                "out."
            )


@contextlib.contextmanager
def registered(module: str, shared: Iterable[str] = ()) -> Iterator[None]:
    """Lets absl parse and explain the flags of a program, within the block.

    It takes its own, those that it has adopted and some shared ones: what it
    would not look at is unknown to it, though other programs have it.
    Afterwards all have their defaults again.

    Args:
        module: of the program.
        shared: names of flags that it takes beside these.

    Raises:
        absl.flags.DuplicateFlagError: this process has others of their names.
    """
    table, taken = flags.FLAGS, flags.FlagValues()
    # absl knows what runs by its path, be it a module or a console script.
    own = sys.argv[0] if module == "__main__" else module
    names = {flag.name for flag in FLAGS.get_key_flags_for_module(own)}
    for name in sorted(names.union(shared)):
        taken[name] = FLAGS[name]
    try:
        table.append_flag_values(taken)
        for name in taken:
            table.register_key_flag_for_module(sys.argv[0], taken[name])
        yield
    finally:
        ours = [n for n in taken if n in table and table[n] is taken[n]]
        table.remove_flag_values(ours)
        for name in FLAGS:  # `unparse_flags` would log it.
            FLAGS[name].unparse()


def parsed(arguments: list[str]) -> list[str]:
    """Parses flags as absl does; to have been helped is no failure, though.

    Returns:
        The arguments that are no flags, after the name of the program.

    Raises:
        SystemExit: with 0 after `--help` and the like, with 1 after a mistake.
    """
    try:
        return flags.FLAGS(arguments)
    except SystemExit:  # Only flags that explain end what parses them.
        sys.exit(0)
    except flags.Error:
        return app.parse_flags_with_usage(arguments)  # Says it, and ends.
