"""A memory of frequencies in the fewest bytes: one step size, entropy-coded."""

import functools
import gzip
import json
import os
import pathlib
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fred_tf import budget
from fred_tf.coding import coder, entropy_model, labels, quantizer
from fred_tf.disk import claims, files, json_text, tfrecords
from fred_tf.forms import coded_record, facts, frequencies, limits, manifest
from fred_tf.forms.form import OverBudgetError
from fred_tf.forms.frequencies import SHARD
from fred_tf.forms.memory_form import Held, MemoryForm
from fred_tf.parameterizations import Frequency, rounding
from fred_tf.synthetic_set import LABEL_KINDS, SyntheticSet

# What a manifest says of the bytes of its records, changed when they do: before
# 2 learned labels were float32, which is read, too.
CODING, _EARLIEST = 2, 1
FACTS = "facts.json.gz"

# Bytes of the facts, unpacked, at most; the names of classes are the most.
_MOST_FACTS = 2**24
# Widths of which the default step errs as much: they cost no accuracy.
_BITS = 6
_LEAST_STEP, _MOST_STEP = 1e-30, 1e30
# Steps that a search may take in each octave.
_OCTAVE = 256


class CodedCoefficients(MemoryForm):
    """A memory of frequencies as one record of entropy-coded levels.

    All coefficients share one step size, in orthonormal units and after a DCT
    of the channels, see `coding/quantizer.py`. The record is a
    `tf.train.Example` of bytes

        masks    which classes keep a position of the spectrum: bits
                 `[positions, classes]`, the first the highest of a byte;
                 compressed by zlib (RFC 1950)
        spreads  uint8 `[positions, channels]` of the positions that any class
                 keeps: of the model of their levels, see
                 `coding/entropy_model.py`; compressed by zlib
        levels   the stream of `coding/coder.py`: a level of each coefficient,
                 by spread, position, channel, class and instance
        soft_labels  int8 `[instances, classes]` of all classes, compressed by
                 zlib, where the set has them: levels of `coding/labels.py`

    `facts.json.gz` says what the manifest of other coefficients says, and
    `step`, `largest_level` and, of learned labels, `label_step`; a folder is
    hardly longer than its record.
    `examples/decode_coded.py` decodes all of it with TensorFlow alone.
    """

    name = path = kind = "coefficients_coded"
    lossy = rounds_labels = True
    options = ("step", "budget_bytes")
    loading = """\
from fred_tf import forms

synthetic_set = forms.read(PATH)"""
    _alone = """\
# Or TensorFlow alone, with copies of examples/decode_coded.py and, beside it,
# examples/decode_coefficients.py:
from decode_coded import images_of

dataset = images_of(PATH)"""

    def fits(self, decoded, memory):
        return isinstance(memory, Frequency) and coder.is_available()

    def code(self, decoded, place):
        return frequencies.code(decoded, place, self.loading, self._alone)

    def write(self, decoded, memory, path, step=None, budget_bytes=None):
        """Writes a set; see `Form.write`.

        Args:
            decoded: the set.
            memory: what it was decoded from.
            path: replaced if it is an earlier export of this form.
            step: in orthonormal units; by default the one that the memory was
                trained through, which loses nothing, or else images err as
                those of 6 bits do.
            budget_bytes: bytes of the whole folder, at most: the step of the
                training is taken if it fits, or else the least that does.

        Raises:
            ValueError: both are given, or the step is out of range.
            OverBudgetError: nothing fits the budget.
        """
        path = pathlib.Path(path)
        self.check_replaceable(path)
        content = _content(_source(decoded, memory), step, budget_bytes)
        limits.check_decoded(
            memory.image_shape, memory.instances, len(content.record)
        )
        with files.replacing_folder(path) as temporary:
            (temporary / FACTS).write_bytes(content.facts)
            shard = os.fspath(temporary / SHARD)
            with tf.io.TFRecordWriter(shard) as writer:
                writer.write(content.record)
            manifest.write(temporary, self.kind, {SHARD: 1}, coding=CODING)
        return path

    def held(self, path):
        entries = manifest.verify(path, self.kind)
        with facts.believed(path):
            coding = claims.integer(entries, "coding", _EARLIEST, CODING)
            for name in (FACTS, SHARD):
                if name not in entries["files"]:
                    raise ValueError(f"it names no {name}")
            return _held(path / SHARD, _unpacked(path / FACTS), coding)


class _Source(NamedTuple):
    """What is coded: coefficients, and what is said of them."""

    said: dict[str, Any]
    values: np.ndarray  # [classes, instances, kept, channels]
    units: np.ndarray  # [classes, kept]
    table: np.ndarray  # [classes, kept]
    positions: int
    soft_labels: tuple[np.ndarray, float] | None  # Levels, and their step.
    step: float  # That it was trained through; 0 if there is none.


class _Content(NamedTuple):
    """What is written, but for the manifest."""

    step: float
    record: bytes
    facts: bytes

    @property
    def size(self) -> int:
        """Bytes of the whole folder."""
        entries: dict[str, dict[str, Any]] = {
            FACTS: {"sha256": "0" * 64},
            SHARD: {"sha256": "0" * 64, "records": 1},
        }
        kind, said = CodedCoefficients.kind, {"coding": CODING}
        around = len(manifest.text(kind, entries, said)) + tfrecords.FRAME
        return len(self.record) + len(self.facts) + around


def size_of(
    decoded: SyntheticSet, memory: Frequency, budget_bytes: int | None = None
) -> tuple[float, int]:
    """Returns the step and the bytes of what `write` would write.

    Args:
        decoded, memory, budget_bytes: as for `CodedCoefficients.write`.

    Raises:
        ValueError: as there.
    """
    content = _content(_source(decoded, memory), None, budget_bytes)
    return content.step, content.size


def _source(decoded: SyntheticSet, memory: Frequency) -> _Source:
    soft_labels = None
    if decoded.soft_labels is not None:
        soft_labels = labels.quantize(decoded.soft_labels, decoded.label_kind)
    return _Source(
        frequencies.told(decoded, memory, "entropy-coded levels of one step"),
        memory.coefficients().numpy(),
        memory.units,
        memory.table.numpy(),
        budget.positions(memory.spectrum_shape),
        soft_labels,
        memory.settings.step,
    )


def _content(
    source: _Source, step: float | None, budget_bytes: int | None
) -> _Content:
    """Returns what is written at a step, or within a budget."""
    if budget_bytes is not None:
        if step is not None:
            raise ValueError(
                "Only one of `step` and `budget_bytes` may be given. Received: "
                f"{step} and {budget_bytes}."
            )
        return _fitted(source, budget_bytes)
    if step is None:
        step = _usual_step(source)
    least = _least_step(source)
    if not least <= step < _MOST_STEP:
        raise ValueError(
            f"`step` must be at least {least:.4g}, for levels up to "
            f"{entropy_model.MOST_LEVEL}. Received: {step}."
        )
    return _coded(source, step)


def _usual_step(source: _Source) -> float:
    """Returns the step of the training, or one that errs as `_BITS` bits do."""
    if _is_trained(source):
        return source.step
    coarse = rounding.dequantize(*rounding.quantize(source.values, _BITS))
    errors = (coarse - source.values) / source.units[:, None, :, None]
    step = quantizer.step_of_error(float(np.mean(np.square(errors))))
    # A memory of levels already may not err at all.
    return max(step, _least_step(source))


def _is_trained(source: _Source) -> bool:
    """Returns whether levels of the training's step are few enough."""
    return source.step > 0 and source.step >= _least_step(source)


def _least_step(source: _Source) -> float:
    # Where all is 0, levels are, too, whatever the step.
    return quantizer.least_step(source.values, source.units) or 1.0


def _fitted(source: _Source, budget_bytes: int) -> _Content:
    """Returns what is written at the least step that fits a budget.

    Less than the step of the training would gain nothing. Bytes fall and errors
    rise with the step.

    Raises:
        OverBudgetError: no step does.
    """
    if _is_trained(source):
        content = _coded(source, source.step)
        if content.size <= budget_bytes:
            return content
    least = _least_step(source)

    @functools.cache
    def tried(number: int) -> _Content:
        return _coded(source, float(f"{least * 2 ** (number / _OCTAVE):.5g}"))

    # At the coarsest step few coefficients are not rounded to 0.
    fine, coarse = 1, int(_OCTAVE * np.log2(entropy_model.MOST_LEVEL))
    if (size := tried(coarse).size) > budget_bytes:
        raise OverBudgetError(
            f"`budget_bytes` must be at least {size:,}, which this set takes "
            f"in the coarsest steps. Received: {budget_bytes:,}. Distil fewer "
            "images, or raise it.",
            size,
        )
    while fine < coarse:
        middle = (fine + coarse) // 2
        if tried(middle).size <= budget_bytes:
            coarse = middle
        else:
            fine = middle + 1
    return tried(coarse)


def _coded(source: _Source, step: float) -> _Content:
    """Returns what is written at a step."""
    levels = quantizer.levels(source.values, source.units, step).numpy()
    said = {
        **source.said,
        "step": step,
        "largest_level": coded_record.largest_of(levels),
    }
    parts = coded_record.parts_of(levels, source.table, source.positions)
    if source.soft_labels is not None:
        soft, said["label_step"] = source.soft_labels
        parts["soft_labels"] = frequencies.deflated(soft.tobytes())
    text = json.dumps(said, allow_nan=False, separators=(",", ":"))
    return _Content(
        step,
        frequencies.example(parts),
        gzip.compress(text.encode(), 9, mtime=0),
    )


def _unpacked(path: pathlib.Path) -> dict[str, Any]:
    """Returns the facts of a file.

    Raises:
        ValueError: they are too long, or no JSON object.
    """
    inflating = zlib.decompressobj(16 + zlib.MAX_WBITS)
    packed = files.read_bytes(path, _MOST_FACTS)
    text = inflating.decompress(packed, _MOST_FACTS + 1)
    if len(text) > _MOST_FACTS or not inflating.eof:
        raise ValueError(
            f"{path.name} must be one text of at most {_MOST_FACTS:,} bytes"
        )
    return claims.an_object(json_text.parsed(text, path), path.name)


def _held(shard: pathlib.Path, said: dict[str, Any], coding: int) -> Held:
    """Returns what a file of records holds, with what is said of it."""
    claim = frequencies.claimed(said, shard.stat().st_size)
    (record,) = frequencies.records(shard, 1, "a set")
    features = tf.train.Example.FromString(record).features.feature
    table = coded_record.table_of(features, claim)
    levels = coded_record.levels_of(features, claim, table, said)
    step = claims.number(said, "step", _LEAST_STEP, _MOST_STEP)
    units = claim.settings.make_transform().units(claim.spectrum[:-1])
    values = quantizer.coefficients(levels, units.ravel()[table], step).numpy()
    soft_labels = None
    if "soft_labels" in features:
        soft_labels = _soft_labels(features, claim, said, coding)
    values = values.reshape(-1, *values.shape[2:])
    return Held(frequencies.memory_of(claim, values, table), said, soft_labels)


def _soft_labels(
    features: Mapping[str, Any],
    claim: frequencies.Claim,
    said: Mapping[str, Any],
    coding: int,
) -> np.ndarray:
    """Returns the learned labels of a record, float32 `[n, classes]`."""
    shape = claim.classes * claim.instances, claim.classes
    if coding == _EARLIEST:
        return frequencies.part(features, "soft_labels", np.float32, *shape)
    levels = frequencies.part(features, "soft_labels", np.int8, *shape)
    step = claims.number(said, "label_step", _LEAST_STEP, _MOST_STEP)
    kind = {"label_kind": LABEL_KINDS[0], **said}["label_kind"]
    return labels.dequantize(levels, step, kind)
