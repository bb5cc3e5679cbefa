"""A process dies, or its disk is full, at each of its file operations."""

import pathlib
import shutil
from collections.abc import Iterable

from tests.faults import children, shim
from tests.faults.programs import PROGRAMS, Program, differences, state
from tests.faults.tally import (
    LOST,
    REFUSED,
    SILENT,
    SURVIVED,
    TRACEBACK,
    Tally,
)


class Undisturbed:
    """A program's run that nothing happens to.

    Attributes:
        name, program: which one.
        before: the folder that it begins with.
        after: the folder that it leaves.
        state: what is compared of that.
        operations: on files, in order, see `shim.operations`.
    """

    def __init__(self, name: str, place: pathlib.Path):
        self.name, self.program = name, PROGRAMS[name]
        self.before, self.after = place / "before", place / "after"
        self.before.mkdir(parents=True)
        if self.program.after:
            earlier = PROGRAMS[self.program.after]
            _must(children.call(earlier.run, self.before))
        _renew(self.before, self.after)
        log = place / "operations"
        _must(children.call(_run, self.program, self.after, 0, 0, log))
        self.operations = shim.operations(log)
        self.state = _must(children.call(state, self.after))
        # What is compared must be the same each time, else it tells nothing.
        again = place / "again"
        _renew(self.before, again)
        _must(children.call(_run, self.program, again, 0, 0))
        found = _must(children.call(state, again))
        if different := differences(self.state, found):
            raise AssertionError(f"{name} is not repeatable: {different}")


def kills(runs: Iterable[Undisturbed], every: int) -> list[Tally]:
    """Kills each run at operations, and gives the same command again."""
    return [_tally(run, "killed", every, _killed) for run in runs]


def full_disks(runs: Iterable[Undisturbed], every: int) -> list[Tally]:
    """Lets the disk be full from an operation on; then there is room again."""
    return [_tally(run, "full disk", every, _filled) for run in runs]


def _tally(run: Undisturbed, what: str, every: int, trial) -> Tally:
    tally = Tally(f"`{run.name}`, {what}")
    tally.remark = f"{len(run.operations)} operations"
    folder = run.after.parent / "tried"
    for number in range(1, len(run.operations) + 1, every):
        _renew(run.before, folder)
        operation = " ".join(
            part.replace(str(run.after), "")
            for part in run.operations[number - 1]
        )
        outcome, note = trial(run, folder, number)
        tally.add(
            outcome, f"{run.name}, operation {number} ({operation}): {note}"
        )
    shutil.rmtree(folder)
    return tally


def _killed(run: Undisturbed, folder: pathlib.Path, number: int):
    first = children.call(_run, run.program, folder, number, 0)
    # Threads may make fewer operations than they did the first time.
    if first.code == 0:
        return SURVIVED, "not reached"
    if first.code != -9:
        return TRACEBACK, f"not killed: {first.last_line}"
    return _again(run, folder)


def _filled(run: Undisturbed, folder: pathlib.Path, number: int):
    first = children.call(_run, run.program, folder, 0, number)
    if first.is_traceback:
        return TRACEBACK, first.last_line
    if first.code and str(folder) not in first.last_line:
        return TRACEBACK, f"no path is named: {first.last_line}"
    outcome, note = _again(run, folder)
    if outcome == SURVIVED and first.code:
        return REFUSED, note
    return outcome, note


def _again(run: Undisturbed, folder: pathlib.Path) -> tuple[str, str]:
    """Gives the same command again, and compares."""
    second = children.call(_run, run.program, folder, 0, 0)
    if second.is_traceback:
        return TRACEBACK, second.last_line
    if second.code:
        return LOST, second.last_line
    compared = children.call(state, folder)
    if compared.code:
        return LOST, f"it cannot be read: {compared.last_line}"
    if different := differences(run.state, compared.value):
        return SILENT, f"{', '.join(different)} differ"
    return SURVIVED, ""


def _run(
    program: Program,
    folder: pathlib.Path,
    kill_at: int,
    full_at: int,
    log: pathlib.Path | None = None,
) -> None:
    shim.arm(folder, kill_at, full_at, log)
    program.run(folder)


def _renew(template: pathlib.Path, folder: pathlib.Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(template, folder)


def _must(ended: children.Ended):
    if ended.code:
        raise AssertionError(f"A run that nothing happened to: {ended.said}")
    return ended.value
