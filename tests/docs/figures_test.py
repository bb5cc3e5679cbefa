"""Figures on the pages are those of `results/`."""

import json
import re

import pytest

from tests.docs.pages import PAGES, README, ROOT, lines_with, name
from trainers.results.rows import ROWS

EXPORTS = ROOT / "docs" / "exports.md"
# RESULTS.md is generated, and has a test of its own.
_TYPED = [page for page in PAGES if page.name != "RESULTS.md"]


def result(row):
    return json.loads((ROOT / "results" / f"{row}.json").read_text())


def accuracy(found):
    return f"{100 * found['mean']:.1f} ± {100 * found['deviation']:.1f} %"


def rows_of(page):
    """Returns the lines of tables that begin with the name of a row."""
    named = [line for line in lines_with(page, "±") if line.startswith("| `")]
    return [line for line in named if line.split("`")[1] in ROWS]


@pytest.mark.parametrize("page", _TYPED, ids=name)
def test_rows_are_those_of_results(page):
    for line in rows_of(page):
        found = result(line.split("`")[1])
        assert accuracy(found) in line
        assert f"| {found['images']:,} |" in line
        if minutes := found["minutes"].get("distilling"):
            assert re.search(rf"\| {round(minutes)}(,| )", line), line
        if published := ROWS[line.split("`")[1]].published:
            assert f"| {published.partition(' (')[0]} % |" in line


def test_the_readme_has_a_row_of_each_system():
    assert len(rows_of(README)) == 8


def test_exports_are_those_of_results():
    exported = {
        row.run_of for row in ROWS.values() if row.form and not row.form_bytes
    }
    assert len(exported) == 1
    (whole,) = exported
    lines = lines_with(EXPORTS, "| `coefficients_", "± ")
    lines += lines_with(EXPORTS, "| `images_", "± ")
    assert len(lines) == 8
    for line in lines:
        form = line.split("`")[1]
        lossless = form == "coefficients_float32"
        found = result(whole if lossless else f"{whole}_as_{form}")
        assert accuracy(found) in line
        assert f"| {found['bytes']:,} | {found['bytes_of_folder']:,} |" in line


def test_the_quickstart_is_that_of_results():
    for row, label in (
        ("digits_ipc1_random", "random real images"),
        ("digits_ipc1_pixel_tm", "pixels, distilled"),
        ("digits_ipc1_fred_tm", "FreD, distilled"),
        ("digits_full", "full training set"),
    ):
        found = result(row)
        expected = f"| {found['images']:,} | {found['floats']:,} | "
        (line,) = lines_with(README, f"| {label} |")
        assert f"{expected}{accuracy(found)} |" in line


def test_the_picture_is_of_the_best_row():
    found = result("cifar10_ipc1_fred_tm_joint_settled")
    assert lines_with(README, f"{100 * found['mean']:.1f} % test accuracy")
