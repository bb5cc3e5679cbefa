"""The page of docs that tells what was measured, and what is foretold."""

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.scaling import fits, foretelling, prose, runs
from benchmarks.scaling.fits import Fit, Grown, Points
from benchmarks.scaling.foretelling import H200, Costs, Run
from benchmarks.scaling.points import AXES, CHECKED

# Gigabytes of cards.
CARDS = (24, 80)
# Bytes a second that a card sends, by how many there are: assumed, a little
# over half of what NVLink and 400 Gbit/s of network for each card can do.
BANDWIDTHS = {8: 250e9, 64: 25e9}
_BFLOAT16 = "bfloat16"
_HEADS = {
    "axes": "| axis | from, to | seconds | exponent of time | GB above idle "
    "| exponent of memory |",
    "checks": "| not among them | GB measured | GB by the formula | off by |",
    "bytes": "| numbers held | this processor | H200 |",
    "chunks": "| | all at once | fits 24 GB in chunks of | fits 80 GB in "
    "chunks of |",
    "memory": "| run | images | steps x images | memory in GB | chunk on 24 GB "
    "| chunk on 80 GB | sent a step, by each of 8 |",
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
    growth = prose.GROWTH.format(machine=machine)
    parts = [prose.HEAD, growth, axes_table(measured), prose.PICTURE]
    costs = fits.costs(measured)
    if costs and CHECKED in measured:
        card = foretelling.on_card(costs)
        runs_there = [H200.run, *runs.foretold()]
        gap = f"{card.maps / costs.maps:.1f}"
        parts += [
            prose.FORMULA,
            _table("checks", _checks(measured, costs)),
            prose.STUDENT.format(gap=gap),
            _table("bytes", _bytes(costs, card)),
            prose.CHUNKS,
            _table("chunks", _chunks(costs, card)),
            prose.FORETOLD,
            _table("memory", (_memory(run, card) for run in runs_there)),
            prose.HOURS,
            _table("hours", (_hours(run, card) for run in runs_there)),
            prose.ASSUMED,
            _table("rows", (_row(timed, card) for timed in runs.timed())),
            prose.ASSUMPTIONS,
        ]
    parts.append(prose.SEVERAL)
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def axes_table(measured: Points) -> str:
    """Returns what was measured of each axis, as a table of Markdown."""
    lines = (_axis(name, fits.grown(name, measured)) for name in AXES)
    return _table("axes", lines)


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


def _checks(measured: Points, costs: Costs) -> Iterator[list[str]]:
    for point in fits.checks(measured):
        told = foretelling.memory(fits.of(point), costs, point.chunk) / 1e9
        found = fits.above_floor(point, measured)
        what = f"width {point.width}, {point.images:,} images"
        what += f", in chunks of {point.chunk}" if point.chunk else ""
        yield [what, f"{found:.2f}", f"{told:.2f}", f"{told / found - 1:+.0%}"]


def _bytes(costs: Costs, card: Costs) -> list[list[str]]:
    both, run = (costs, card), H200.run
    more = run._replace(images=run.images + 1)
    of_image = [
        foretelling.memory(more, c) - foretelling.memory(run, c) for c in both
    ]
    return [
        *(
            [name.upper(), *(f"{getattr(c, name):.1f}" for c in both)]
            for name in Costs._fields
        ),
        [
            f"MB of an image of {run.image_size} pixels, width {run.width}",
            *(f"{size / 1e6:.2f}" for size in of_image),
        ],
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


def _hours(run: Run, card: Costs) -> list[str]:
    alone, _ = foretelling.hours(run, _BFLOAT16, card)
    shared = [
        foretelling.hours(run, _BFLOAT16, card, cards, bandwidth)
        for cards, bandwidth in BANDWIDTHS.items()
    ]
    of_step = [
        f"{foretelling.seconds(run, precision, card):.3g}"
        for precision in H200.seconds
    ]
    if run == H200.run:
        of_step = [f"{s:g} measured" for s in H200.seconds.values()]
    hours = [alone, *(s for s, _ in shared), *(s for _, s in shared)]
    return [
        run.name,
        f"{run.outer_steps:,}",
        *of_step,
        *(f"{spent:.3g}" for spent in hours),
    ]


def _row(timed: runs.Timed, card: Costs) -> list[str]:
    told = foretelling.seconds(timed.run, timed.precision, card)
    return [
        f"`{timed.run.name}`",
        f"{timed.run.student_steps} x {timed.run.batch}",
        timed.precision,
        f"{told:.3f} s",
        f"{timed.seconds:.3f} s",
        f"{timed.seconds / told:.2f}",
    ]
