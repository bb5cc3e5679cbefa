"""Writes a distilled set in forms that need none of this library.

    python -m export --run_dir=runs/digits

writes, into `<run_dir>/export` or `--export_dir`:

    tfrecord/      a folder for `tfds.builder_from_directory`
    saved_model/   decodes instance indices, for `tf.saved_model.load`
    gallery.png    the images, masks.png the kept frequencies per class
"""

import pathlib

from absl import flags

from export.images import write_gallery, write_masks
from export.saved_model import write_saved_model
from export.tfrecord import write_tfrecord
from fred_tf import files
from fred_tf.distilled_run import DistilledRun
from fred_tf.parameterizations import Frequency
from trainers import run_flags

EXPORT_DIR = flags.DEFINE_string(
    "export_dir", None, "Where to write; default <run_dir>/export."
)


def run(distilled: DistilledRun, export_dir: files.Path) -> list[pathlib.Path]:
    """Writes every export of a run.

    Each file or folder appears under its name only when it is complete, and
    replaces what an earlier export left there.

    Returns:
        The paths written.
    """
    export_dir = pathlib.Path(export_dir)
    synthetic_set = distilled.synthetic_set()
    memory = distilled.parameterization
    write_tfrecord(synthetic_set, export_dir / "tfrecord")
    write_saved_model(memory, export_dir / "saved_model")
    write_gallery(synthetic_set, export_dir / "gallery.png")
    written = ["tfrecord", "saved_model", "gallery.png"]
    if isinstance(memory, Frequency):
        names = synthetic_set.class_names
        write_masks(memory.masks, names, export_dir / "masks.png")
        written.append("masks.png")
    return [export_dir / name for name in written]


def program() -> None:
    run_dir = run_flags.required(run_flags.RUN_DIR)
    export_dir = EXPORT_DIR.value or pathlib.Path(run_dir) / "export"
    for path in run(DistilledRun.restore(run_dir), export_dir):
        print(path)


def main() -> None:
    run_flags.start(program)


if __name__ == "__main__":
    flags.declare_key_flag("run_dir")
    main()
