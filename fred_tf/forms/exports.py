"""An export as a whole: what its folder holds beside what is written to it."""

import dataclasses
import pathlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from absl import logging

from fred_tf import forms
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms import FORMS, SetForm, alike
from fred_tf.forms.alike import MEASURED
from fred_tf.forms.whitening import Whitening
from fred_tf.scoring import measured
from fred_tf.synthetic_set import SyntheticSet


class Staying(NamedTuple):
    """Forms in a folder that an export leaves as they are.

    Attributes:
        same: where those of the same set lie, by name.
        measured: what was measured of these, as their details say it, by name.
        others: names of those of another set.
    """

    same: Mapping[str, pathlib.Path]
    measured: Mapping[str, Mapping[str, Any]]
    others: tuple[str, ...]

    def beside(
        self, written: Mapping[str, pathlib.Path]
    ) -> dict[str, pathlib.Path]:
        """Returns all forms of the set, in the order of the table."""
        everything = {**self.same, **written}
        return {name: everything[name] for name in FORMS if name in everything}


def evaluated(decoded: SyntheticSet, run: DistilledRun | None) -> SyntheticSet:
    """Returns a set whose details tell what is known of its accuracy.

    Args:
        decoded: the set.
        run: that made it, whose folder may hold evaluations of it; None of a
            set that was read.
    """
    if run is None:
        return as_it_is(decoded)
    if run.kept_in is None:
        return decoded
    found = measured(run.kept_in.path, decoded, run.facts)
    details = {**decoded.details, "evaluations": found}
    return dataclasses.replace(decoded, details=details)


def as_it_is(decoded: SyntheticSet) -> SyntheticSet:
    """Returns a set that was read of a form as one of its own.

    What was measured of that form is of the set as it is; what was measured of
    the floats that the form was made of is not, where it loses something.
    """
    own = decoded.details.get("this_form")
    if not isinstance(own, Mapping):
        return decoded
    of_form = "form", "difference_to_float32"
    told = {k: v for k, v in own.items() if k not in of_form}
    form, floats = FORMS.get(str(own.get("form"))), []
    if isinstance(form, SetForm) and not form.lossy:
        floats = decoded.details.get("evaluations", [])
    rest = {k: v for k, v in decoded.details.items() if k not in MEASURED}
    bare = dataclasses.replace(decoded, details={**rest, "evaluations": floats})
    return telling(bare, [told])


def staying(
    decoded: SyntheticSet, folder: pathlib.Path, chosen: Collection[str]
) -> Staying:
    """Returns what stays in a folder, and warns of what is of another set.

    Pictures do not say of which they are: they are of another where any form
    there is, be it one that is about to be replaced; where no form tells they
    are of neither. A whitening is of the data.

    Args:
        decoded: the set.
        folder: of the export.
        chosen: names of the forms that are about to be written.
    """
    places = {name: folder / form.path for name, form in FORMS.items()}
    there = {name: path for name, path in places.items() if path.exists()}
    if not (stay := there.keys() - set(chosen)):
        return Staying({}, {}, ())
    read = {
        name: alike.held(form, there[name], decoded)
        for name, form in FORMS.items()
        if name in there and isinstance(form, SetForm)
    }
    same = {name for name, found in read.items() if found is not None}
    if read and same == read.keys():
        same |= stay - {*read, Whitening.name}
    elif not read:
        stay -= there.keys() - {Whitening.name}
    if Whitening.name in stay and Whitening().is_of(
        there[Whitening.name], decoded.normalization
    ):
        same.add(Whitening.name)
    if others := sorted(stay - same):
        logging.warning(
            "%s holds forms of another set, which stay: %s. Delete them, or "
            "choose another folder.",
            folder,
            ", ".join(others),
        )
    told = {
        name: found.details.get("this_form")
        for name, found in read.items()
        if found is not None and name in stay
    }
    return Staying(
        {name: there[name] for name in stay & same},
        {
            name: said
            for name, said in told.items()
            if isinstance(said, Mapping) and said.get("form") == name
        },
        tuple(others),
    )


def describe(
    decoded: SyntheticSet,
    folder: pathlib.Path,
    written: Mapping[str, pathlib.Path],
    stays: Staying,
    card: bool = False,
) -> None:
    """Writes the README.md of all forms of a set that lie in a folder.

    Args:
        decoded: the set, with what its details tell.
        folder: of the export.
        written: what `forms.write` returned.
        stays: what was there before.
        card: whether it begins with what hubs of data sets read.
    """
    told = telling(decoded, stays.measured.values())
    forms.describe(told, folder, stays.beside(written), card)


def telling(
    decoded: SyntheticSet, evaluations: Iterable[Mapping[str, Any]]
) -> SyntheticSet:
    """Returns a set whose details tell of some more evaluations."""
    known = decoded.details.get("evaluations")
    every = [*(known if isinstance(known, list) else []), *evaluations]
    details = {**decoded.details, "evaluations": every}
    return dataclasses.replace(decoded, details=details) if every else decoded
