"""Sets that are done, of runs and of exports, as a gallery shows them."""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from export import sizes
from fred_tf import config as config_lib
from fred_tf import forms, shipped
from fred_tf.disk import claims, paths
from fred_tf.disk.run_folder import CONFIG
from fred_tf.distilled_run import DistilledRun
from fred_tf.figures import read_png
from fred_tf.forms import FORMS, SetForm, alike, making
from fred_tf.forms.making import StatedAccuracy
from fred_tf.parameterizations import Frequency
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluation import Evaluation
from trainers.report import headline

_FORMS = [form for form in FORMS.values() if isinstance(form, SetForm)]
# What is called so is known by the folder that it is in.
_PLAIN = {"run", "export"}.union(
    *(pathlib.PurePath(form.path).parts for form in _FORMS)
)


class Stored(NamedTuple):
    """A way in which a set is stored.

    Attributes:
        form: its name, for people.
        size: bytes of all its files.
        evaluation: of networks trained on what is read back; None if unknown.
        why: it is unknown, in words; empty where there is no more to say.
    """

    form: str
    size: int
    evaluation: Evaluation | None
    why: str = ""


@dataclasses.dataclass(frozen=True)
class FinishedSet:
    """A set, and what is known of it.

    Attributes:
        name: of its folder.
        place: where it lies.
        decoded: the set.
        stored: the ways in which it is stored: the floats first.
        config: of the run that made it; None if it does not say.
        memory: what it is decoded from, where that is at hand and has masks.
        pictures: PNG that lie beside it, by the name of their form.
        others: forms of another set that lie there, too.
    """

    name: str
    place: pathlib.Path
    decoded: SyntheticSet
    stored: tuple[Stored, ...]
    config: config_lib.Config | None
    memory: Frequency | None = None
    pictures: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    others: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What it is, in a line."""
        if self.config is None:
            return (
                f"{self.decoded.dataset}, {len(self.decoded.labels):,} images"
            )
        return headline.title(self.config)

    @property
    def evaluation(self) -> Evaluation | None:
        """Its accuracy: of the floats, or else of the first form with one."""
        known = (x.evaluation for x in self.stored if x.evaluation)
        return next(known, None)


def read(
    path: paths.Path, data_dir: str | None = None, download: bool = False
) -> FinishedSet:
    """Reads a set of a run folder, of an export, or of one form of an export.

    Args:
        path: the folder, or the file of a form; or the name of a set that
            comes with the library, where nothing lies that is called so.
        data_dir: where the data of a whitened run are; where it found them if
            None.
        download: whether missing ones may be downloaded.

    Raises:
        FileNotFoundError: there is neither a run nor an export.
        ValueError: it is damaged; the message says how.
    """
    path = _placed(paths.checked(path, "--set"))
    *above, name = path.absolute().parts
    while above and name.partition("/")[0] in _PLAIN:
        name = f"{above.pop()}/{name}"
    if (path / CONFIG).is_file():
        run = DistilledRun.restore(path).fitted(data_dir, download)
        return _of_run(name, run)
    return _of_export(name, path)


def _placed(path: pathlib.Path) -> pathlib.Path:
    """Returns where a set lies: as it is said, or within the library."""
    place = shipped.named(path) or path
    if os.path.lexists(place):
        return place
    raise FileNotFoundError(
        "`--set` must be a run folder, an export, or a set that comes with the "
        f"library: {', '.join(shipped.distilled_sets())}. Received: {path}, "
        "where nothing is."
    )


def _of_run(name: str, run: DistilledRun) -> FinishedSet:
    decoded, memory = run.synthetic_set(), run.parameterization
    details = {**decoded.details, "evaluations": headline.evaluations(run)}
    of_floats, _ = _stated(dataclasses.replace(decoded, details=details))
    return FinishedSet(
        name,
        run.folder.path,
        decoded,
        (_floats(decoded, of_floats),),
        run.config,
        memory if isinstance(memory, Frequency) else None,
    )


def _floats(decoded: SyntheticSet, stated: list[StatedAccuracy]) -> Stored:
    size = headline.FLOAT * decoded.floats_stored
    return _stored("floats, in memory", size, stated)


def _stored(form: str, size: int, stated: list[StatedAccuracy]) -> Stored:
    """Returns a way to store with the first accuracy that may be shown.

    Args:
        form: its name.
        size: its bytes.
        stated: what is stated of it.
    """
    shown = next((x.evaluation for x in stated if x.networks), None)
    why = making.UNTOLD if stated and shown is None else ""
    return Stored(form, size, shown, why)


def _of_export(name: str, path: pathlib.Path) -> FinishedSet:
    places = _places(path)
    there = {form: form.read(place) for form, place in places.items()}
    read = _of_one_set(there)
    places = {form: places[form] for form in read}
    others = tuple(form.name for form in there if form not in read)
    # What loses nothing tells what the run was.
    best = min(read, key=lambda form: form.lossy, default=None)
    decoded = forms.read(path) if best is None else read[best]
    exact, of_form = _stated(decoded, best)
    if best is not None and not best.lossy:
        exact = exact + of_form
    stored = [_floats(decoded, exact)]
    for form, own in read.items():
        size = sizes.size_of(form.name, places[form]).size
        _, of_form = _stated(own, form)
        more = [] if form.lossy else exact
        stored.append(_stored(form.name, size, of_form + more))
    if best is None:
        size = sizes.size_of(path.name, path).size
        stored.append(_stored(path.name, size, of_form))
    return FinishedSet(
        name,
        path,
        decoded,
        tuple(stored),
        making.config_of(decoded.details),
        _memory(places.values() or [path]),
        {
            name: read_png(path / FORMS[name].path)
            for name in ("gallery", "masks")
            # They do not say of which set they are.
            if not others and (path / FORMS[name].path).is_file()
        },
        others,
    )


def _of_one_set(
    read: Mapping[SetForm, SyntheticSet],
) -> dict[SetForm, SyntheticSet]:
    """Returns the forms of one set: of several that of the last outer step."""
    if not read:
        return {}
    first = min(read, key=lambda form: (-_steps(read[form]), form.lossy))
    return {
        form: own
        for form, own in read.items()
        if alike.alike(own, read[first], not (form.lossy or first.lossy))
    }


def _steps(decoded: SyntheticSet) -> int:
    """Returns how many outer steps made a set; 0 if it does not say."""
    with contextlib.suppress(ValueError):
        return claims.integer(decoded.details, "outer_steps", 0)
    return 0


def _memory(places: Iterable[pathlib.Path]) -> Frequency | None:
    """Returns what a set is decoded from, of the first form that holds it."""
    read = map(forms.read_memory, places)
    return next((x for x in read if isinstance(x, Frequency)), None)


def _places(path: pathlib.Path) -> dict[SetForm, pathlib.Path]:
    """Returns where each form of an export lies; the one of a single form."""
    inside = {form: path / form.path for form in _FORMS}
    alone = {
        form: path
        for form in _FORMS
        if pathlib.PurePath(form.path).name == path.name
    }
    for places in (inside, alone):
        there = {
            form: place
            for form, place in places.items()
            if place.exists() and form.recognises(place)
        }
        if there:
            return there
    return {}


def _stated(
    decoded: SyntheticSet, form: SetForm | None = None
) -> tuple[list[StatedAccuracy], list[StatedAccuracy]]:
    """Returns what a set states of the run's floats, and of its own form.

    Args:
        decoded: the set.
        form: in which it lies: what is stated of another is not of it; None
            where that is not known.
    """
    rate = decoded.student_learning_rate
    stated = making.stated(decoded.details, rate)
    floats = [x for x in stated if not x.form]
    return floats, [
        x for x in stated if x.form and (form is None or x.form == form.name)
    ]
