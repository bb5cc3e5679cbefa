"""Writes everything about a run as one page: `<run_dir>/report.html`.

    python -m trainers.report --run_dir=runs/cifar10

The page holds its pictures itself and asks no other host for anything, so it
can be mailed. It shows what the run folder holds: settings, curves, images,
evaluations, the figures of `trainers.figures` and the sizes of
`python -m export`. No real data are needed.
"""

import pathlib

from absl import flags

from export import command_line
from fred_tf.disk import files
from fred_tf.distilled_run import DistilledRun
from trainers.report.content import page

NAME = "report.html"
flags.declare_key_flag("run_dir")


def run(run_dir: files.Path) -> pathlib.Path:
    """Writes the page of a run and returns its path.

    Raises:
        FileNotFoundError: there is no run, or it has no checkpoint yet.
        ValueError: the folder is damaged; the message says how.
    """
    distilled = DistilledRun.restore(run_dir)
    path = distilled.folder.path / NAME
    files.write_text(path, page(distilled))
    return path


@command_line.program
def main() -> None:
    print(run(command_line.required(command_line.RUN_DIR)))


if __name__ == "__main__":
    main()
