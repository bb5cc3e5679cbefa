"""What a run says of its bytes, against the file."""

import re

import pytest

from export import exporting
from fred_tf import config as config_lib
from fred_tf import forms, presets
from fred_tf.distilled_run import DistilledRun
from fred_tf.parameterizations import byte_budget
from trainers import coded_size, distill, within_bytes
from trainers.report import content

BUDGET = 6_000


@pytest.fixture(scope="module")
def run(quick, tmp_path_factory):
    asked = [f"budget_bytes={BUDGET}", "parameterization.step=2"]
    settings = config_lib.override(quick, [*asked, "rate_weight=0.01"])
    return distill.run(settings, tmp_path_factory.mktemp("coded"))


def test_a_run_keeps_within_its_budget(run, tmp_path):
    memory = run.parameterization
    expected = byte_budget.predicted(
        memory.settings, (8, 8, 1), 10, memory.instances_per_class
    )
    written, _ = exporting.run(
        run, tmp_path, ["coefficients_coded"], budget_bytes=BUDGET
    )
    actual = sum(path.stat().st_size for path in written.iterdir())
    # Digits begin with two thirds of the bits that memories end with.
    assert 0.6 * expected < actual <= expected <= BUDGET
    assert coded_size.told(run) == (
        f"{actual:,} bytes at step 2, of {BUDGET:,}; {expected:,} were expected"
    )
    decoded = run.synthetic_set()
    assert (forms.read(written).images == decoded.images).all()
    told = run.folder.metrics()[-1]["rate_bytes"]
    assert told == pytest.approx(actual, rel=0.2)


def test_what_takes_more_than_its_budget_is_told(run, tmp_path, caplog):
    """Its export keeps to the budget; what is evaluated does not."""
    moved = DistilledRun.restore(run.folder.path)
    values = moved.parameterization.values
    values.assign(4 * values)
    within_bytes.tell_of(run)
    assert not caplog.text
    within_bytes.tell_of(moved)
    (found,) = re.findall(r"which take ([\d,]+) bytes, of 6,000", caplog.text)
    told = coded_size.told(moved)
    assert re.fullmatch(
        rf"[\d,]+ bytes at step [\d.]+, of 6,000; {found} at step 2, where "
        r"[\d,]+ were expected",
        told,
    )
    written, _ = exporting.run(moved, tmp_path, ["coefficients_coded"])
    size = sum(path.stat().st_size for path in written.iterdir())
    assert told.startswith(f"{size:,} bytes") and size <= BUDGET
    values.assign(4e4 * values)
    assert coded_size.told(moved).endswith("lie beyond the levels of 2")
    within_bytes.tell_of(moved)
    assert "which no file holds, some are beyond 1,023" in caplog.text


def test_the_page_of_a_run_says_so(run, undrawn):
    assert f"of {BUDGET:,}; " in content.page(run)


def test_its_record_makes_it_anew(run):
    restored = DistilledRun.restore(run.folder.path)
    assert restored.config == run.config
    assert restored.config.parameterization.budget_bytes == BUDGET
    assert restored.parameterization.instances == run.parameterization.instances


def test_other_runs_say_nothing(quick, tmp_path, monkeypatch, run):
    for name in ("frequency", "pixel"):
        settings = config_lib.replace(quick, {"parameterization.name": name})
        settings = config_lib.replace(settings, {"outer_steps": 0})
        other = distill.run(settings, tmp_path / name)
        assert coded_size.told(other) == ""
    monkeypatch.setattr(coded_size.coder, "is_available", lambda: False)
    assert coded_size.told(run) == ""


def test_presets_are_as_they_were():
    for name in presets.names():
        memory = presets.preset(name).parameterization
        assert not memory.budget_bytes
