"""Writes a distilled set in forms that need none of this library.

    python -m export --run_dir=runs/digits

writes, into `<run_dir>/export` or `--export_dir`, what `--forms` names, or all
that fit the run:

    images_*/        TFDS folders of decoded images: float32 (exact), float16,
                     png (to look at), for `tfds.builder_from_directory`
    coefficients_*/  what FreD stores, in float32, float16, int8, int6, int4
    saved_model/1/   decodes instances, for `tf.saved_model.load` and Serving
    memory.keras     the same for `keras.saving.load_model`; what it does not
                     say of the data set is in memory.json
    gallery.png      the images; masks.png the kept frequencies per class
    sizes.md         the bytes of each, beside the same images as pictures

`--shards=N` splits the records of each form of images into N files;
coefficients are small and stay one file.

`--soft_labels_from=EXPERT_DIR` adds, to forms of images, the probabilities that
experts give each image; readers that know soft labels train on them.

`--measure` also trains networks on what is read back of each form that loses
something, as the run's config says, and states by how much their accuracy
differs from that of float32; overrides apply. Stopped, it continues.
"""

import dataclasses
import pathlib

import numpy as np
from absl import flags

from export import command_line, sizes
from fred_tf import assembly, forms
from fred_tf import config as config_lib
from fred_tf.datasets import ImageData
from fred_tf.disk import files
from fred_tf.distilled_run import DistilledRun
from fred_tf.experts.soft_labels import soft_labels
from fred_tf.experts.store import ExpertStore
from fred_tf.forms.images import check_shards
from fred_tf.scoring import measured, score
from fred_tf.settings import check_one_of
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluator import Evaluation

EXPORT_DIR = flags.DEFINE_string(
    "export_dir", None, "Where to write; default <run_dir>/export."
)
FORMS = flags.DEFINE_list(
    "forms", [], f"What to write, of {', '.join(forms.FORMS)}; default all."
)
SOFT_LABELS_FROM = flags.DEFINE_string(
    "soft_labels_from",
    None,
    "Expert store whose experts label the images; forms of images only.",
)
SHARDS = flags.DEFINE_integer(
    "shards",
    1,
    "Files of records of each form of images, at most one per image; "
    "coefficients are one file.",
)
MEASURE = flags.DEFINE_bool(
    "measure", False, "Measures the accuracy that each form of the set gives."
)
flags.adopt_module_key_flags(command_line)


def run(
    distilled: DistilledRun,
    export_dir: files.Path,
    names: list[str] | None = None,
    measure_on: ImageData | None = None,
    config: config_lib.Config | None = None,
    soft_labels_from: files.Path | None = None,
    shards: int = 1,
) -> list[pathlib.Path]:
    """Writes a run in some forms, and the table of their sizes.

    Each file or folder appears under its name only when it is complete, and
    replaces what an earlier export left there.

    Args:
        distilled: the run.
        export_dir: folder of all that is written.
        names: keys of `FORMS`; all that fit if None or empty.
        measure_on: real data to measure accuracy on; None measures nothing.
        config: how to measure; the run's if None.
        soft_labels_from: folder of the experts that label the images softly;
            None for hard labels only.
        shards: number of files of each form of images.

    Returns:
        The paths written.

    Raises:
        ValueError: a form is unknown, or does not fit the run or soft labels;
            the experts are of another data set or network; or `shards` is
            below 1 or above the number of images.
    """
    if soft_labels_from:
        names = _softly_labelled(distilled, names)
    chosen = _chosen(distilled, names)
    check_shards(shards, distilled.parameterization.instances)
    export_dir = pathlib.Path(export_dir)
    config = config or distilled.config
    decoded = distilled.synthetic_set()
    if soft_labels_from:
        decoded = _softened(distilled, decoded, soft_labels_from)
    described = _with_details(
        decoded, evaluations=measured(distilled.folder.path, decoded)
    )
    exact = None
    if measure_on is not None:
        exact = _measure(
            config, decoded, decoded, measure_on, export_dir, "images_float32"
        )
    written, rows = [], []
    for name, form in chosen.items():
        path = export_dir / form.path
        options = {"shards": shards} if form.sharded else {}
        form.write(distilled, described, path, **options)
        row = sizes.size_of(name, path)
        if form.read and exact is not None:
            result = _measure(
                config, decoded, form.read(path), measure_on, export_dir, name
            )
            difference = result.mean - exact.mean
            result_facts = {
                "form": name,
                **result.to_json(),
                "difference_to_float32": difference,
            }
            form.write(
                distilled,
                _with_details(described, this_form=result_facts),
                path,
                **options,
            )
            row = dataclasses.replace(
                sizes.size_of(name, path),
                accuracy=result,
                difference=difference,
            )
        written.append(path)
        if path.suffix != ".png":
            rows.append(row)
    if decoded.images.ndim == 4 and decoded.images.shape[-1] in (1, 3):
        rows += sizes.pictures(decoded)
    files.write_text(export_dir / "sizes.md", sizes.table(decoded, rows))
    return [*written, export_dir / "sizes.md"]


def _chosen(
    distilled: DistilledRun, names: list[str] | None
) -> dict[str, forms.Form]:
    """Returns the forms to write, by name."""
    for name in names or ():
        check_one_of("--forms", name, forms.FORMS)
        if not forms.FORMS[name].fits(distilled):
            fitting = [n for n, f in forms.FORMS.items() if f.fits(distilled)]
            raise ValueError(
                f"A run of {distilled.config.parameterization.name!r} with "
                f"images {list(distilled.facts.image_shape)} has the forms "
                f"{fitting}. Received: {name!r}."
            )
    return {
        name: form
        for name, form in forms.FORMS.items()
        if form.fits(distilled) and (not names or name in names)
    }


def _softly_labelled(
    distilled: DistilledRun, names: list[str] | None
) -> list[str]:
    """Returns which forms are written where labels are soft."""
    able = [
        name
        for name, form in forms.FORMS.items()
        if name.startswith("images_") and form.fits(distilled)
    ]
    for name in names or ():
        check_one_of("--forms with --soft_labels_from", name, able)
    return names or able


def _softened(
    distilled: DistilledRun, decoded: SyntheticSet, expert_dir: files.Path
) -> SyntheticSet:
    facts, config = distilled.facts, distilled.config
    experts = ExpertStore.open(
        expert_dir, assembly.expert_description(config, facts)
    )
    network = assembly.network(config, facts.image_shape, decoded.classes)
    return dataclasses.replace(
        decoded, soft_labels=soft_labels(network, experts, decoded.images)
    )


def _with_details(decoded: SyntheticSet, **more) -> SyntheticSet:
    return dataclasses.replace(decoded, details={**decoded.details, **more})


def _measure(
    config: config_lib.Config,
    decoded: SyntheticSet,
    read: SyntheticSet,
    data: ImageData,
    folder: pathlib.Path,
    name: str,
) -> Evaluation:
    """Scores the images that were read back.

    Forms that give the very same images share one evaluation.
    """
    exact = np.array_equal(read.images, decoded.images)
    kind = "exact" if exact else name
    if decoded.soft_labels is not None:
        kind += "_soft"
    return score(
        config,
        dataclasses.replace(decoded, images=read.images),
        data,
        folder / f"evaluation_{kind}.json",
    )


@command_line.program
def main() -> None:
    command_line.set_determinism()
    run_dir = command_line.required(command_line.RUN_DIR)
    export_dir = EXPORT_DIR.value or pathlib.Path(run_dir) / "export"
    distilled = DistilledRun.restore(run_dir)
    config = command_line.override(distilled.config)
    _chosen(distilled, FORMS.value)
    check_shards(SHARDS.value, distilled.parameterization.instances)
    data = None
    if MEASURE.value:
        data = assembly.load_data(
            config, command_line.DATA_DIR.value, command_line.DOWNLOAD.value
        )
    written = run(
        distilled,
        export_dir,
        FORMS.value,
        data,
        config,
        SOFT_LABELS_FROM.value,
        SHARDS.value,
    )
    for path in written:
        print(path)
    print(f"\n{written[-1].read_text()}")


if __name__ == "__main__":
    main()
