"""The page and its picture are those of the record beside the benchmark."""

import pathlib
import subprocess
import sys

import pytest

from benchmarks.scaling import figure, fits, foretelling, measuring, page, runs
from benchmarks.scaling.__main__ import DOCS, HERE
from benchmarks.scaling.fits import Fit, Grown
from benchmarks.scaling.points import AXES, FLOORS
from fred_tf.disk import records

RECORD = HERE / "measured.json"


@pytest.fixture(scope="module")
def machine():
    return records.read(RECORD, measuring.KIND)["identity"]["machine"]


@pytest.fixture(scope="module")
def measured(machine):
    return measuring.read(RECORD, machine)


def test_the_page_is_made_of_the_record(measured, machine):
    made = page.page(measured, machine)
    assert (DOCS / "scaling.md").read_text() == made
    prose = [line for line in made.splitlines() if not line.startswith("|")]
    assert max(map(len, prose)) <= 80


def test_a_page_of_little_says_what_is_missing():
    written = page.page({}, "nothing")
    assert written.count("| not measured |") == len(AXES)
    assert "## Foretold" not in written and "## Several" in written


def test_the_formula_is_within_a_fifth(measured):
    """Of a point that it is not made of."""
    costs = fits.costs(measured)
    told = foretelling.memory(fits.of(page.CHECKED), costs) / 1e9
    found = fits.above_floor(page.CHECKED, measured)
    assert told == pytest.approx(found, rel=0.2)


def test_the_runs_are_those_of_the_presets():
    by_name = {run.name: run for run in runs.foretold()}
    assert len(by_name) == 12
    cifar100 = by_name["cifar100, ipc 50"]
    assert (cifar100.images, cifar100.batch) == (12_800, 12_800)
    assert cifar100.floats <= 50 * 100 * 32 * 32 * 3
    large = by_name["imagenet128, ipc 50"]
    assert (large.depth, large.seen, large.classes) == (5, 1000, 1000)


def test_rows_that_had_the_card_alone_are_foretold(measured):
    """Those of which docs/what-mattered.md does not say otherwise."""
    card = foretelling.on_card(fits.costs(measured))
    timed = {t.run.name: t for t in runs.timed()}
    for name in ("cifar10_ipc1_fred_tm_joint", "cifar10_ipc10_fred_tm_joint"):
        row = timed[name]
        told = foretelling.seconds(row.run, row.precision, card)
        assert row.seconds == pytest.approx(told, rel=0.1)
    assert not any("_as_" in name or "_on_" in name for name in timed)


def test_a_panel_shows_an_axis():
    grown = Grown([1, 2], [0.1, 0.2], [1.0, 1.0], Fit(1.0, 0.0), None)
    single = Grown([1], [0.1], [1.0], None, None)
    drawn = figure.panels({"width": grown, "classes": single})
    (panel,) = drawn.axes
    assert panel.get_title() == "width\nexponents 1.00, -"
    assert panel.get_xscale() == panel.get_yscale() == "log"
    assert [len(line.get_xdata()) for line in panel.lines] == [2, 2]


@pytest.mark.slow  # Processes that load TensorFlow.
def test_the_program_measures_and_writes(tmp_path):
    record = tmp_path / "measured.json"
    found = {point: measuring.measure(point) for point in FLOORS.values()}
    assert all(m.peak > 0.3 and m.seconds < 5 for m in found.values())
    from trainers.results.hardware import hardware

    measuring.write(record, hardware(), found)
    command = [sys.executable, "-m", "benchmarks.scaling", "--axes"]
    written = tmp_path / "page.md", tmp_path / "figure.png"
    paths = {"record": record, "page": written[0], "figure": written[1]}
    for name, path in paths.items():
        command += [f"--{name}", str(path)]
    ended = subprocess.run(
        command, cwd=pathlib.Path(__file__).parents[3], capture_output=True
    )
    assert ended.returncode == 0, ended.stderr
    assert all(path.exists() for path in written)
