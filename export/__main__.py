"""Writes a distilled set in forms that need none of this library.

    python -m export --run_dir=runs/digits

writes, into `<run_dir>/export` or `--export_dir`, what `--forms` names, or what
is usual and fits the run:

    images_*/        TFDS folders of decoded images: float32 (exact), float16,
                     png (to look at), for `tfds.builder_from_directory`
    images.npz       the images as plain arrays, for `numpy.load`
    images_folder/   PNG files in a folder for each class, and labels.csv
    images_parquet/  the same pictures for `datasets.load_dataset`
    images_array_record/  what images_float32 holds, for `tfds.data_source` and
                     Grain; these three only where they are named
    coefficients_*/  what FreD stores, in float32, float16, int8, int6, int4
    coefficients_coded/  the same in levels of one step size, entropy-coded
    saved_model/1/   decodes instances, for `tf.saved_model.load` and Serving
    memory.keras     the same for `keras.saving.load_model`; what it does not
                     say of the data set is in memory.json
    gallery.png      the images; masks.png the kept frequencies per class,
                     views.png volumes from three sides and in slices
    README.md        what the set is, what it is worth and how it was made, and
                     code that loads it, by framework
    sizes.md         the bytes of each, beside the same images as pictures

`--shards=N` splits the records of each form of images into N files;
coefficients are small and stay one file.

`--budget_bytes=N` writes one form only: of those that take N bytes at most, all
files counted, the one that errs least, which sizes.md compares. Levels of
`coefficients_coded` are those of the training where they fit, or else chosen by
what they err and the bits that they take; `--step` sets their step size, in
orthonormal units, and takes the nearest.

`--soft_labels_from=EXPERT_DIR` adds, to every form but pictures, the
probabilities that experts give each image; readers that know soft labels train
on them.

What loses nothing is read back and compared with the run. `--measure` also
trains networks on what is read back of each form that loses something, as the
run's config says, and states by how much their accuracy differs from that of
float32; overrides apply. Stopped, it continues.

`--card` makes the README.md a card for a hub of data sets: it begins with the
YAML that Hugging Face reads.
"""

import pathlib

from export import command_line, exporting, flags
from fred_tf import assembly, forms, scoring
from fred_tf.distilled_run import DistilledRun

EXPORT_DIR = flags.DEFINE(
    command_line.FOLDER,
    "export_dir",
    None,
    "Where to write; default <run_dir>/export.",
)
FORMS = flags.DEFINE_list(
    "forms",
    [],
    f"What to write, of {', '.join(forms.FORMS)}; default all but those that "
    "docs/exports.md marks.",
)
SOFT_LABELS_FROM = flags.DEFINE(
    command_line.FOLDER,
    "soft_labels_from",
    None,
    "Expert store whose experts label the images, beside their own labels.",
)
SHARDS = flags.DEFINE_integer(
    "shards",
    1,
    "Files of records of each form of images, at most one per image; "
    "coefficients are one file.",
)
STEP = flags.DEFINE(
    flags.Number(lower_bound=0),
    "step",
    None,
    "Step size of the levels of `coefficients_coded`, in orthonormal units; by "
    "default that of the training, or else images err as those of 6 bits do.",
)
MEASURE = flags.DEFINE_bool(
    "measure", False, "Measures the accuracy that each form of the set gives."
)
CARD = flags.DEFINE_bool(
    "card",
    False,
    "Begins the README.md with what hubs of data sets read: licence, size, "
    "tags.",
)
flags.adopt_module_key_flags(command_line)
flags.one_of(STEP, command_line.BUDGET_BYTES)


@command_line.program
def main() -> None:
    command_line.set_determinism()
    run_dir = command_line.required(command_line.RUN_DIR)
    _check_override()
    export_dir = EXPORT_DIR.value or pathlib.Path(run_dir) / "export"
    distilled = DistilledRun.restore(run_dir)
    config = command_line.override(distilled.config)
    scoring.check_changes(distilled.config, config)
    decoded, memory = distilled.synthetic_set(), distilled.parameterization
    chosen = forms.chosen(FORMS.value, decoded, memory)
    options = {"shards": SHARDS.value, "step": STEP.value}
    forms.check_options(chosen, options)
    forms.check_shards(SHARDS.value, len(decoded.images))
    data = None
    source = command_line.data_dir(run_dir), command_line.DOWNLOAD.value
    if MEASURE.value:
        data = assembly.load_data(config, *source)
        distilled = distilled.fitted_on(data)
    distilled = distilled.fitted(*source)
    written = exporting.run(
        distilled,
        export_dir,
        FORMS.value,
        data,
        config,
        SOFT_LABELS_FROM.value,
        SHARDS.value,
        STEP.value,
        command_line.BUDGET_BYTES.value,
        CARD.value,
    )
    for path in written:
        print(path)
    print(f"\n{written[-1].read_text(encoding='utf-8')}")


def _check_override() -> None:
    """Refuses settings that would change nothing of what is written.

    Raises:
        ValueError: there are some.
    """
    if command_line.OVERRIDE.value and not MEASURE.value:
        raise ValueError(
            "`--override` says how --measure trains networks. Received: "
            f"{', '.join(command_line.OVERRIDE.value)}, without it. Add "
            "--measure, or leave it out: bytes are given by --budget_bytes, "
            "levels by --step."
        )


if __name__ == "__main__":
    main()
