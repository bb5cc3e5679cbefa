"""The page that tells what came of the battery."""

import datetime
import os
import platform
from collections.abc import Sequence

import tensorflow as tf

from tests.faults.tally import (
    LEFT,
    LOST,
    REFUSED,
    SILENT,
    SURVIVED,
    TRACEBACK,
    Tally,
)

# Failures of a kind that are told one by one.
_TOLD = 20
_INTRODUCTION = """\
# What faults do

`python -m tests.faults` wrote this page. It kills small runs of the programs
that write, fills their disk, flips bits in all that they leave, and gives
readers what nobody should: what it does is in `tests/faults/`, what is promised
in [the threat model](threat-model.md).
"""
_KINDS = """\
- *Killed*: at a file operation (opening to write, writing, flushing, syncing,
  renaming, deleting), Python's and TensorFlow's; a write is half done. The same
  command is given to the folder as it is then, once where operations leave the
  same. *Survived*: images, losses, accuracies and
  settings are bit for bit those of a run that nothing happened to.
- *Full disk*: from an operation on nothing more fits; then there is room, and
  the same command again. *Refused*: one line named the path, and the second
  command came to the same end.
- *Order on the disk*: of each renaming and deletion, whether what is newer was
  synced before what is older went, told from the log of operations.
- *Flipped*: one bit of a byte, each alone, read as the programs read it.
  *Survived*: the same values. *Refused*: an error or a warning names the file.
- *Mistakes* and *strangers*: tables of settings, paths, clusters and folders
  that must be refused by a message that names them.
- *Silent*: another result and not a word. *Lost*: the same command does not get
  to the same end. *Left behind*: a temporary file stays.
"""


def page(
    tallies: Sequence[Tally], arguments: Sequence[str], every: int, hours: float
) -> str:
    """Returns the page as Markdown.

    Args:
        tallies: in the order of their lines.
        arguments: of the command.
        every: one operation and byte in so many was tried.
        hours: how long it took.
    """
    command = " ".join(["python -m tests.faults", *arguments])
    share = "each" if every == 1 else f"one in {every}"
    lines = [
        _INTRODUCTION,
        f"Made by `{command}` on {datetime.date.today()}, {os.cpu_count()} "
        f"cores, Python {platform.python_version()}, TensorFlow "
        f"{tf.__version__}, in {60 * hours:,.0f} minutes. Of file operations "
        f"and of bytes {share} was tried.\n",
        "| fault | tried | survived | refused | silent | tracebacks | lost "
        "| left behind |",
        "|---|---|---|---|---|---|---|---|",
        *map(_line, tallies),
        _line(_sum(tallies)),
        f"\n{_KINDS}",
    ]
    failed = [tally for tally in tallies if not tally.is_good]
    if failed:
        lines.append("## What failed\n")
    for tally in failed:
        lines.append(f"{tally.kind}:\n")
        lines += [f"- {_plain(text)}" for text in tally.failures[:_TOLD]]
        if len(tally.failures) > _TOLD:
            lines.append(f"- and {len(tally.failures) - _TOLD} more")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _line(tally: Tally) -> str:
    shown = (SURVIVED, REFUSED, SILENT, TRACEBACK, LOST, LEFT)
    numbers = [tally.tried, *(tally.counts[outcome] for outcome in shown)]
    remark = f" ({tally.remark})" if tally.remark else ""
    cells = [tally.kind + remark, *(f"{number:,}" for number in numbers)]
    return f"| {' | '.join(cells)} |"


def _sum(tallies: Sequence[Tally]) -> Tally:
    total = Tally("all")
    for tally in tallies:
        total.counts.update(tally.counts)
    return total


def _plain(text: str) -> str:
    """Returns text that Markdown shows as it is, in one line."""
    shown = " ".join(text.replace("`", "'").replace("|", "/").split())
    return f"`{shown[:300]}`"
