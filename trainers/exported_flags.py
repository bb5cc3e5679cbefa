"""Which set is scored in the place of a run's, and what its numbers mean."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from export import flags
from fred_tf import forms, shipped
from fred_tf.datasets import ImageData
from fred_tf.disk import claims, files
from fred_tf.foreign import SOFT_LABELS, VALUES, ForeignArrays, array_file
from fred_tf.forms import facts
from fred_tf.normalizations import UnfittedError
from fred_tf.synthetic_set import SyntheticSet
from trainers import run_flags

EXPORTED = flags.DEFINE(
    run_flags.PATH,
    "exported",
    None,
    "Scores this set instead of the run: an export, images or coefficients; "
    "the name of a set that comes with the library; or a .npz file of another "
    "method, with arrays `images` and `labels`.",
)
# What is said of a .npz file, by attribute of `ForeignArrays`.
SAID: dict[str, flags.FlagHolder] = {
    "values": flags.DEFINE_enum(
        "values",
        None,
        list(VALUES),
        "What images of a .npz file hold: pixels from 0 to 255, pixels in "
        "[0, 1] units, or what networks saw; uint8 are bytes.",
    ),
    "channels_first": flags.DEFINE_bool(
        "channels_first",
        False,
        "Images of the .npz file are [n, channels, height, width].",
    ),
    "mean": flags.DEFINE_numbers(
        flags.Numbers(),
        "mean",
        [],
        "With --values=normalized and --deviation: a number per channel in "
        "[0, 1] units by which images were standardised; by default as the "
        "data are normalised.",
    ),
    "deviation": flags.DEFINE_numbers(
        flags.Numbers(above=0), "deviation", [], "See --mean."
    ),
    "soft_labels": flags.DEFINE_enum(
        "soft_labels",
        None,
        list(SOFT_LABELS),
        "What labels [n, classes] of the .npz file are; needed where they do "
        "not sum to 1.",
    ),
}


def is_of_arrays() -> bool:
    """Returns whether --exported is a set of another method."""
    path = EXPORTED.value
    return bool(path) and array_file.is_array_file(path)


@dataclasses.dataclass(frozen=True)
class Exported:
    """What --exported names.

    Attributes:
        on: returns the set on some data.
        told: the `config` of the run that made it, as it says; None where it
            does not.
    """

    on: Callable[[ImageData], SyntheticSet]
    told: Mapping[str, Any] | None = None


def given() -> Exported | None:
    """Returns what --exported names; None without it.

    It is read at once if it can be.

    Raises:
        ValueError: flags say something of arrays, and there are none; or the
            set is damaged, or says too little.
    """
    path = EXPORTED.value
    said = {name: flag.value for name, flag in SAID.items() if flag.value}
    if path and is_of_arrays():
        arrays = ForeignArrays.read(path, **said)
        return Exported(arrays.as_set)
    if said:
        raise ValueError(
            f"{', '.join(f'--{name}' for name in said)} tells of a .npz file "
            f"that --exported names. Received: --exported={path}. Leave it out."
        )
    if not path:
        return None
    own = shipped.named(path)
    return _of_export(shipped.stored(own) if own else path)


def _of_export(path: files.Path) -> Exported:
    try:
        exported = forms.read(path)
    except UnfittedError as error:
        return _whitened(path, error.said)
    return Exported(lambda data: exported, exported.details.get("config"))


def _whitened(path: files.Path, said: Mapping[str, Any]) -> Exported:
    """Returns pictures that the training images alone can whiten again.

    Args:
        path: where they lie.
        said: what they say of themselves.
    """
    stated = facts.normalization(said, None)

    def on(data: ImageData) -> SyntheticSet:
        fit = data.fit_of(stated)  # As long as it is held, readers find it.
        read = forms.read(path)
        assert read.normalization == fit
        return read

    details = claims.mapping(said, "details")
    return Exported(on, details.get("config"))
