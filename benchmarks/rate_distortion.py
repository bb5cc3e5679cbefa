"""Prints what a distilled memory takes in bytes, against what it loses.

    python -m benchmarks.rate_distortion --run_dirs runs/cifar10 runs/mnist

Nothing is trained. For the width of each form of levels (int8, int6, int4) all
coders get the levels of one step size that errs as much: zlib, brotli and zstd
(`pip install brotli zstandard`, left out where they are missing), the range
coder of `constriction` and its asymmetric numerals, which the form
`coefficients_coded` has; and ideal codes: of other models of a frequency with
one parameter each, of one that learns each frequency while it is read, and the
entropy of frequencies, which knows them beforehand.

    levels   bytes of the levels, and of the parameters of their model
    records  and of masks, labels and framing: all of the TFRecord file
    folder   and of all that is said of the set
    error    root-mean-square of decoded, normalised pixels

Bytes are exact; the last column compares folders with the form of that width.

Two more tables compare the nearest levels with levels that are worth their
bits, see `fred_tf/coding/by_rate.py`, at steps of so many deviations of a
coefficient. One has the bytes of records that err alike, by what a bit is worth
in ln 2 / 6 squared steps; of a memory that was trained through a step, which
holds levels already, it is left out. The other takes the memory as one that was
trained through the step and a budget of a share of the bytes of its records:

    step        that a budget gives, in trained ones; 1 where levels are kept
    of nearest  the step by the nearest levels; none where none fits
    error       of the images, in that of the nearest levels
"""

import argparse
import contextlib
import dataclasses
import math
import os
import pathlib
import tempfile
import zlib
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import constriction
import numpy as np
import tensorflow as tf

from benchmarks.mask_growth import step_of
from fred_tf import forms
from fred_tf.coding import by_rate, coder, entropy_model, quantizer
from fred_tf.disk import files
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms import OverBudgetError, coded_budget, coded_content
from fred_tf.forms.coded_content import Source
from fred_tf.forms.coded_record import keys_of
from fred_tf.forms.frequencies import SHARD

WIDTHS = ("int8", "int6", "int4")
# Of models with one parameter: quarters of an octave.
SCALES = 2.0 ** (np.arange(-20, 44) / 4)
# Step sizes, in deviations of a coefficient, and shares of what a file takes.
STEPS = 1 / 4, 1 / 2, 1, 2
BUDGETS = 0.98, 0.95, 0.9, 0.8
_WORTH = (f"{x / by_rate.OF_MANY:g}" for x in coded_budget.WEIGHTS[1:])
_EQUAL = f"step | error | nearest | {' | '.join(_WORTH)} | saved"
_OVER = "trained step | bytes | budget | step | of nearest | error"
# How many levels the adaptive model believes to have seen before the first.
PRIOR = 30


def levels_by_frequency(memory, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns levels `[rows, instances]` by frequency, and of which each is.

    The same frequency of another channel is another one.
    """
    levels = quantizer.levels(memory.coefficients(), memory.units, step).numpy()
    keys = keys_of(memory.table.numpy(), levels.shape[-1])
    rows = levels.transpose(0, 2, 3, 1).reshape(keys.size, -1)
    order = np.argsort(keys, kind="stable")
    _, of = np.unique(keys[order], return_inverse=True)
    return rows[order], of


def counts_of(rows: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Returns how often each frequency has each level."""
    largest = np.abs(rows).max()
    counts = np.zeros((of.max() + 1, 2 * largest + 1))
    np.add.at(counts, (of[:, None], rows + largest), 1)
    return counts


def _gauss(x: np.ndarray, scale: float) -> np.ndarray:
    return np.vectorize(math.erf)(x / (scale * math.sqrt(2))) / 2


def _laplace(x: np.ndarray, scale: float) -> np.ndarray:
    return np.sign(x) * -np.expm1(-np.abs(x) * math.sqrt(2) / scale) / 2


def _logistic(x: np.ndarray, scale: float) -> np.ndarray:
    return np.tanh(x * math.pi / (2 * math.sqrt(3) * scale)) / 2


# Their distribution functions, but for 1/2, by deviation.
MODELS = {"Gauss": _gauss, "Laplace": _laplace, "logistic": _logistic}


def ideal(counts: np.ndarray, cumulative: Callable) -> float:
    """Returns the bits by a model with the best scale for each frequency."""
    largest = counts.shape[1] // 2
    edges = np.arange(-largest, largest + 2) - 0.5
    tables = [np.diff(cumulative(edges, scale)) for scale in SCALES]
    # As in a file no level is impossible.
    likely = np.maximum(np.stack(tables, axis=1), 2.0**-24)
    return float((counts @ -np.log2(likely)).min(1).sum())


def adaptive(counts: np.ndarray) -> float:
    """Returns the bits where each frequency is learned while it is read.

    Levels are drawn from a distribution that is itself drawn from a Dirichlet
    one about that of all frequencies, which is not counted.
    """
    prior = PRIOR * (counts.sum(0) + 0.1) / (counts.sum(0) + 0.1).sum()

    def log_gamma(x):
        return tf.math.lgamma(tf.constant(x, tf.float64)).numpy()

    nats = log_gamma(counts.sum(1) + PRIOR) - log_gamma(float(PRIOR))
    nats = nats - (log_gamma(counts + prior) - log_gamma(prior)).sum(1)
    return float(nats.sum() / math.log(2))


def entropy(counts: np.ndarray) -> float:
    """Returns the bits where each frequency is known beforehand."""
    shares = counts / counts.sum(1, keepdims=True)
    return float(-(counts * np.log2(np.where(counts, shares, 1))).sum())


def by_bytes(raw: bytes) -> Iterator[tuple[str, int]]:
    """Yields coders that know bytes only, and what they make of levels."""
    for level in (1, 6, 9):
        yield f"zlib, level {level}", len(zlib.compress(raw, level))
    packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zlib.Z_HUFFMAN_ONLY)
    packed = packer.compress(raw) + packer.flush()
    yield "zlib, Huffman code only", len(packed)
    with contextlib.suppress(ImportError):
        import brotli

        yield "brotli, quality 11", len(brotli.compress(raw, quality=11))
    with contextlib.suppress(ImportError):
        import zstandard

        yield "zstd, level 22", len(zstandard.compress(raw, 22))


def range_coded(rows: np.ndarray, of: np.ndarray, spreads: np.ndarray) -> int:
    """Returns the bytes of the range coder with the model of the files."""
    largest = int(np.abs(rows).max())
    encoder = constriction.stream.queue.RangeEncoder()
    for row, spread in zip(rows, spreads[of]):
        table = entropy_model.probabilities(int(spread), largest)
        encoder.encode(
            (row + largest).astype(np.int32),
            coder.model(constriction.stream, table),
        )
    return encoder.get_compressed().nbytes


def coded(memory, step: float) -> Iterator[tuple[str, int, int]]:
    """Yields coders, bytes of levels, and of the parameters of their model."""
    rows, of = levels_by_frequency(memory, step)
    wide = np.int8 if np.abs(rows).max() < 128 else np.int16
    for name, size in by_bytes(rows.astype(wide).tobytes()):
        yield name, size, 0
    counts = counts_of(rows, of)
    spreads = entropy_model.fitted(rows, of)
    parameters = len(zlib.compress(spreads.tobytes(), 9))
    yield "range coder", range_coded(rows, of, spreads), parameters
    for name, cumulative in MODELS.items():
        bits = ideal(counts, cumulative)
        yield f"ideal code, {name}", math.ceil(bits / 8), parameters
    yield "ideal code, adaptive", math.ceil(adaptive(counts) / 8), 0
    yield "entropy", math.ceil(entropy(counts) / 8), 0


def written(run: DistilledRun, folder: str, name: str, **options):
    """Returns bytes of records, of the folder, and the error of a form."""
    decoded = run.synthetic_set()
    (path,) = forms.write(
        decoded, run.parameterization, folder, [name], **options
    ).values()
    errors = np.square(forms.read(path).images - decoded.images)
    error = float(np.sqrt(errors.mean()))
    return files.size(path / SHARD), files.size(path), error


def stream_of(folder: str) -> int:
    """Returns the bytes of levels and their model in an export."""
    shard = pathlib.Path(folder) / "coefficients_coded" / SHARD
    (record,) = tf.data.TFRecordDataset(str(shard)).as_numpy_iterator()
    features = tf.train.Example.FromString(record).features.feature
    return sum(
        len(features[name].bytes_list.value[0])
        for name in ("levels", "spreads")
    )


def table(run: DistilledRun, folder: str) -> Iterator[str]:
    """Yields the lines of a Markdown table."""
    memory = run.parameterization
    kept = memory.mask_size * memory.spectrum_shape[-1]
    share = kept / math.prod(memory.image_shape)
    yield "| coder | levels | records | folder | error | of the width's |"
    yield "|---|---|---|---|---|---|"
    for width in WIDTHS:
        records, whole, error = written(run, folder, f"coefficients_{width}")
        yield (
            f"| **`coefficients_{width}`** | | {records:,} | {whole:,} | "
            f"{error:.4f} | 1.00 |"
        )
        step = quantizer.step_of_error(error**2 / share)
        options = {"step": step}
        own, folder_size, error = written(
            run, folder, "coefficients_coded", **options
        )
        levels = stream_of(folder)
        for name, size, parameters in [
            *coded(memory, step),
            ("`coefficients_coded`", levels, 0),
        ]:
            more = size + parameters - levels
            yield (
                f"| {name} | {size + parameters:,} | {own + more:,} | "
                f"{folder_size + more:,} | {error:.4f} | "
                f"{(folder_size + more) / whole:.2f} |"
            )


def deviation_of(source: Source) -> float:
    """Returns the root-mean-square of orthonormal coefficients."""
    return float(np.sqrt(np.mean(np.square(source.rows[0]))))


def equal_errors(source: Source) -> Iterator[list[str]]:
    """Yields rows of records that err alike, by what a bit is worth."""
    values, of = source.rows
    for share in STEPS:
        step = share * deviation_of(source)
        near = coded_content.coded(source, step)
        sizes = [len(near.record)]
        for weight in coded_budget.WEIGHTS[1:]:
            as_far = step_of(values, of, near.error, weight)
            made = coded_content.coded(source, as_far, weight)
            sizes.append(len(made.record))
        saved = 1 - min(sizes) / sizes[0]
        error = math.sqrt(near.error / values.size)
        told = f"{share:g}", f"{error / deviation_of(source):.2f}"
        yield [*told, *(f"{size:,}" for size in sizes), f"{100 * saved:.0f} %"]


def trained_through(source: Source, step: float) -> Source:
    """Returns what is coded of a memory of levels of a step."""
    levels = quantizer.levels(source.values, source.units, step)
    values = quantizer.coefficients(levels, source.units, step).numpy()
    return dataclasses.replace(source, values=values, step=step, is_levels=True)


def within(
    source: Source, budget_bytes: int, weights=coded_budget.WEIGHTS
) -> coded_content.Content | None:
    """Returns what a budget gives; None where nothing fits."""
    with contextlib.suppress(OverBudgetError):
        return coded_budget.within(source, budget_bytes, weights)
    return None


def over_budget(source: Source) -> Iterator[list[str]]:
    """Yields rows of what trained levels lose to some bytes less."""
    steps = [source.step]
    if not source.is_trained:
        steps = [share * deviation_of(source) for share in STEPS]
    for step in steps:
        trained = trained_through(source, step)
        # Of one colour, so that both err in the same units.
        untrained = dataclasses.replace(trained, is_levels=False, colours=1)
        record = len(coded_content.coded(trained, step).record)
        around = coded_content.coded(trained, step).size - record
        for share in BUDGETS:
            budget_bytes = around + int(share * record)
            found = within(trained, budget_bytes)
            near = within(untrained, budget_bytes, (0.0,))
            lost = "none"
            if found and near:
                lost = f"{math.sqrt(found.error / near.error):.2f}"
            yield [
                f"{step / deviation_of(source):.2g}",
                f"{record:,}",
                f"{share:g}",
                *(
                    f"{x.step / step:.2f}" if x else "none"
                    for x in (found, near)
                ),
                lost,
            ]


def print_rows(head: str, rows: Iterator[list[str]]) -> None:
    print(f"\n| {head} |\n{'|---' * (head.count('|') + 1)}|")
    for cells in rows:
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run_dirs", nargs="+", required=True)
    for run_dir in parser.parse_args().run_dirs:
        run = DistilledRun.restore(run_dir)
        memory = run.parameterization
        print(
            f"\n{run_dir}: {memory.instances} images of {memory.mask_size} x "
            f"{memory.spectrum_shape[-1]} coefficients\n"
        )
        with tempfile.TemporaryDirectory() as folder:
            for line in table(run, folder):
                print(line, flush=True)
        source = Source.of(run.synthetic_set(), memory)
        if not source.is_trained:
            print_rows(_EQUAL, equal_errors(source))
        print_rows(_OVER, over_budget(source))


if __name__ == "__main__":
    main()
