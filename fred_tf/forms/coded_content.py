"""What a coded file holds: the facts and the record of a memory, at a step.

The levels are the nearest ones unless a bit is given a worth, see
`coding/by_rate.py`; nothing in a file says how they were chosen.
"""

import dataclasses
import functools
import gzip
import json
from typing import Any, NamedTuple

import numpy as np

from fred_tf import budget
from fred_tf.coding import by_rate, colours, labels, quantizer
from fred_tf.disk import tfrecords
from fred_tf.forms import coded_record, frequencies, manifest
from fred_tf.forms.frequencies import SHARD
from fred_tf.parameterizations import Frequency, rounding
from fred_tf.synthetic_set import SyntheticSet

KIND = "coefficients_coded"
# What a manifest says of the bytes of its records, changed when they do.
CODING = 3
FACTS = "facts.json.gz"

# Widths of which the usual step errs as much: they cost no accuracy.
_BITS = 6


class Content(NamedTuple):
    """What is written, but for the manifest.

    Attributes:
        step: of the levels, in orthonormal units.
        error: sum of their squared errors, in orthonormal units: that of all
            decoded images; in units of its step where each colour has its own.
        record: the levels, and what they are read by.
        facts: what is said of the set.
    """

    step: float
    error: float
    record: bytes
    facts: bytes

    @property
    def size(self) -> int:
        """Bytes of the whole folder."""
        entries: dict[str, dict[str, Any]] = {
            FACTS: {"sha256": "0" * 64},
            SHARD: {"sha256": "0" * 64, "records": 1},
        }
        said = {"coding": CODING}
        around = len(manifest.text(KIND, entries, said)) + tfrecords.FRAME
        return len(self.record) + len(self.facts) + around


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """What is coded: coefficients, and what is said of them.

    Attributes:
        said: see `frequencies.told`.
        values: coefficients, float32 `[classes, instances, kept, channels]`.
        units: orthonormal ones of each, `[classes, kept]`.
        table: which positions each class keeps, `[classes, kept]`.
        positions: of a spectrum.
        soft_labels: levels of learned labels, and their step.
        step: that was asked for; 0 if none was.
        is_levels: whether the memory was trained through it.
        colours: channels of an image.
        scales: of the step of each colour, `[colours]`; None where all have
            the same.
    """

    said: dict[str, Any]
    values: np.ndarray
    units: np.ndarray
    table: np.ndarray
    positions: int
    soft_labels: tuple[np.ndarray, float] | None
    step: float
    is_levels: bool
    colours: int
    scales: np.ndarray | None = None

    @classmethod
    def of(cls, decoded: SyntheticSet, memory: Frequency) -> "Source":
        """Returns what is coded of a set, and the memory it is decoded from."""
        soft_labels = None
        if (soft := decoded.soft_labels) is not None:
            soft_labels = labels.quantize(soft, decoded.label_kind)
        return cls(
            frequencies.told(decoded, memory),
            memory.coefficients().numpy(),
            memory.units,
            memory.table.numpy(),
            budget.positions(memory.spectrum_shape),
            soft_labels,
            memory.settings.step,
            memory.settings.trained_step > 0,
            memory.image_shape[-1],
            memory.step_scales,
        )

    def by_colour(self) -> "Source":
        """Returns the same with steps of colours, see `coding/colours.py`.

        What was trained through steps keeps them.
        """
        if self.is_levels or self.scales is not None or self.colours == 1:
            return self
        values = self._orthonormal
        energies = colours.energies(values, self.table, self.colours)
        scales = colours.scales(energies).numpy()
        return dataclasses.replace(self, scales=scales)

    @functools.cached_property
    def _orthonormal(self) -> np.ndarray:
        return quantizer.orthonormal(self.values, self.units).numpy()

    @functools.cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Orthonormal values by frequency, see `coded_record.rows_of`.

        Those of a colour in units of its scale.
        """
        values = self._orthonormal
        if self.scales is not None:
            colour = colours.of(self.table, values.shape[-1], self.colours)
            values = values / self.scales[colour][:, None]
        return coded_record.rows_of(values, self.table)

    @functools.cached_property
    def least_step(self) -> float:
        """The least step that has a level for every coefficient."""
        # Where all is 0, levels are, too, whatever the step.
        return quantizer.least_step(self.rows[0]) or 1.0

    @property
    def has_levels(self) -> bool:
        """Whether the step has a level for every coefficient."""
        return self.step > 0 and self.step >= self.least_step

    @property
    def is_trained(self) -> bool:
        """Whether the memory holds levels of the step already."""
        return self.is_levels and self.has_levels

    @property
    def usual_step(self) -> float:
        """The step that was asked for, or one that errs as `_BITS` bits do."""
        if self.has_levels:
            return self.step
        coarse = rounding.dequantize(*rounding.quantize(self.values, _BITS))
        errors = (coarse - self.values) / self.units[:, None, :, None]
        step = quantizer.step_of_error(float(np.mean(np.square(errors))))
        # A memory of levels already may not err at all.
        return max(step, self.least_step)


def coded(
    source: Source, step: float, weight: float | np.ndarray = 0.0
) -> Content:
    """Returns what is written at a step.

    Args:
        source: what is coded.
        step: at least its least.
        weight: what a bit is worth, see `by_rate.levels`.
    """
    values, of = source.rows
    levels = by_rate.levels(values / step, of, weight)
    said = {
        **source.said,
        "step": step,
        "largest_level": coded_record.largest_of(levels),
    }
    if source.scales is not None:
        rounded = source.scales.astype(float).round(colours.DECIMALS)
        said["channel_scales"] = rounded.tolist()
    parts = coded_record.parts_of(levels, source.table, source.positions)
    if source.soft_labels is not None:
        soft, said["label_step"] = source.soft_labels
        parts["soft_labels"] = frequencies.deflated(soft.tobytes())
    text = json.dumps(said, allow_nan=False, separators=(",", ":"))
    return Content(
        step,
        float(np.square(values - step * levels).sum()),
        frequencies.example(parts),
        gzip.compress(text.encode(), 9, mtime=0),
    )
