"""Sets that come with the library: a folder for each, as exports leave it.

Whatever export lies here is listed and loaded; docs/exports.md has the command
that puts one here.
"""

import dataclasses
import os
import pathlib

from fred_tf.disk import claims, files, paths
from fred_tf.distilled_set import DistilledSet
from fred_tf.forms import facts, limits, making, manifest
from fred_tf.forms.coefficients import Coefficients
from fred_tf.forms.provenance import license_id
from fred_tf.settings import check_one_of
from fred_tf.training.evaluation import Evaluation

FOLDER = pathlib.Path(__file__).parent
# Of coefficients, of any width: small, and read by what is always installed.
_FORMS = "coefficients_int*"

_HEADER = (
    "name",
    "data set",
    "images",
    "bytes",
    "test accuracy",
    "made by",
    "licence of the source",
)


@dataclasses.dataclass(frozen=True)
class ShippedSet:
    """What is known of a set before its images are read.

    Attributes:
        name: what `load_distilled` takes.
        folder: its export; `README.md` in it is the card.
        form: in which it lies there, of `fred_tf.forms.FORMS`.
        dataset: name of the data set that it stands for.
        images: how many there are.
        floats: of which they are decoded.
        bytes: of all files that hold them.
        accuracy: test accuracies of networks trained on the set; None where
            nobody has evaluated it.
        trained_on: the form that they were trained on, which is what is
            loaded; empty for the run's floats, from which that was rounded.
        networks: how many they were, and how they were trained.
        method: by which it was made, in a few words.
        commands: those that make it.
        license: what is known of the terms of the source.
        license_id: what hubs of data sets call them.
    """

    name: str
    folder: pathlib.Path
    form: str
    dataset: str
    images: int
    floats: int
    bytes: int
    accuracy: Evaluation | None
    trained_on: str
    networks: str
    method: str
    commands: tuple[str, ...]
    license: str
    license_id: str


class ShippedSets(dict[str, ShippedSet]):
    """Sets by name; a notebook and `print` show them as a table."""

    def __repr__(self) -> str:
        rows = [_HEADER]
        for one in self.values():
            accuracy = f"{one.accuracy.cell} %" if one.accuracy else "not known"
            figures = f"{one.images:,}", f"{one.bytes:,}", accuracy
            told = one.method, one.license_id
            rows.append((one.name, one.dataset, *figures, *told))
        widths = [max(map(len, column)) for column in zip(*rows)]
        return "\n".join(
            "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows
        )


def distilled_sets() -> ShippedSets:
    """Returns what is known of the sets that come with the library, by name.

    ```python
    print(fred_tf.distilled_sets())  # a table
    fred_tf.distilled_sets()["digits_ipc1"].accuracy.mean
    ```

    Raises:
        ValueError: the files of one are damaged.
    """
    return ShippedSets({name: _described(name) for name in _names()})


def load_distilled(name: str) -> DistilledSet:
    """Reads a set that comes with the library.

    ```python
    distilled = fred_tf.load_distilled("digits_ipc1")
    model.fit(distilled.images, distilled.labels)
    ```

    Args:
        name: a key of `distilled_sets()`.

    Raises:
        ValueError: there is no such set, and the message names those that
            there are; or its files are damaged.
    """
    check_one_of("name", name, _names())
    return DistilledSet.load(stored(FOLDER / name))


def named(path: paths.Path) -> pathlib.Path | None:
    """Returns the export of a set that comes with the library; else None.

    Args:
        path: what may be its name, and is not where something lies there.
    """
    name = str(path)
    known = name in _names() and not os.path.lexists(name)
    return FOLDER / name if known else None


def stored(folder: pathlib.Path) -> pathlib.Path:
    """Returns the form of an export that is loaded, of its widest numbers."""
    return max(folder.glob(f"{_FORMS}/{manifest.NAME}")).parent


def _names() -> list[str]:
    """Returns the names of the sets, sorted."""
    manifests = FOLDER.glob(f"*/{_FORMS}/{manifest.NAME}")
    return sorted({path.parts[-3] for path in manifests})


def _described(name: str) -> ShippedSet:
    folder = stored(FOLDER / name)
    said = manifest.read(folder)
    with facts.believed(folder):
        claims.one_of(said, "kind", {Coefficients.kind})
        dataset = claims.text(said, "dataset")
        details = claims.mapping(said, "details")
        classes = len(facts.class_names(said))
        known = making.accuracies(details, said.get("student_learning_rate"))
        # Of what is loaded; else of the run's own network, which comes first.
        best = next((x for x in known if x.form), known[0] if known else None)
        return ShippedSet(
            name=name,
            folder=folder.parent,
            form=folder.name,
            dataset=dataset,
            images=limits.count(said, "instances_per_class") * classes,
            floats=claims.integer(said, "floats_stored"),
            bytes=files.size(folder),
            accuracy=best.evaluation if best else None,
            trained_on=best.form if best else "",
            networks=best.networks if best else "",
            method=making.method(details),
            commands=tuple(making.commands(details, classes)),
            license=claims.text(said, "license"),
            license_id=license_id(dataset),
        )
