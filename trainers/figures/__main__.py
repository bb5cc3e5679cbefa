"""Draws what a run is about, for a paper or a talk: PNG and SVG.

    python -m trainers.figures --run_dir=runs/cifar10 \\
        --compare pixels=runs/cifar10_pixel --data_dir=~/tensorflow_datasets

writes into `<run_dir>/figures` what `--figures` names, or all that the run has
what they need for.
"""

import pathlib

from absl import logging

from export import flags
from fred_tf import assembly, figures
from fred_tf.disk import files
from fred_tf.settings import check_one_of
from trainers import run_flags
from trainers.figures import FIGURES, MissingError, Subject, named_runs

COMPARE = flags.DEFINE_multi_string(
    "compare", [], "Another run to draw beside this one, name=run_dir."
)
NAMES = flags.DEFINE_list(
    "figures",
    [],
    "Which ones; default all.\n"
    + "\n".join(f"{name}: {x.caption}" for name, x in FIGURES.items()),
)


def run(
    subject: Subject, folder: files.Path, names: list[str] | None = None
) -> list[pathlib.Path]:
    """Draws figures, each as PNG and as SVG.

    Args:
        subject: what is drawn.
        folder: where; earlier figures are replaced.
        names: keys of `FIGURES`; all that can be drawn if None or empty.

    Returns:
        The PNG files.

    Raises:
        ValueError: a name is unknown.
        FileExistsError: there is something else in the place of a figure.
        MissingError: what a figure that was named needs is missing.
    """
    folder = pathlib.Path(folder)
    for name in names or ():
        check_one_of("--figures", name, FIGURES)
    for name in names or FIGURES:
        for path in _paths(folder, name):
            figures.check_replaceable(path)
    written = []
    for name in names or FIGURES:
        try:
            figure = FIGURES[name].draw(subject)
        except MissingError as error:
            if names:
                raise
            logging.info("No figure %s: %s.", name, error)
            continue
        paths = _paths(folder, name)
        for path in paths:
            figures.save(figure, path, about=subject.about)
        written.append(paths[0])
    return written


def _paths(folder: pathlib.Path, name: str) -> list[pathlib.Path]:
    """Returns the files of a figure, its PNG first."""
    return [folder / f"{name}.{suffix}" for suffix in ("png", "svg")]


@run_flags.taking("run_dir", "expert_dir", *run_flags.ON_DATA)
def main() -> None:
    run_flags.set_determinism()
    run_dir = pathlib.Path(run_flags.required(run_flags.RUN_DIR))
    for name in NAMES.value:
        check_one_of("--figures", name, FIGURES)
    runs = named_runs(run_dir, COMPARE.value)
    first = next(iter(runs.values()))
    data = assembly.load_data(
        first.config,
        run_flags.data_dir(run_dir),
        run_flags.DOWNLOAD.value,
    )
    if data.facts.train != first.facts.train:
        raise ValueError(
            "Figures are drawn of the images that a run was made from. "
            f"Received: other ones in {data.name!r} than when {run_dir} was "
            "made. Restore them, or distil again."
        )
    runs = {name: other.fitted_on(data) for name, other in runs.items()}
    subject = Subject(runs, data, run_flags.EXPERT_DIR.value)
    for path in run(subject, run_dir / "figures", NAMES.value):
        print(path)


if __name__ == "__main__":
    main()
