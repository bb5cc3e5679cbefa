"""A bar where people look, lines of the log elsewhere."""

import contextlib
import datetime
import logging as stdlib_logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

import tqdm.auto
from absl import logging

from fred_tf.progress.remaining import seconds_left

# Seconds from one look of a bar to the next, and from line to line.
_BAR_EVERY, _LINE_EVERY = 0.3, 30.0
# Seconds that work must take before it gets a bar that does not last.
_MOMENT = 1.0

Item = TypeVar("Item")


class Report(Protocol):
    """Says how far work is."""

    def __call__(
        self,
        done: int,
        told: str = "",
        left: Callable[[], float | None] | None = None,
    ) -> None:
        """Takes what was done so far; speaks now and then only.

        Args:
            done: parts of the work.
            told: what else is told, in a few words.
            left: returns the seconds that are left, for whom knows better than
                the times between these calls do.
        """


def is_watched() -> bool:
    """Returns whether people look: at a notebook, or a terminal's cursor."""
    if "ipykernel" in sys.modules:
        return True
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def shown(
    what: str, total: int, done: int = 0, lasting: bool = False
) -> Iterator[Report]:
    """Yields what shows how far some work is, and how long it takes yet.

    A bar, or a line of the log every half minute. `TQDM_DISABLE=1` in the
    environment shows no bars.

    Args:
        what: name of a part of the work, e.g. "step".
        total: how many parts there are.
        done: how many of them are done already.
        lasting: whether it is shown from the start, and in the end; else only
            while the work takes long.
    """
    watched = is_watched()
    first, begun = done, time.monotonic()
    spoken, before, times = begun, begun, list[float]()

    def guess() -> float | None:
        """Returns the seconds left by the times between reports."""
        reports = (total - done) * len(times) / (done - first)
        return seconds_left(times, round(reports))

    with (_bar if watched else _lines)(total, done, lasting) as say:

        def report(made, told="", left=None):
            nonlocal done, spoken, before
            now = time.monotonic()
            times.append(now - before)
            done, before = made, now
            if done >= total:
                due = lasting or spoken > begun
            elif spoken == begun and watched:
                due = lasting or now - begun >= _MOMENT
            else:
                due = now - spoken >= (_BAR_EVERY if watched else _LINE_EVERY)
            if due:
                spoken = now
                seconds = (left or guess)() if first < done < total else None
                say(done, _text(what, done, total, told, seconds))

        yield report


def each(
    items: Iterable[Item], what: str, total: int, done: int = 0
) -> Iterator[Item]:
    """Yields items, and shows how far whoever takes them is; see `shown`."""
    with shown(what, total, done) as report:
        for number, item in enumerate(items, start=done + 1):
            yield item
            report(number)


def _text(
    what: str, done: int, total: int, told: str, seconds: float | None
) -> str:
    """Returns what is told; what matters comes first, for narrow terminals."""
    parts = [f"{what} {done:,} of {total:,}"]
    if seconds:
        left = datetime.timedelta(seconds=round(seconds))
        parts += [f"{left} left", f"{(total - done) / seconds:.3g}/s"]
    return ", ".join([*parts, *filter(None, [told])])


@contextlib.contextmanager
def _lines(
    total: int, done: int, lasting: bool
) -> Iterator[Callable[[int, str], None]]:
    yield lambda done, text: logging.info("%s", text)


@contextlib.contextmanager
def _bar(
    total: int, done: int, lasting: bool
) -> Iterator[Callable[[int, str], None]]:
    """Yields what draws a bar, which is there once it is drawn."""
    with contextlib.ExitStack() as stack:
        bars: list[tqdm.auto.tqdm] = []

        def say(done: int, text: str) -> None:
            if bars:
                bars[0].n = done
                bars[0].set_description_str(text)
                return
            bar = tqdm.auto.tqdm(
                desc=text,
                total=total,
                initial=done,
                leave=lasting,
                bar_format="{percentage:3.0f}%|{bar}| {desc}",
                **_size(),
            )
            bars.append(stack.enter_context(bar))
            stack.enter_context(_making_way(bar))

        yield say


def _size() -> dict[str, Any]:
    """Returns what a bar is told of the room that it has."""
    try:
        columns, lines = os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):  # No terminal: tqdm looks for itself.
        return {"dynamic_ncols": True}
    if min(columns, lines) > 2:
        return {"dynamic_ncols": True}
    # One that does not know tells tqdm 0, for which it shows something else.
    return {"ncols": columns if columns > 2 else 80, "nrows": 24}


@contextlib.contextmanager
def _making_way(bar: tqdm.auto.tqdm) -> Iterator[None]:
    """Takes a bar away before lines of the log; it is drawn again later."""

    def clear(record: stdlib_logging.LogRecord) -> bool:
        bar.clear()
        return True

    handler = logging.get_absl_handler()
    handler.addFilter(clear)
    try:
        yield
    finally:
        handler.removeFilter(clear)
