"""Makes the rows of RESULTS.md, each from a run folder of its own.

    python -m trainers.results --data_dir=~/tensorflow_datasets
    python -m trainers.results --rows=mnist_ipc1_fred_dm --data_dir=...
    python -m trainers.results --rows=none     # only writes the pages again
    python -m trainers.results --rows=A --seeds=3   # distilled three times
    python -m trainers.results --table=slides  # only prints the papers' tables

A row trains experts if it needs them, distils, evaluates on the test split and
writes `results/<row>.json`; runs are in `runs/results`. Stopped, the same
command continues, and what is finished is left as it is; another
`--results_dir` makes it again, with pages of its own. A file that was made with
other settings or data is refused before any work starts, and so is a row whose
data, packages or run from elsewhere are missing. RESULTS.md and the
figure of accuracy against bytes are made of all of `results/`, never typed;
what people have to say about it is in docs/what-mattered.md. Rows that need an
accelerator are packed for a machine that has JAX but no TensorFlow, several in
one go, and come home finished or not:

    python -m trainers.results --pack=packs --rows=A,B --shares=3,1
    python packs/run.py --minutes=9 --processes=5   # there, again and again
    python packs/run.py --minutes=9 --score=now     # the last time
    python -m trainers.results --unpack=packs       # also makes their files

Settings are those of the presets: nothing is chosen here, and the accuracy is
that of the final step.
"""

import os
import pathlib
import shlex
import sys

from absl import logging

from export import flags
from fred_tf import assembly, figures
from fred_tf.disk import files, replaceable
from fred_tf.distillation import interruption as interruptions
from fred_tf.settings import check_one_of
from trainers import run_flags
from trainers.elsewhere import pack_flag
from trainers.elsewhere.pack_flag import OVERWRITE, PACK
from trainers.results import accuracy_per_byte, packing
from trainers.results.checking import finished
from trainers.results.making import make
from trainers.results.rows import ROWS, Row, with_repeats
from trainers.results.rows import SEEDS as SEEDS_OF_ROWS
from trainers.results.slides import NAME as SLIDES
from trainers.results.slides import slides
from trainers.results.table import MARK, table

NAMES = flags.DEFINE_list(
    "rows",
    [],
    "Which rows to make, of ROWS in trainers/results/rows.py; default all that "
    "need no accelerator.",
)
RUNS_DIR = flags.DEFINE(
    run_flags.FOLDER,
    "runs_dir",
    "runs/results",
    "Where the runs of the rows are.",
)
RESULTS_DIR = flags.DEFINE(
    run_flags.FOLDER,
    "results_dir",
    "results",
    "Where the rows' JSON files are.",
)
SEEDS = flags.DEFINE_integer(
    "seeds",
    1,
    "How many times to make each row that distils or chooses images, with the "
    "seeds 0, 1 and so on; the table gives their mean and spread.",
    1,
    SEEDS_OF_ROWS,
)
SHARES = flags.DEFINE_numbers(
    flags.Numbers(above=0),
    "shares",
    [],
    "Of the time there, one number for each row; default equal.",
)
PART_MEGABYTES = flags.DEFINE_integer(
    "part_megabytes", 48, "Of a file of images in a pack, at most.", 4
)
UNPACK = flags.DEFINE(
    run_flags.FOLDER,
    "unpack",
    None,
    "Folder of packs to bring the rows home from.",
)
TABLE = flags.DEFINE(
    run_flags.PATH,
    "table",
    None,
    "The generated table; default RESULTS.md, in --results_dir where that is "
    f"given. {SLIDES!r} prints those of the papers cell by cell instead, and "
    "makes nothing.",
)
FIGURE = flags.DEFINE(
    run_flags.PATH,
    "figure",
    None,
    "The generated figure of accuracy against bytes; default "
    f"{accuracy_per_byte.PATH}, beside the table's default.",
)
flags.adopt_module_key_flags(pack_flag)
flags.only_with(PACK, SHARES, PART_MEGABYTES)
flags.one_of(PACK, UNPACK)
flags.not_with(PACK, RUNS_DIR, RESULTS_DIR, TABLE, FIGURE)
flags.not_with(UNPACK, NAMES, SEEDS)


def _pack(
    folder: str, rows: dict[str, Row], data_dir: str | None, download: bool
) -> None:
    if not NAMES.value or not rows:
        raise ValueError(
            "`--pack` packs the rows that `--rows` names. Received: none. Name "
            "some."
        )
    packing.pack(
        rows,
        SHARES.value or [1.0] * len(rows),
        folder,
        PART_MEGABYTES.value << 20,
        data_dir,
        download,
        OVERWRITE.value,
    )
    run = shlex.quote(str(pathlib.Path(folder) / "run.py"))
    print(f"Next, where JAX is: python {run} --minutes=9")


def _unpack(
    folder: str, data_dir: str | None, download: bool
) -> tuple[list[str], int]:
    """Returns the rows that came home with all their steps and scores.

    And an exit code, which is 1 where a row could not come home.
    """
    told, refused = packing.unpack(
        ROWS, folder, RUNS_DIR.value, data_dir, download
    )
    for name, line in told.items():
        print(f"{name}: {line}")
    for name, line in refused.items():
        print(f"{name} did not come home: {line}", file=sys.stderr)
    return packing.complete(ROWS, folder, told), int(bool(refused))


def _pages() -> tuple[pathlib.Path, pathlib.Path]:
    """Returns where the table and the figure go.

    Rows in a folder of one's own leave the pages of all rows as they are.
    """
    results, usual = map(pathlib.Path, (RESULTS_DIR.value, RESULTS_DIR.default))
    beside = results
    if results.resolve() == usual.resolve():
        beside = pathlib.Path()
    table_path = pathlib.Path(TABLE.value or beside / "RESULTS.md")
    return table_path, pathlib.Path(
        FIGURE.value or beside / accuracy_per_byte.PATH
    )


def _write_pages() -> None:
    """Writes what is generated from the files of all rows."""
    table_path, figure_path = _pages()
    # With the slashes of a link, on any system.
    to_figure = os.path.relpath(figure_path, table_path.parent)
    link = pathlib.Path(to_figure).as_posix()
    files.write_text(table_path, table(RESULTS_DIR.value, link))
    drawn = accuracy_per_byte.figure(RESULTS_DIR.value)
    figures.save(drawn, figure_path)


@run_flags.taking("list_rows", *run_flags.ON_DATA)
def main() -> int:
    run_flags.set_determinism()
    if TABLE.value == SLIDES:
        making = [f for f in (NAMES, SEEDS, UNPACK, FIGURE) if f.present]
        if given := [f"--{flag.name}={flag.value}" for flag in making]:
            raise ValueError(
                f"`--table={SLIDES}` prints what there is, and makes no rows. "
                f"Received: {', '.join(given)}. Leave them out."
            )
        print(slides(RESULTS_DIR.value))
        return 0
    here = [
        name
        for name, row in ROWS.items()
        if not row.elsewhere and not row.repeats
    ]
    names = [] if NAMES.value == ["none"] else NAMES.value or here
    for name in names:
        check_one_of("--rows", name, ROWS)
        assembly.check_network(ROWS[name].evaluation())
    names = with_repeats(names, SEEDS.value)
    source = run_flags.DATA_DIR.value, run_flags.DOWNLOAD.value
    rows = {name: ROWS[name] for name in names}
    if PACK.value:
        _pack(PACK.value, rows, *source)
        return 0
    table_path, figure_path = _pages()
    replaceable.check_file(table_path, MARK.encode())
    figures.check_replaceable(figure_path)
    table(RESULTS_DIR.value)  # Refuses files that no page can be made of.
    exit_code = 0
    if UNPACK.value:
        names, exit_code = _unpack(UNPACK.value, *source)
        rows = {name: ROWS[name] for name in names}
    places = RUNS_DIR.value, RESULTS_DIR.value
    complete = finished(rows, *places, *source)
    with interruptions.Interruption().watching() as interruption:
        for name, row in rows.items():
            if name in complete:
                logging.info(
                    "%s is finished, in %s. Another --results_dir makes it "
                    "again.",
                    name,
                    RESULTS_DIR.value,
                )
                continue
            make(name, row, *places, *source, interruption)
            _write_pages()
            if interruption.signal:
                print("Stopped; run again to continue.")
                return interruption.exit_code
    _write_pages()
    print(table_path)
    return exit_code


if __name__ == "__main__":
    main()
