"""A memory of frequencies in the fewest bytes: one step size, entropy-coded."""

import decimal
import os
import pathlib
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf.coding import coder, colours, entropy_model, labels, quantizer
from fred_tf.disk import claims, files, json_text
from fred_tf.forms import (
    coded_budget,
    coded_content,
    coded_record,
    facts,
    frequencies,
    manifest,
)
from fred_tf.forms.coded_content import CODING, FACTS, KIND, Content, Source
from fred_tf.forms.frequencies import SHARD
from fred_tf.forms.memory_form import Held, MemoryForm
from fred_tf.parameterizations import Frequency
from fred_tf.settings import argument
from fred_tf.synthetic_set import PROBABILITIES, SyntheticSet

# Learned labels were float32 then, which is read, too.
_EARLIEST = 1
# Bytes of the facts, unpacked, at most; the names of classes are the most.
_MOST_FACTS = 2**24
_LEAST_STEP, _MOST_STEP = 1e-30, 1e30
# Four digits of a bound that may be taken as they are told.
_UPWARDS = decimal.Context(prec=4, rounding=decimal.ROUND_CEILING)


class CodedCoefficients(MemoryForm):
    """A memory of frequencies as one record of entropy-coded levels.

    All coefficients share one step size, in orthonormal units and after a DCT
    of the channels, see `coding/quantizer.py`; or those of a colour do, within
    a budget or as trained, see `coding/colours.py`. The record is a
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

    `facts.json.gz` says what the manifest of other coefficients says, but for
    the description and the citation, which follow from it, and `step`,
    `largest_level`, `channel_scales` where colours differ in steps and, of
    learned labels, `label_step`.
    `examples/decode_coded.py` decodes all of it with TensorFlow alone.
    """

    name = path = kind = KIND
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

    def is_bounded(self, memory, options):
        if options.get("step") is not None:
            return False
        own = isinstance(memory, Frequency) and memory.settings.budget_bytes
        return bool(options.get("budget_bytes") or own)

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
                training is taken if it fits, or else the levels that err
                least, see `forms/coded_budget.py`. By default those that the
                memory was made for, if any, where no step is given.

        Raises:
            TypeError: the step is no number, or the bytes no whole one.
            ValueError: both are given, or the step is out of range.
            OverBudgetError: nothing fits the budget.
            TooLargeError: no reader takes so many images of so few bytes.
        """
        path = pathlib.Path(path)
        self.check_replaceable(path)
        content = _content(decoded, memory, step, budget_bytes)
        frequencies.check_written(decoded, len(content.record))
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


def size_of(
    decoded: SyntheticSet,
    memory: Frequency,
    step: float | None = None,
    budget_bytes: int | None = None,
) -> tuple[float, int]:
    """Returns the step and the bytes of what `write` would write.

    Args:
        decoded, memory, step, budget_bytes: as for `CodedCoefficients.write`.

    Raises:
        TypeError, ValueError: as there.
    """
    content = _content(decoded, memory, step, budget_bytes)
    return content.step, content.size


def _content(
    decoded: SyntheticSet,
    memory: Frequency,
    step: float | None,
    budget_bytes: int | None,
) -> Content:
    """Returns what is written at a step, or within a budget."""
    if step is not None:
        step = argument("step", step, float)
    if budget_bytes is not None:
        budget_bytes = argument("budget_bytes", budget_bytes, int)
    source = Source.of(decoded, memory)
    if step is None and budget_bytes is None:
        budget_bytes = memory.settings.budget_bytes or None
    if budget_bytes is not None:
        if step is not None:
            raise ValueError(
                "Only one of `step` and `budget_bytes` may be given. Received: "
                f"{step} and {budget_bytes}."
            )
        return coded_budget.within(source, budget_bytes)
    if step is None:
        step = source.usual_step
    if not source.least_step <= step < _MOST_STEP:
        raise ValueError(
            "`step` must be at least "
            f"{_UPWARDS.create_decimal(source.least_step)}, for levels up to "
            f"{entropy_model.MOST_LEVEL}, and below {_MOST_STEP:g}. "
            f"Received: {step}."
        )
    return coded_content.coded(source, step)


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
    if "channel_scales" in said:
        levels = np.float32(levels) * _scales(said, claim, table)
    units = claim.settings.make_transform().units(claim.spectrum[:-1])
    values = quantizer.coefficients(levels, units.ravel()[table], step).numpy()
    soft_labels = None
    if "soft_labels" in features:
        soft_labels = _soft_labels(features, claim, said, coding)
    values = values.reshape(-1, *values.shape[2:])
    return Held(frequencies.memory_of(claim, values, table), said, soft_labels)


def _scales(
    said: Mapping[str, Any], claim: frequencies.Claim, table: np.ndarray
) -> np.ndarray:
    """Returns what levels are multiplied by, `[classes, 1, kept, channels]`."""
    channels, count = claim.spectrum[-1], claim.image_shape[-1]
    limits = 1 / colours.MOST, colours.MOST
    scales = claims.numbers(said, "channel_scales", *limits)
    if len(scales) != count:
        raise ValueError(
            f"`channel_scales` must be {count} numbers, not {len(scales)}"
        )
    colour = colours.of(table, channels, count)
    return np.asarray(scales, np.float32)[colour][:, None]


def _soft_labels(
    features: Mapping[str, Any],
    claim: frequencies.Claim,
    said: Mapping[str, Any],
    coding: int,
) -> np.ndarray:
    """Returns the learned labels of a record, float32 `[n, classes]`."""
    dtype = np.float32 if coding == _EARLIEST else np.int8
    count = claim.classes * claim.instances
    levels = frequencies.soft_labels(features, claim, dtype, count)
    if coding == _EARLIEST:
        return levels
    step = claims.number(said, "label_step", _LEAST_STEP, _MOST_STEP)
    kind = {"label_kind": PROBABILITIES, **said}["label_kind"]
    return labels.dequantize(levels, step, kind)
