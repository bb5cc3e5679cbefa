"""One row of RESULTS.md: what it distils, or scores instead."""

import dataclasses
import functools

from fred_tf import config as config_lib
from fred_tf import presets
from fred_tf.coresets.sheet import SheetSettings

# The rows share the network of the papers, whatever they were distilled with.
WIDE = ("network.width=128",)
# A hundred digits are one batch of the usual size, and an epoch one step: too
# few. Held-out digits want smaller batches (docs/bytes-measured.md).
SMALL_BATCHES = ("evaluation.batch_size=40",)
FREQUENCY = ("parameterization.name=frequency",)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        preset: the settings.
        overrides: what differs from them.
        subject: `run`, or what is scored instead: `random`, `herding` or
            `full`.
        scored_with: overrides for the evaluation only.
        published: accuracy and deviation in per cent with their source; empty
            if none is known.
        run_of: the row whose run is scored; empty for a run of its own.
        form: the export of that run, of `fred_tf.forms.FORMS`, which is read
            back and scored; empty for the set as it is.
        form_bytes: that it takes at most, where it is coded; 0 for what it
            takes by itself.
        evaluate_every: outer steps between evaluations on the way, for the
            curve of accuracy; 0 makes none.
        elsewhere: whether the run was made on an accelerator with
            `trainers.elsewhere`, which takes too long without one.
        severity: of all corruptions of all test images, on which networks are
            scored, too; 0 for none.
        stored: as what picture real images are stored, and in how many bytes,
            in the place of `ipc`; None for as many images as floats.
        repeats: the row of which this is the same with another seed; empty for
            a row of its own.
    """

    preset: str
    overrides: tuple[str, ...] = ()
    subject: str = "run"
    scored_with: tuple[str, ...] = ()
    published: str = ""
    run_of: str = ""
    form: str = ""
    form_bytes: int = 0
    evaluate_every: int = 0
    elsewhere: bool = False
    severity: int = 0
    stored: SheetSettings | None = None
    repeats: str = ""

    def config(self) -> config_lib.Config:
        """Returns the settings of the run."""
        return _settled(self.preset, self.overrides)

    def evaluation(self) -> config_lib.Config:
        """Returns the settings of the evaluation."""
        return _settled(self.preset, self.overrides, self.scored_with)

    @property
    def budget_bytes(self) -> int:
        """Bytes that the set is made for; 0 where `ipc` says its size."""
        made_for = self.stored or self.config().parameterization
        return self.form_bytes or made_for.budget_bytes


@functools.cache
def _settled(preset: str, *overrides: tuple[str, ...]) -> config_lib.Config:
    """Returns a preset with overrides: tables ask for each row many times."""
    config = presets.preset(preset)
    for changes in overrides:
        config = config_lib.override(config, changes)
    return config
