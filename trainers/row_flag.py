"""The rows of RESULTS.md as settings to start from: --row, beside --preset.

    python -m trainers.distill --row=cifar10_ipc1_fred_dm --run_dir=runs/row
    python -m trainers.evaluate --row=cifar10_ipc1_fred_dm --run_dir=runs/row

make what `trainers.results` makes of that row, in a folder of one's own.
"""

from collections.abc import Collection

from export import flags
from export.command_line import command
from fred_tf import scoring
from fred_tf.config import Config, to_json
from fred_tf.settings import nearest
from trainers.results.row import Row
from trainers.results.rows import ROWS

ROW = flags.DEFINE_string(
    "row",
    None,
    "Settings to start from in the place of --preset: those that a row of "
    "RESULTS.md is distilled or scored with; --list_rows prints all.",
)
LIST = flags.DEFINE_bool(
    "list_rows", False, "Prints the rows of RESULTS.md, exits."
)
# What tells how a run is scored, and on what.
_SCORED = (*scoring.HOW, *scoring.OF_DATA, "normalization", "seed", "objective")
# Of rows that distil nothing: what they score, and the program for it.
_REAL = {
    "random": ("random real images", "trainers.evaluate"),
    "herding": ("real images chosen by herding", "trainers.select_coreset"),
    "full": ("the whole training split", "trainers.evaluate"),
}


def row() -> Row | None:
    """Returns the row of --row; None where it is not given.

    Raises:
        ValueError: there is no such row; the message suggests the nearest name.
    """
    name = ROW.value
    if name is None:
        return None
    if name not in ROWS:
        raise ValueError(
            f"Unknown row {name!r}.{nearest(name, ROWS)} `--list_rows` prints "
            "all of them."
        )
    return ROWS[name]


def distilled(row: Row) -> Config:
    """Returns the settings of the run of the row of --row.

    Raises:
        ValueError: the row distils nothing; the message says what makes it.
    """
    if row.subject == "run" and not row.run_of:
        return row.config()
    scored, program = _REAL.get(
        row.subject, (f"the set of --row={row.run_of}", "trainers.evaluate")
    )
    if _beyond_settings(row):
        program = "trainers.results"
    raise ValueError(
        f"`--row` must be one that distils. Received: {ROW.value}, which "
        f"scores {scored}. {_made_by(program)}"
    )


def scoring_flag(made: Config) -> str:
    """Returns ` --row=NAME`, with which a run of that row is scored as it is.

    Nothing where --row is not given, or where the run is of other data or
    other networks than the row's: the row would score it on its own.

    Args:
        made: the settings of the run.
    """
    if (there := row()) is None:
        return ""
    own, asked = (to_json(x) for x in (distilled(there), made))
    same = all(own.get(name) == asked.get(name) for name in _SCORED)
    return f" --row={ROW.value}" if same else ""


def scored(row: Row) -> Config:
    """Returns the settings of the evaluation of the row of --row.

    Raises:
        ValueError: the row needs an export or corrupted images, too.
    """
    if more := _beyond_settings(row):
        raise ValueError(
            "`--row` must be one that is scored on its set and the test split. "
            f"Received: {ROW.value}, which takes {more}. "
            f"{_made_by('trainers.results')}"
        )
    return row.evaluation()


def real(scored_at_once: Collection[str]) -> str:
    """Returns which real images the row of --row scores; nothing for a run's.

    Args:
        scored_at_once: subjects that need no other program before.

    Raises:
        ValueError: they are chosen by a program of its own, or see `scored`.
    """
    if (there := row()) is None or there.subject not in _REAL:
        return ""
    scored(there)
    if there.subject not in scored_at_once:
        images, program = _REAL[there.subject]
        raise ValueError(
            "`--row` must be one whose set is there, or whose images are "
            f"chosen at once. Received: {ROW.value}, which scores {images}. "
            f"`{command(program)} --row={ROW.value} --run_dir=DIR` chooses "
            "them, and --exported=DIR/tfrecord scores them."
        )
    return there.subject


def _beyond_settings(row: Row) -> str:
    """Returns what the score of a row takes that no setting says, if it does.

    Only `trainers.results` makes such rows.
    """
    if row.form:
        within = f" in {row.form_bytes:,} bytes" if row.form_bytes else ""
        return f"the export {row.form}{within}"
    if row.stored:
        return f"images as a picture of {row.budget_bytes:,} bytes"
    return "corrupted test images" if row.severity else ""


def _made_by(program: str) -> str:
    """Returns which command makes the row of --row."""
    flag = "rows" if program == "trainers.results" else "row"
    return f"`{command(program)} --{flag}={ROW.value}` makes it."


def table() -> str:
    """Returns one line per row, for people.

    A row with a run of its own says what the run is made with, another one
    what its evaluation changes.
    """
    rows = {name: row for name, row in ROWS.items() if not row.repeats}
    width = max(map(len, rows))
    lines = [f"{'row':{width}} {'scores':{width}} settings"]
    for name, row in rows.items():
        made = row.preset, *row.overrides
        settings = " ".join(row.scored_with if row.run_of else made)
        scores = row.run_of or row.subject
        lines.append(f"{name:{width}} {scores:{width}} {settings}".rstrip())
    return "\n".join(lines)
