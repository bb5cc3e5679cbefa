"""One run in some of the forms: written, read back, sized and measured."""

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from export import measuring, sizes, verification
from fred_tf import assembly, forms
from fred_tf import config as config_lib
from fred_tf.assignments import listed
from fred_tf.datasets import ImageData
from fred_tf.disk import files, paths
from fred_tf.distilled_run import DistilledRun
from fred_tf.experts.soft_labels import soft_labels
from fred_tf.experts.store import ExpertStore
from fred_tf.forms import (
    FORMS,
    SetForm,
    exports,
    staging,
    summaries,
    within_budget,
)
from fred_tf.forms.whitening import Whitening
from fred_tf.parameterizations import Parameterization
from fred_tf.synthetic_set import SyntheticSet


def run(
    distilled: DistilledRun,
    export_dir: files.Path,
    names: str | Iterable[str] | None = None,
    measure_on: ImageData | None = None,
    config: config_lib.Config | None = None,
    soft_labels_from: files.Path | None = None,
    shards: int = 1,
    step: float | None = None,
    budget_bytes: int | None = None,
    card: bool = False,
) -> list[pathlib.Path]:
    """Writes a run in some forms, the table of their sizes, and a README.md.

    Each appears when it is complete, and replaces what an earlier export left.
    What loses nothing is read back. Of forms of other sets that stay it warns.

    Args:
        distilled: the run.
        export_dir: folder of all that is written.
        names: keys of `FORMS`, or one; all that fit if None or empty.
        measure_on: real data to measure accuracy on; None measures nothing.
        config: how to measure; the run's if None.
        soft_labels_from: folder of experts that label images softly, or None.
        shards: number of files of each form of images.
        step: of levels, see `CodedCoefficients`; None for the usual.
        budget_bytes: writes only the form that errs least within so many
            bytes, all its files counted; None writes each.
        card: whether the README.md begins with what hubs of data sets read.

    Returns:
        The paths of the forms, and that of the table.

    Raises:
        ValueError: a form is unknown or does not fit, experts or test images
            are of other data or networks, an option is out of range or of no
            form, or nothing fits `budget_bytes`.
        FileExistsError: something else lies where a file would.
        RuntimeError: what loses nothing came back different, or another process
            exports to the folder.
    """
    export_dir, names = paths.folder(export_dir, "export_dir"), listed(names)
    table = export_dir / sizes.NAME
    _check(distilled, export_dir, measure_on, config or distilled.config)
    memory = distilled.parameterization
    decoded = _labelled(distilled, soft_labels_from)
    described = exports.evaluated(decoded, distilled)
    options: Mapping[str, Any] = {"shards": shards, "step": step}
    why = ""
    if budget_bytes is not None:
        best, why = within_budget.best(
            described, memory, export_dir, names, budget_bytes, options
        )
        names, options = [best.name], best.options
    fit = forms.chosen(names, decoded, memory)
    with staging.alone(export_dir / forms.readme.NAME):
        stays = exports.staying(decoded, export_dir, fit)
        written = forms.write(described, memory, export_dir, names, **options)

        def tell(accuracies: Mapping[pathlib.Path, measuring.Accuracy]) -> None:
            rows = _rows(
                decoded,
                stays.beside(written),
                measuring.trained_alike(accuracies.values(), stays.measured),
            )
            files.write_text(table, sizes.table(decoded, rows, why))
            stated = [accuracy.to_json() for accuracy in accuracies.values()]
            told = exports.telling(described, stated)
            exports.describe(told, export_dir, written, stays, card)

        tell({})  # Before anything ends this: what was there is of another set.
        verification.check(decoded, sets := _sets(written))
        if measure_on is not None:
            how = config or distilled.config
            told = how, decoded, sets, measure_on, export_dir
            found = measuring.accuracies(*told)
            if budget_bytes is None:
                _state(found.values(), described, memory, export_dir, options)
            tell(found)
        return [*written.values(), table]


def _check(
    distilled: DistilledRun,
    folder: pathlib.Path,
    measure_on: ImageData | None,
    how: config_lib.Config,
) -> None:
    """Refuses what would replace files of somebody else, or tell of others.

    And networks that cannot be trained, before what was measured is removed.
    """
    summaries.check_replaceable(folder)
    if measure_on is not None:
        assembly.check_network(how, measure_on)
        measuring.check_data(distilled.facts, measure_on)
        measuring.check_replaceable(folder)


def _sets(written: Mapping[str, pathlib.Path]) -> dict[pathlib.Path, SetForm]:
    """Returns the forms that hold a set, pictures left out, by their paths."""
    of = {path: FORMS[name] for name, path in written.items()}
    return {p: form for p, form in of.items() if isinstance(form, SetForm)}


def _state(
    accuracies: Iterable[measuring.Accuracy],
    decoded: SyntheticSet,
    memory: Parameterization,
    export_dir: pathlib.Path,
    options: Mapping[str, Any],
) -> None:
    """Writes each form with its own accuracy, where it has room for that."""
    for accuracy in accuracies:
        form = FORMS[accuracy.form]
        if not form.is_bounded(memory, options):
            details = {**decoded.details, "this_form": accuracy.to_json()}
            told = dataclasses.replace(decoded, details=details)
            own = form.taken(options)
            forms.write(told, memory, export_dir, [form.name], **own)


def _rows(
    decoded: SyntheticSet,
    there: Mapping[str, pathlib.Path],
    accuracies: Mapping[str, measuring.Accuracy],
) -> list[sizes.Size]:
    """Returns the rows of the table: forms that hold something, and pictures.

    Args:
        decoded: the set.
        there: where each form lies.
        accuracies: what was measured, by form.
    """
    rows = [
        sizes.size_of(name, path, accuracies.get(name))
        for name, path in there.items()
        if isinstance(FORMS[name], SetForm)
    ]
    if carried := there.get(Whitening.name):
        rows.append(sizes.size_of(Whitening.name, carried))
    if decoded.images.ndim == 4 and decoded.images.shape[-1] in (1, 3):
        rows += sizes.pictures(decoded)
    return rows


def _labelled(
    distilled: DistilledRun, expert_dir: files.Path | None
) -> SyntheticSet:
    """Returns the set of a run, with the labels of experts if there are any."""
    decoded = distilled.synthetic_set()
    if not expert_dir:
        return decoded
    if decoded.soft_labels is not None:
        raise ValueError(
            "Experts label a set that has classes alone. Received: "
            f"{decoded.kind_of_soft_labels}, which the run has "
            "learned. Leave `soft_labels_from` out."
        )
    facts, config = distilled.facts, distilled.config
    experts = ExpertStore.open(
        expert_dir, assembly.expert_description(config, facts)
    )
    network = assembly.network(config, facts.image_shape, decoded.classes)
    return dataclasses.replace(
        decoded, soft_labels=soft_labels(network, experts, decoded.images)
    )
