"""Writes everything about a run as one page: `<run_dir>/report.html`.

    python -m trainers.report --run_dir=runs/cifar10

The page holds its pictures itself and asks no other host for anything, so it
can be mailed. It shows what the run folder holds: settings, curves, images,
evaluations, the figures of `trainers.figures` and the sizes of
`python -m export`. No real data are needed, but for runs that are whitened.
"""

import pathlib

from export import command_line, flags
from fred_tf.disk import files
from fred_tf.distilled_run import DistilledRun
from trainers.report.content import page

NAME = "report.html"
for _name in ("run_dir", "data_dir", "download"):
    flags.declare_key_flag(_name)


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
        ValueError: the folder is damaged; the message says how. Or its data
            are others than when it was made.
    """
    distilled = DistilledRun.restore(run_dir).fitted(data_dir, download)
    path = distilled.folder.path / NAME
    files.write_text(path, page(distilled))
    return path


@command_line.program
def main() -> None:
    print(
        run(
            command_line.required(command_line.RUN_DIR),
            command_line.DATA_DIR.value,
            command_line.DOWNLOAD.value,
        )
    )


if __name__ == "__main__":
    main()
