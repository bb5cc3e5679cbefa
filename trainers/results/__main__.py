"""Makes the rows of RESULTS.md, each from a run folder of its own.

    python -m trainers.results --data_dir=~/tensorflow_datasets
    python -m trainers.results --rows=mnist_ipc1_fred_dm --data_dir=...
    python -m trainers.results --rows=none     # only writes RESULTS.md again

A row trains experts if it needs them, distils, evaluates on the test split and
writes `results/<row>.json`; runs are in `runs/results`. Stopped, the same
command continues, and what is finished is left as it is; a file that was made
with other settings or data is refused before any work starts. RESULTS.md is
generated from all of `results/`, never typed; what people have to say about it
is in docs/what-mattered.md. Settings are those of the presets: nothing is
chosen here, and the accuracy is that of the final step.
"""

from absl import flags, logging

from fred_tf import assembly
from fred_tf.disk import files
from fred_tf.distillation import interruption as interruptions
from fred_tf.settings import check_one_of
from trainers import run_flags
from trainers.results.making import finished, make
from trainers.results.rows import ROWS
from trainers.results.table import table

NAMES = flags.DEFINE_list(
    "rows",
    [],
    "Which rows to make, of ROWS in trainers/results/rows.py; default all that "
    "need no accelerator.",
)
RUNS_DIR = flags.DEFINE_string(
    "runs_dir", "runs/results", "Where the runs of the rows are."
)
RESULTS_DIR = flags.DEFINE_string(
    "results_dir", "results", "Where the rows' JSON files are."
)
TABLE = flags.DEFINE_string("table", "RESULTS.md", "The generated table.")


@run_flags.program
def main() -> int:
    run_flags.set_determinism()
    here = [name for name, row in ROWS.items() if not row.elsewhere]
    names = [] if NAMES.value == ["none"] else NAMES.value or here
    for name in names:
        check_one_of("--rows", name, ROWS)
        assembly.check_network(ROWS[name].evaluation())
    source = run_flags.DATA_DIR.value, run_flags.DOWNLOAD.value
    rows = {name: ROWS[name] for name in names}
    complete = finished(rows, RESULTS_DIR.value, *source)
    with interruptions.Interruption().watching() as interruption:
        for name, row in rows.items():
            if name in complete:
                logging.info("%s is finished.", name)
                continue
            places = RUNS_DIR.value, RESULTS_DIR.value
            make(name, row, *places, *source, interruption)
            files.write_text(TABLE.value, table(RESULTS_DIR.value))
            if interruption.signal:
                print("Stopped; run again to continue.")
                return interruption.exit_code
    files.write_text(TABLE.value, table(RESULTS_DIR.value))
    print(TABLE.value)
    return 0


if __name__ == "__main__":
    main()
