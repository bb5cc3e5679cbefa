"""How often the library stood, by kind of fault."""

import collections
import dataclasses

# What may become of a fault. Only the first two may be.
SURVIVED = "survived"  # the same result as without it
REFUSED = "refused"  # an error that names what is wrong
SILENT = "silent"  # another result, and not a word
TRACEBACK = "traceback"  # a crash, or an error that says too little
LOST = "lost"  # the same command does not get to the same end any more
LEFT = "left behind"  # a temporary or damaged file stays for ever
OUTCOMES = (SURVIVED, REFUSED, SILENT, TRACEBACK, LOST, LEFT)
GOOD = (SURVIVED, REFUSED)


@dataclasses.dataclass
class Tally:
    """The outcomes of the faults of one kind.

    Attributes:
        kind: of what faults, as a line of the page begins.
        counts: by outcome.
        failures: what went wrong, a line each.
        remark: what else is to be said of the kind; may be empty.
    """

    kind: str
    counts: collections.Counter = dataclasses.field(
        default_factory=collections.Counter
    )
    failures: list[str] = dataclasses.field(default_factory=list)
    remark: str = ""

    @property
    def tried(self) -> int:
        """How many faults there were."""
        return self.counts.total()

    def add(self, outcome: str, note: str) -> None:
        """Counts an outcome; the note is kept where it is a bad one."""
        self.counts[outcome] += 1
        if outcome not in GOOD:
            self.failures.append(f"{outcome}: {note}")

    @property
    def is_good(self) -> bool:
        """Whether nothing went wrong."""
        return not self.failures
