"""The cells of a sweep: which settings each of them overrides."""

import dataclasses
import itertools
import re
from collections.abc import Iterable, Mapping

from fred_tf.disk import files

# Settings that are lists themselves, whose commas would be those of an axis.
_LISTS = ("drop_steps", "classes")


@dataclasses.dataclass(frozen=True)
class Cell:
    """One combination of a grid.

    Attributes:
        values: what it has of each axis, by the axis' name, for people.
        assignments: its overrides, `name=value`.
        common: those of them that all cells of its grid have.
    """

    values: Mapping[str, str]
    assignments: tuple[str, ...]
    common: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """A file name that depends on the cell alone, e.g. `seed=1,norm=ortho`.

        What file systems dislike becomes `_`, and names that lost something
        that way, or are too long, end in a digest.
        """
        whole = ",".join(
            f"{name.split('.')[-1]}={text}"
            for name, text in self.values.items()
        )
        plain = re.sub(r"[^\w.,=+-]", "_", whole, flags=re.ASCII)[:80]
        if plain == whole and plain:
            return plain
        tail = files.digest("\n".join(self.assignments).encode())[:8]
        return f"{plain or 'run'}-{tail}"


def cells(overrides: Iterable[str], points: Iterable[str] = ()) -> list[Cell]:
    """Returns the product of all axes.

    Args:
        overrides: `name=value`, the same for all cells, or `name=a,b,c`, an
            axis; settings that are lists are written as `points`.
        points: the points of one more axis, each some overrides joined by
            `;`, with a name for people before a `: ` if wanted, e.g.
            `IDC: parameterization.name=idc; factor=3`.

    Raises:
        ValueError: something is not written like this, or two cells are equal.
    """
    # Of an axis each value: its name, its text, and what it overrides.
    axes: list[list[tuple[str, str, tuple[str, ...]]]] = []
    common = []
    for override in overrides:
        name, separator, text = override.partition("=")
        values = [value.strip() for value in text.split(",")]
        if not separator or not name.strip() or not all(values):
            raise ValueError(
                "An override of a sweep is written name=value or name=a,b,c. "
                f"Received: {override!r}."
            )
        name = name.strip()
        if len(values) > 1 and name.split(".")[-1] in _LISTS:
            raise ValueError(
                f"Commas make an axis, and `{name}` is a list itself. "
                f"Received: {override!r}. Write each list as a point: --point "
                f"{f'{name}={text}'!r}."
            )
        if len(values) == 1:
            common.append(f"{name}={values[0]}")
        else:
            axes.append([(name, v, (f"{name}={v}",)) for v in values])
    points_axis = [_point(point) for point in points]
    if points_axis:
        axes.insert(0, points_axis)
    combined = [
        Cell(
            {name: text for name, text, _ in combination},
            (*common, *itertools.chain(*(a for _, _, a in combination))),
            tuple(common),
        )
        for combination in itertools.product(*axes)
    ]
    folders = [cell.folder for cell in combined]
    for folder in folders:
        if folders.count(folder) > 1:
            raise ValueError(
                "The cells of a sweep must differ. Received twice: "
                f"{folder!r}. Give each value and each name of a point once."
            )
    return combined


def _point(text: str) -> tuple[str, str, tuple[str, ...]]:
    name, separator, rest = text.partition(": ")
    assignments = tuple(
        part.strip() for part in (rest if separator else text).split(";")
    )
    if not all("=" in assignment for assignment in assignments):
        raise ValueError(
            "A point is written [name: ]name=value[; name=value ...]. "
            f"Received: {text!r}."
        )
    return "point", name if separator else "; ".join(assignments), assignments
