"""How often a run was lost, and went back to a checkpoint from before.

`rewinds.json` of a run folder lists each time: at which `step` it was lost, for
what `reason`, which step it went `back_to`, and the `memory_learning_rate` that
it goes on with, half of that before.
"""

from typing import Any

from fred_tf.disk import claims, records
from fred_tf.disk.checkpoints import Checkpoints
from fred_tf.disk.run_folder import RunFolder

KIND = "rewinds"
# Then the step size is a thousandth: it was not at fault.
MOST = 10
_RECORD = "rewinds.json"
# Without it, a run would go on with the step size that lost it.
_WAY_OUT = "Without a copy of it, begin anew in another --run_dir."


def of(folder: RunFolder) -> list[dict[str, Any]]:
    """Returns the rewinds of a run, the first one first.

    Raises:
        ValueError: the record is damaged.
    """
    path = folder.path / _RECORD
    if not path.exists():
        return []
    record = records.read(path, KIND, _WAY_OUT)
    with records.stating(path, _WAY_OUT):
        listed = claims.listed(record, "rewinds", MOST)
        for rewind in listed:
            claims.integer(rewind, "step")
            claims.integer(rewind, "back_to")
            claims.number(rewind, "memory_learning_rate", 0, 1e30)
            claims.text(rewind, "reason")
    return listed


def go_back(
    folder: RunFolder,
    checkpoints: Checkpoints,
    step: int,
    reason: str,
    last_good: int,
    rate: float,
) -> None:
    """Makes a run folder go on from before it was lost.

    A kill in between leaves the run where it is lost again, at the latest.

    Args:
        folder: the run folder, locked.
        checkpoints: those of the folder.
        step: outer step in which the run was found to be lost.
        reason: why, as the end of a sentence that begins with the step.
        last_good: the step to go back to, or to the last checkpoint before.
        rate: the memory's step size so far.

    Raises:
        ValueError: no checkpoint is left from before.
    """
    back_to = checkpoints.go_back(last_good)
    rewind = {
        "step": step,
        "reason": reason,
        "back_to": back_to,
        "memory_learning_rate": rate / 2,
    }
    records.write(
        folder.path / _RECORD,
        KIND,
        folder.identity,
        folder.data,
        rewinds=[*of(folder), rewind],
    )
