import contextlib
import fcntl
import io
import os
import pty
import struct
import sys
import termios
import threading
import types

import absl.logging
import pytest

from fred_tf import progress
from fred_tf.progress import showing


class Clock:
    """Stands in for `time`: it goes on only when it is told to."""

    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(showing, "time", clock)
    return clock


@pytest.fixture
def terminal(monkeypatch):
    """Makes stderr a terminal of some size; returns what it shows."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLUMNS", raising=False)
    with contextlib.ExitStack() as stack:

        def begin(columns, lines=24):
            ours, theirs = pty.openpty()
            size = struct.pack("HHHH", lines, columns, 0, 0)
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
            stderr = stack.enter_context(open(theirs, "w"))
            monkeypatch.setattr(sys, "stderr", stderr)
            shown = []
            thread = threading.Thread(target=_read, args=[ours, shown])
            thread.start()

            def shows():
                stderr.close()
                thread.join()
                return b"".join(shown).decode()

            stack.callback(shows)
            return shows

        yield begin


def _read(terminal, shown):
    """Reads what a terminal shows, which holds little, until it is closed."""
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 4096):
            shown.append(part)
    os.close(terminal)


@pytest.fixture
def log(caplog):
    absl.logging.set_verbosity(absl.logging.INFO)
    with caplog.at_level("INFO", logger="absl"):
        yield caplog


def work(clock, parts=10, seconds=1.0, lasting=False):
    with progress.shown("part", parts, lasting=lasting) as report:
        for done in range(1, parts + 1):
            clock.now += seconds
            report(done, f"loss {done}")


@pytest.mark.parametrize(
    ("columns", "lines"),
    [(0, 0), (1, 1), (0, 24), (90, 0), (40, 24), (80, 24), (200, 24)],
)
def test_a_bar_fits_every_terminal(columns, lines, clock, terminal):
    """One that does not know its size is taken for a usual one."""
    shows = terminal(columns, lines)
    work(clock, lasting=True)
    shown = shows()
    width = columns if columns > 1 else 80
    assert all(len(x) <= width for x in shown.strip().split("\r"))
    assert "20%|" in shown and "part 2 of 10, 0:00:08 left" in shown
    assert shown.endswith("\n")
    if width >= 80:
        assert "part 10 of 10, loss 10" in shown


def test_a_bar_that_does_not_last_goes(clock, terminal):
    shows = terminal(80)
    work(clock)
    shown = shows()
    assert "part 3 of 10" in shown and not shown.endswith("\n")
    assert shown.split("\r")[-2].strip() == ""


def test_what_takes_a_moment_gets_no_bar(clock, terminal):
    shows = terminal(80)
    work(clock, seconds=0.01)
    sys.stderr.write("end")
    assert shows() == "end"


def test_a_bar_makes_way_for_the_log(clock, terminal):
    shows = terminal(80)
    handler = absl.logging.get_absl_handler()
    before = list(handler.filters)
    with progress.shown("part", 3, lasting=True) as report:
        report(1)
        record = absl.logging.get_absl_logger().makeRecord(
            "absl", 20, __file__, 1, "a line", (), None
        )
        assert handler.filter(record)
        sys.stderr.write("a line\n")
    assert handler.filters == before
    lines = shows().replace("\r\n", "\n").split("\n")
    (line,) = [line for line in lines if "a line" in line]
    assert line.split("\r")[-1] == "a line"


@pytest.mark.parametrize(
    ("where", "watched"),
    [
        ("terminal", True),
        ("dumb", False),
        ("file", False),
        ("none", False),
        ("notebook", True),
    ],
)
def test_bars_are_for_people(where, watched, monkeypatch, terminal):
    terminal(80)
    if where == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    if where in ("file", "notebook"):
        monkeypatch.setattr(sys, "stderr", io.StringIO())
    if where == "none":
        monkeypatch.setattr(sys, "stderr", None)
    if where == "notebook":
        kernel = types.ModuleType("ipykernel")
        monkeypatch.setitem(sys.modules, "ipykernel", kernel)
    assert progress.is_watched() == watched


def test_elsewhere_there_are_few_lines(clock, log):
    work(clock, parts=100)
    said = [record.getMessage() for record in log.records]
    assert said == [
        "part 30 of 100, 0:01:10 left, 1/s, loss 30",
        "part 60 of 100, 0:00:40 left, 1/s, loss 60",
        "part 90 of 100, 0:00:10 left, 1/s, loss 90",
        "part 100 of 100, loss 100",
    ]


@pytest.mark.parametrize(("lasting", "lines"), [(False, 0), (True, 1)])
def test_short_work_is_told_only_if_it_lasts(lasting, lines, clock, log):
    work(clock, lasting=lasting)
    assert len(log.records) == lines


def test_items_come_as_they_are(clock, log):
    taken = []
    for item in progress.each("abc", "letter", 7, done=4):
        taken.append(item)
        clock.now += 40
    assert taken == ["a", "b", "c"]
    said = [record.getMessage() for record in log.records]
    assert said == ["letter 5 of 7", "letter 6 of 7, 0:00:40 left, 0.025/s"] + [
        "letter 7 of 7"
    ]


def test_work_that_goes_on_is_judged_by_what_is_new(clock, log):
    """And by parts, however many are told of at a time."""
    with progress.shown("row", 1000, done=400) as report:
        for done in (500, 600, 700):
            clock.now += 40
            report(done)
    assert log.messages[-1] == "row 700 of 1,000, 0:02:00 left, 2.5/s"
