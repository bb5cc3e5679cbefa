"""Every form that a distilled set can be written in, as one table."""

import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from absl import logging

from fred_tf.assignments import listed
from fred_tf.disk import files
from fred_tf.forms import limits, manifest, readme, staging, summaries
from fred_tf.forms.coded import CodedCoefficients
from fred_tf.forms.coefficients import STORAGES, Coefficients
from fred_tf.forms.encodings import ENCODINGS
from fred_tf.forms.form import Form, OverBudgetError, SetForm
from fred_tf.forms.images import Images
from fred_tf.forms.images_array_record import ImagesArrayRecord
from fred_tf.forms.images_folder import ImagesFolder
from fred_tf.forms.images_npz import ImagesNpz
from fred_tf.forms.images_parquet import ImagesParquet
from fred_tf.forms.keras_memory import KerasMemory
from fred_tf.forms.memory_form import MemoryForm
from fred_tf.forms.pictures import Gallery, Masks, Views
from fred_tf.forms.saved_model import SavedModel
from fred_tf.forms.tfds_form import check_shards
from fred_tf.forms.whitening import Whitening
from fred_tf.parameterizations import Parameterization
from fred_tf.settings import check_one_of
from fred_tf.synthetic_set import SyntheticSet

FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        *map(Images, ENCODINGS),
        ImagesNpz(),
        ImagesFolder(),
        ImagesParquet(),
        ImagesArrayRecord(),
        *map(Coefficients, STORAGES),
        CodedCoefficients(),
        SavedModel(),
        KerasMemory(),
        Gallery(),
        Views(),
        Masks(),
        Whitening(),
    )
}

__all__ = [
    "FORMS",
    "Form",
    "OverBudgetError",
    "SetForm",
    "check_options",
    "chosen",
    "describe",
    "fitting",
    "read",
    "read_memory",
    "readme",
    "summaries",
    "write",
]


def fitting(
    decoded: SyntheticSet, memory: Parameterization | None
) -> dict[str, Form]:
    """Returns the forms that a set can be written in, by name.

    Args:
        decoded: the set.
        memory: what it was decoded from, if it has one.
    """
    soft = decoded.soft_labels is not None
    return {
        name: form
        for name, form in FORMS.items()
        if form.fits(decoded, memory) and (form.soft_labels or not soft)
    }


def chosen(
    names: str | Iterable[str] | None,
    decoded: SyntheticSet,
    memory: Parameterization | None,
) -> dict[str, Form]:
    """Returns the forms of these names, in the order of the table.

    Args:
        names: keys of `FORMS`, or one; all that fit and are written by default
            if None or empty.
        decoded: the set.
        memory: what it was decoded from, if it has one.

    Raises:
        ValueError: a form is unknown, or does not fit the set; or no form holds
            images so large, or so many.
    """
    fit, wanted = fitting(decoded, memory), listed(names)
    for name in wanted:
        check_one_of("forms", name, FORMS)
        if name not in fit:
            of = "no memory"
            if memory is not None:
                of = f"a memory of {type(memory).Settings.name!r}"
            if decoded.soft_labels is not None:
                of += ", soft labels"
            raise ValueError(
                f"A set with {of} and images {list(decoded.images.shape[1:])} "
                f"has the forms {list(fit)}. Received: {name!r}."
            )
    found = {
        name: form
        for name, form in fit.items()
        if (name in wanted if wanted else form.by_default)
    }
    if any(isinstance(form, SetForm) for form in found.values()):
        limits.check_images(decoded.images.shape)
    return found


def check_options(
    forms: Mapping[str, Form], options: Mapping[str, Any]
) -> None:
    """Refuses an option that none of some forms takes.

    Args:
        forms: by name.
        options: values by name; None, and `shards` of 1, ask for nothing.

    Raises:
        TypeError: no form at all has such an option.
        ValueError: none of these has.
    """
    of: dict[str, list[str]] = {}
    for form in FORMS.values():
        for option in form.options:
            of.setdefault(option, []).append(form.name)
    if unknown := options.keys() - of.keys():
        raise TypeError(
            f"Options of forms are {sorted(of)}. Received: {sorted(unknown)}."
        )
    for option, value in options.items():
        asked = value is not None and (option, value) != ("shards", 1)
        if asked and not forms.keys() & set(of[option]):
            raise ValueError(
                f"`{option}` is of {', '.join(of[option])}. Received: "
                f"{value!r} for {', '.join(forms)}. Name one of those, or "
                "leave it out."
            )


def write(
    decoded: SyntheticSet,
    memory: Parameterization | None,
    folder: files.Path,
    names: str | Iterable[str] | None = None,
    shards: int = 1,
    **options: Any,
) -> dict[str, pathlib.Path]:
    """Writes a set in some forms.

    All are written before the first appears under its name, so that what is
    refused leaves everything as it was. Then README.md and sizes.md of an
    earlier export go, and each form replaces what that left there.

    Args:
        decoded: the set.
        memory: what it was decoded from; None for a set without one.
        folder: of all that is written.
        names: keys of `FORMS`, or one; all that fit if None or empty, but for
            such as would hold more images than readers take of their bytes.
        shards: number of files of each form that has several.
        **options: more that some forms take, see `Form.options`; each gets
            those that it takes. None stands for the default.

    Returns:
        The path of each form, by name.

    Raises:
        ValueError: a form is unknown or does not fit the set, `shards` is
            below 1 or above the number of images, or an option is out of
            range or of other forms.
        TypeError: no form has such an option, or it is of another type.
        ImportError: a form needs a package that is not installed.
        FileExistsError: something else lies where a form would.
    """
    names = listed(names)
    forms = chosen(names, decoded, memory)
    check_shards(shards, len(decoded.images))
    options = {"shards": shards, **options}
    check_options(forms, options)
    folder = pathlib.Path(folder)
    for form in forms.values():
        form.check_replaceable(folder / form.path)
    places = {(folder / form.path).parent for form in forms.values()}
    for place in {folder, *places}:
        files.remove_leftovers(place)  # Of exports that were killed.
    written = {}
    with staging.staged(folder) as scratch:
        for name, form in forms.items():
            try:
                written[name] = form.write(
                    decoded, memory, scratch / form.path, **form.taken(options)
                )
            except limits.TooLargeError as error:
                if names:
                    raise
                logging.warning("%s is left out: %s", name, error)
        summaries.remove(folder)
        return {
            name: forms[name].move(path, folder / forms[name].path)
            for name, path in written.items()
        }


def describe(
    decoded: SyntheticSet,
    folder: files.Path,
    written: Mapping[str, pathlib.Path],
    card: bool = False,
) -> pathlib.Path:
    """Writes the README.md of an export, see `readme`.

    Args:
        decoded: the set.
        folder: of the export.
        written: what `write` returned.
        card: whether it begins with what hubs of data sets read.

    Returns:
        Its path.
    """
    there = {FORMS[name]: path for name, path in written.items()}
    return readme.write(decoded, folder, there, card)


def read(path: files.Path) -> SyntheticSet:
    """Reads a set in whichever form it was written.

    Args:
        path: a folder of images or of coefficients, a SavedModel, or a
            `.keras` or `.npz` file.

    Raises:
        FileNotFoundError: there is no export at `path`, or there are only some
            in it.
        ValueError: it is damaged, or of another kind or format version.
    """
    return _form_of(pathlib.Path(path)).read(path)


def read_memory(path: files.Path) -> Parameterization | None:
    """Reads what a set is decoded from, where its form holds that.

    Args:
        path: see `read`.

    Returns:
        The memory; None of a form of images.

    Raises:
        FileNotFoundError, ValueError: see `read`.
    """
    form = _form_of(pathlib.Path(path))
    return form.read_memory(path) if isinstance(form, MemoryForm) else None


def _form_of(path: pathlib.Path) -> SetForm:
    """Returns a form that reads what lies at `path`.

    Raises:
        FileNotFoundError, ValueError: see `read`.
    """
    readable = [form for form in FORMS.values() if isinstance(form, SetForm)]
    for form in readable:
        if form.recognises(path):
            return form
    inside = [
        str(place)
        for form in readable
        for place in (path / form.path, path / pathlib.Path(form.path).name)
        if place.exists() and form.recognises(place)
    ]
    if inside:
        raise FileNotFoundError(
            "A set is read from one export. Received a folder of some: give "
            f"one of {', '.join(dict.fromkeys(inside))}."
        )
    kinds = list(dict.fromkeys(form.kind for form in readable))
    raise ValueError(
        f"Exports of {', '.join(kinds)} can be read. Received: "
        f"{manifest.read(path)['kind']!r} in {path}. Give another folder of "
        "`python -m export`."
    )
