"""A process dies, or its disk is full, at each of its file operations."""

import os
import pathlib
import re
import shutil
from collections.abc import Callable, Sequence
from typing import Any

from fred_tf.disk import files
from tests.faults import children, order, programs, shim
from tests.faults.programs import PROGRAMS, Program
from tests.faults.tally import (
    LEFT,
    LOST,
    REFUSED,
    SILENT,
    SURVIVED,
    TRACEBACK,
    Tally,
)

# In the names of temporary files.
_PROCESS = re.compile(r"-\d+(?=\.partial)")


class Undisturbed:
    """A program's run that nothing happens to.

    Attributes:
        name, program: which one.
        before: the folder that it begins with.
        after: the folder that it leaves.
        state: what is compared of that.
        operations: on files, in order, see `shim.operations`.
        copies: folder of what a kill at each of them would leave.
        known: folder of what came of folders, see `_as_found`; all jobs share
            it.
    """

    def __init__(self, name: str, place: pathlib.Path):
        self.name, self.program = name, PROGRAMS[name]
        self.before, self.after = place / "before", place / "after"
        self.before.mkdir(parents=True)
        if self.program.after:
            earlier = PROGRAMS[self.program.after]
            _must(children.call(_run, earlier, self.before))
        _renew(self.before, self.after)
        log, self.copies = place / "operations", place / "copies"
        self.copies.mkdir()
        _must(
            children.call(_run, self.program, self.after, 0, log, self.copies)
        )
        self.known = place / "known"
        self.known.mkdir()
        self.operations = shim.operations(log)
        self.state = _must(children.call(programs.state, self.after))
        # What is compared must be the same each time, else it tells nothing.
        again = place / "again"
        _renew(self.before, again)
        found = _must(children.call(_run_and_read, self.program, again))
        if different := programs.differences(self.state, found):
            raise AssertionError(f"{name} is not repeatable: {different}")


def kills(run: Undisturbed, every: int, jobs: int) -> Tally:
    """Gives the same command again after what kills at operations leave."""
    return _tally(run, "killed", _killed, every, jobs)


def full_disks(run: Undisturbed, every: int, jobs: int) -> Tally:
    """Lets the disk be full from an operation on; then there is room again."""
    return _tally(run, "full disk", _filled, every, jobs)


def power_losses(run: Undisturbed) -> Tally:
    """Looks for what a loss of power would take, see `order`."""
    tally = Tally(f"`{run.name}`, order on the disk")
    there = [
        str(run.after / path.relative_to(run.before))
        for path in (run.before, *run.before.rglob("*"))
    ]
    faults = order.unsafe(run.operations, there)
    for fault in faults:
        tally.add(LOST, f"{run.name}: {fault.replace(str(run.after), '')}")
    moves = [x for x in run.operations if x[0] in ("rename", "unlink", "rmdir")]
    tally.counts[SURVIVED] += max(len(moves) - len(faults), 0)
    return tally


Trial = Callable[[Undisturbed, pathlib.Path, int], tuple[str, str]]


def _tally(
    run: Undisturbed, what: str, trial: Trial, every: int, jobs: int
) -> Tally:
    many = f"of {len(run.operations)} operations"
    tally = Tally(f"`{run.name}`, {what}", remark=many)
    numbers = range(1, len(run.operations) + 1, every)

    def tried(share: Sequence[int]) -> list[tuple[str, str]]:
        folder = run.after.parent / f"tried_{os.getpid()}"
        outcomes = []
        for number in share:
            outcome, note = trial(run, folder, number)
            where = " ".join(run.operations[number - 1])
            where = where.replace(str(run.after), "")
            where = f"{run.name}, operation {number} ({where})"
            outcomes.append((outcome, f"{where}: {note}"))
        shutil.rmtree(folder, ignore_errors=True)
        return outcomes

    # Neighbours often leave the same.
    ends = [len(numbers) * job // jobs for job in range(jobs + 1)]
    shares = [numbers[a:b] for a, b in zip(ends, ends[1:])]
    for outcome, note in children.together(tried, shares):
        tally.add(outcome, note)
    return tally


def _killed(run: Undisturbed, folder: pathlib.Path, number: int):
    _renew(run.copies / str(number), folder)
    return _again(run, folder)


def _filled(run: Undisturbed, folder: pathlib.Path, number: int):
    _renew(run.before, folder)
    first = children.call(_run, run.program, folder, number)
    if first.is_traceback:
        return TRACEBACK, first.last_line
    if first.code and str(folder) not in first.last_line:
        return TRACEBACK, f"no path is named: {first.last_line}"
    outcome, note = _again(run, folder)
    if outcome == SURVIVED and first.code:
        return REFUSED, note
    return outcome, note


def _again(run: Undisturbed, folder: pathlib.Path) -> tuple[str, str]:
    """Gives the same command again, once for folders that are alike."""
    told = run.known / _as_found(folder)
    if not told.exists():
        files.write_json(told, _second(run, folder))
    outcome, note = files.read_json(told)
    return outcome, note


def _as_found(folder: pathlib.Path) -> str:
    """Returns a digest of all that a program finds, but clocks and owners."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.name.endswith(".lock"):
            continue
        name = name.with_name(_PROCESS.sub("", name.name))
        if not path.is_file():
            found.append(f"{name} {path.is_dir()}")
        elif "tensorboard" in name.parts:
            found.append(f"{name.parent} {path.stat().st_size}")
        else:
            found.append(f"{name} {files.sha256(path)}")
    return files.digest("\n".join(sorted(found)).encode())


def _second(run: Undisturbed, folder: pathlib.Path) -> tuple[str, str]:
    """Gives the same command again, and compares what there is then."""
    second = children.call(_run_and_read, run.program, folder)
    if second.is_traceback:
        return TRACEBACK, second.last_line
    if second.code:
        return LOST, second.last_line
    found = second.value
    different = programs.differences(run.state, found)
    left = [n for n in different if found.get(n) == programs.LEFT_OVER]
    if different == left:
        return (LEFT, ", ".join(left)) if left else (SURVIVED, "")
    return SILENT, f"{', '.join(different)} differ"


def _run(
    program: Program,
    folder: pathlib.Path,
    full_at: int = 0,
    log: pathlib.Path | None = None,
    copies: pathlib.Path | None = None,
) -> None:
    shim.arm(folder, 0, full_at, log, copies)
    program.run(folder)


def _run_and_read(program: Program, folder: pathlib.Path) -> dict[str, Any]:
    try:
        program.run(folder)
    except SystemExit as end:
        if end.code:
            raise
    return programs.state(folder)


def _renew(template: pathlib.Path, folder: pathlib.Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(template, folder, symlinks=True)


def _must(ended: children.Ended) -> Any:
    if ended.code:
        raise AssertionError(f"A run that nothing happened to: {ended.said}")
    return ended.value
