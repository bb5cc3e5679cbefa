"""What networks learn from each form."""

import json

import pytest

from export import exporting
from fred_tf import forms
from fred_tf.scoring import score


def test_measured_accuracy_travels_with_each_form(run, digits, tmp_path):
    """Exact forms share one evaluation, and it is that of the run."""
    names = ["images_float32", "coefficients_float32", "images_png"]
    exporting.run(run, tmp_path, [*names, "keras"], digits)
    expected = score(
        run.config, run.synthetic_set(), digits, tmp_path / "own.json"
    )
    facts = [forms.read(tmp_path / name).details for name in names]
    for fact, name in zip(facts, names):
        assert fact["this_form"]["form"] == name
        assert len(fact["this_form"]["accuracies"]) == 2
        assert fact["this_form"]["difference_to_float32"] == pytest.approx(
            fact["this_form"]["mean"] - expected.mean
        )
    assert facts[0]["this_form"]["accuracies"] == list(expected.accuracies)
    layer = forms.read(tmp_path / "memory.keras").details["this_form"]
    assert layer == {**facts[0]["this_form"], "form": "keras"}
    evaluations = sorted(p.name for p in tmp_path.glob("evaluation_*.json"))
    assert evaluations == [
        "evaluation_exact.json",
        "evaluation_images_png.json",
    ]
    rows = (tmp_path / "sizes.md").read_text().splitlines()
    (exact,) = [row for row in rows if row.startswith("| images_float32 |")]
    assert exact.endswith(f"| {expected} | +0.0 |")
    assert rows[0].endswith("| test accuracy | against float32, in points |")
    assert len({row.count("|") for row in rows}) == 1


def test_a_lossy_form_is_measured_against_float32(run, digits, tmp_path):
    """Also where float32 is not asked for."""
    exporting.run(run, tmp_path, ["coefficients_int4"], digits)
    fact = forms.read(tmp_path / "coefficients_int4").details["this_form"]
    exact, own = (
        json.loads((tmp_path / f"evaluation_{name}.json").read_text())["mean"]
        for name in ("exact", "coefficients_int4")
    )
    assert fact["difference_to_float32"] == pytest.approx(own - exact)
    row = (tmp_path / "sizes.md").read_text().splitlines()[4]
    assert row.endswith(f"| {100 * (own - exact):+.1f} |")
