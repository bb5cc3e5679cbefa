"""The page of docs that tells what was measured, and what is foretold."""

from collections.abc import Iterable, Sequence

from benchmarks.scaling import fits, foretelling, runs
from benchmarks.scaling.fits import Fit, Grown, Points
from benchmarks.scaling.foretelling import H200, Costs, Run
from benchmarks.scaling.points import AXES, CHECKED, FLOORS
from benchmarks.scaling.prose import (
    ASSUMED,
    COUNTED,
    FORETOLD,
    GROWTH,
    HEAD,
    SEVERAL,
    STUDENT,
)

# Gigabytes of cards.
CARDS = (24, 80)
# Bytes a second that a card sends, by how many there are: assumed, a little
# over half of what NVLink and 400 Gbit/s of network for each card can do.
BANDWIDTHS = {8: 250e9, 64: 25e9}
_BFLOAT16 = "bfloat16"
_HEADS = {
    "axes": "| axis | from, to | seconds | exponent of time | GB above idle "
    "| exponent of memory |",
    "bytes": "| | this processor | H200 |",
    "chunks": "| | all at once | fits 24 GB in chunks of | fits 80 GB in "
    "chunks of |",
    "memory": "| run | images | steps x images | memory in GB | chunk on 24 GB "
    "| chunk on 80 GB | sent a step, of 8 |",
    "hours": "| run | outer steps | seconds, TF32 | seconds, bfloat16 "
    "| hours, 1 card | 8 cards | 64 cards | 8, as many segments | 64, as many "
    "segments |",
    "rows": "| row | steps x images | precision | foretold | measured "
    "| measured / foretold |",
}


def page(measured: Points, machine: str) -> str:
    """Returns the page as Markdown.

    Args:
        measured: points, as far as there are.
        machine: where they were measured.
    """
    parts = [HEAD, GROWTH.format(machine=machine), axes_table(measured)]
    costs = fits.costs(measured)
    if costs:
        card = foretelling.on_card(costs)
        parts += [
            STUDENT.format(check=_check(measured, costs)),
            _table("bytes", _bytes(costs, card)),
            COUNTED,
            _table("chunks", _chunks(costs, card)),
            FORETOLD,
            _table("memory", (_memory(run, card) for run in _runs())),
            "",
            _table("hours", map(_hours, _runs())),
            ASSUMED,
            _table("rows", map(_row, runs.timed())),
        ]
    return "\n".join([*parts, SEVERAL])


def axes_table(measured: Points) -> str:
    """Returns what was measured of each axis, as a table of Markdown."""
    lines = (_axis(name, fits.grown(name, measured)) for name in AXES)
    return _table("axes", lines)


def _runs() -> list[Run]:
    return [H200.run, *runs.foretold()]


def _table(kind: str, lines: Iterable[Sequence[str]]) -> str:
    head = _HEADS[kind]
    rule = "|---" * (head.count("|") - 1) + "|"
    return "\n".join([head, rule, *(f"| {' | '.join(x)} |" for x in lines)])


def _axis(name: str, found: Grown) -> list[str]:
    if not found.values:
        return [name, "not measured", *[""] * 4]
    ends = (0, -1)
    return [
        name,
        ", ".join(f"{found.values[i]:,}" for i in ends),
        ", ".join(f"{found.seconds[i]:.2f}" for i in ends),
        _fit(found.time),
        ", ".join(f"{found.memory[i]:.2f}" for i in ends),
        _fit(found.space),
    ]


def _fit(fit: Fit | None) -> str:
    return f"{fit.exponent:.2f} ± {fit.residual:.0%}" if fit else ""


def _check(measured: Points, costs: Costs) -> str:
    if CHECKED not in measured:
        return "has not been measured"
    idle = measured[FLOORS[CHECKED.objective]].peak
    told = idle + foretelling.memory(fits.of(CHECKED), costs) / 1e9
    found = measured[CHECKED].peak
    return (
        f"peaks at {found:.2f} GB, {told:.2f} GB foretold "
        f"({told / found - 1:+.0%})"
    )


def _bytes(costs: Costs, card: Costs) -> list[list[str]]:
    both = (costs, card)
    of_image = [foretelling.activations(H200.run, c) / 1e6 for c in both]
    return [
        ["MAPS", *(f"{c.maps:.1f}" for c in both)],
        ["COPIES", *(f"{c.copies:.1f}" for c in both)],
        ["WHOLE", *(f"{c.whole:.1f}" for c in both)],
        ["FLOATS", *(f"{c.floats:.1f}" for c in both)],
        ["MB an image, 32 pixels, width 128"]
        + [f"{megabytes:.2f}" for megabytes in of_image],
    ]


def _chunks(costs: Costs, card: Costs) -> list[list[str]]:
    (run,) = (r for r in runs.foretold() if r.images == 12_800)
    return [
        [
            f"{run.images:,} images, {place}",
            f"{foretelling.memory(run, c) / 1e9:.0f} GB",
            *(_chunk(run, c, size) for size in CARDS),
        ]
        for place, c in (("this processor", costs), ("H200", card))
    ]


def _chunk(run: Run, costs: Costs, gigabytes: float) -> str:
    chunk = foretelling.largest_chunk(run, costs, gigabytes)
    if chunk is None:
        return "does not fit"
    return f"{chunk:,}" if chunk else "all"


def _memory(run: Run, card: Costs) -> list[str]:
    told = f"{foretelling.memory(run, card) / 1e9:,.1f}"
    if run == H200.run:
        told = f"{H200.gigabytes} measured"
    return [
        run.name,
        f"{run.images:,}",
        f"{run.student_steps} x {run.batch:,}",
        told,
        *(_chunk(run, card, size) for size in CARDS),
        f"{foretelling.exchanged(run, 8) / 1e6:,.1f} MB",
    ]


def _hours(run: Run) -> list[str]:
    as_many = [
        foretelling.hours(run, _BFLOAT16, cards, bandwidth)
        for cards, bandwidth in BANDWIDTHS.items()
    ]
    alone = run.outer_steps * foretelling.seconds(run, _BFLOAT16) / 3600
    note = " measured" if run == H200.run else ""
    return [
        run.name,
        f"{run.outer_steps:,}",
        *(
            f"{foretelling.seconds(run, precision):,.3g}{note}"
            for precision in H200.seconds
        ),
        f"{alone:,.3g}",
        *(f"{steps:,.3g}" for steps, _ in as_many),
        *(f"{segments:,.3g}" for _, segments in as_many),
    ]


def _row(timed: runs.Timed) -> list[str]:
    told = foretelling.seconds(timed.run, timed.precision)
    return [
        f"`{timed.run.name}`",
        f"{timed.run.student_steps} x {timed.run.batch}",
        timed.precision,
        f"{told:.3f} s",
        f"{timed.seconds:.3f} s",
        f"{timed.seconds / told:.2f}",
    ]
