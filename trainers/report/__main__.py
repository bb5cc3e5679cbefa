"""Writes everything about a run as one page: `<run_dir>/report.html`.

    python -m trainers.report --run_dir=runs/cifar10

The page holds its pictures itself and asks no other host for anything, so it
can be mailed. It says what the set is worth beside real images, as far as that
was measured, and shows what the run folder holds: images, curves, evaluations,
the figures of `trainers.figures`, the sizes of `python -m export` and the
settings. No real data are needed, but for runs that are whitened.

    python -m trainers.report --gallery=gallery.html --set=runs/cifar10 \\
        --set=runs/mnist/export --set=mnist_ipc1

writes such a page of several sets, of run folders, of exports and of those that
come with the library, by name: pictures and numbers of each, and a figure of
accuracy against bytes. Without --set it shows all that come with the library.
"""

import pathlib
from collections.abc import Sequence

from export import command_line, flags
from fred_tf import shipped
from fred_tf.disk import files, replaceable
from fred_tf.distilled_run import DistilledRun
from trainers.report import finished, gallery, markup
from trainers.report.content import page

NAME = "report.html"
GALLERY = flags.DEFINE(
    command_line.PATH,
    "gallery",
    None,
    "Where to write a page of the sets that --set names, or of those that come "
    "with the library, instead of that of a run.",
)
SET = flags.DEFINE_multi_string(
    "set",
    [],
    "A set of --gallery: a run folder, an export, one form of an export, or "
    "the name of a set that comes with the library. May be given many times.",
)
flags.only_with(GALLERY, SET)
flags.one_of(GALLERY, command_line.RUN_DIR)


def run(
    run_dir: files.Path, data_dir: str | None = None, download: bool = False
) -> pathlib.Path:
    """Writes the page of a run and returns its path.

    Args:
        run_dir: the run folder.
        data_dir: where the data are; where the run found them if None.
        download: whether missing data may be downloaded.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint yet; or a
            whitened run lacks its data.
        FileExistsError: there is something else at the path of the page.
        ValueError: the folder is damaged; the message says how. Or its data
            are others than when it was made.
    """
    distilled = DistilledRun.restore(run_dir)
    path = distilled.folder.path / NAME
    check_replaceable(path)
    files.write_text(path, page(distilled.fitted(data_dir, download)))
    return path


def check_replaceable(path: files.Path) -> None:
    """Refuses to replace what is no page of this library.

    Raises:
        FileExistsError: see `replaceable.check_file`.
    """
    replaceable.check_file(pathlib.Path(path), markup.MARK.encode())


def run_gallery(
    path: files.Path,
    sets: Sequence[files.Path],
    data_dir: str | None = None,
    download: bool = False,
) -> pathlib.Path:
    """Writes the page of several sets and returns its path.

    Args:
        path: of the page; an earlier one is replaced.
        sets: see `finished.read`; those that come with the library if empty.
        data_dir, download: as for `run`, for each run that needs them.

    Raises:
        FileNotFoundError: there is neither a run nor an export.
        FileExistsError: there is something else at `path`.
        ValueError: a set is damaged.
    """
    path = pathlib.Path(path)
    sets = sets or [one.folder for one in shipped.distilled_sets().values()]
    check_replaceable(path)
    read = [finished.read(place, data_dir, download) for place in sets]
    files.write_text(path, gallery.page(read))
    return path


@command_line.taking("run_dir", "data_dir", "download")
def main() -> None:
    source = command_line.DATA_DIR.value, command_line.DOWNLOAD.value
    if GALLERY.value:
        print(run_gallery(GALLERY.value, SET.value, *source))
    else:
        print(run(command_line.required(command_line.RUN_DIR), *source))


if __name__ == "__main__":
    main()
