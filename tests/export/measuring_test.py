"""What networks learn from each form."""

import dataclasses
import json

import numpy as np
import pytest

from export import exporting, measuring
from fred_tf import config, forms
from fred_tf.distilled_run import DistilledRun
from fred_tf.scoring import score
from fred_tf.training.evaluation import Evaluation
from trainers import distill


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
    assert len({row.count("|") for row in rows if "|" in row}) == 1


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


def _means(folder):
    return {
        path.stem: json.loads(path.read_text())["mean"]
        for path in folder.glob("evaluation_*.json")
    }


def test_a_run_that_went_on_is_measured_anew(quick, digits, tmp_path):
    """As other settings are; nothing of the earlier set is told any more."""
    names, out = ["images_png", "coefficients_int4"], tmp_path / "export"
    scored = config.replace(quick, {"evaluation.networks": 1})
    distill.run(scored, tmp_path / "run")
    exporting.run(DistilledRun.restore(tmp_path / "run"), out, names, digits)
    longer = config.replace(scored, {"outer_steps": 5})
    distill.run(longer, tmp_path / "run")
    run = DistilledRun.restore(tmp_path / "run")
    for settings in (longer, config.replace(longer, {"evaluation.epochs": 2})):
        exporting.run(run, out, names, digits, settings)
        means = _means(out)
        expected = score(settings, run.synthetic_set(), digits)
        assert means.pop("evaluation_exact") == expected.mean
        for name, mean in means.items():
            fact = forms.read(out / name[11:]).details["this_form"]
            assert fact["mean"] == mean
            assert f"| {100 * mean:.1f} % |" in (out / "sizes.md").read_text()


def test_a_stopped_measurement_leaves_no_figure_of_another_set(
    run, digits, tmp_path, monkeypatch
):
    exporting.run(run, tmp_path, ["images_png"], digits)

    def told() -> list[bool]:
        texts = (
            (tmp_path / x).read_text(encoding="utf-8")
            for x in ("README.md", "sizes.md")
        )
        return ["+-" in text or " %: " in text for text in texts]

    assert told() == [True, True]
    monkeypatch.setattr(measuring, "score", None)
    with pytest.raises(TypeError):
        exporting.run(run, tmp_path, ["images_png"], digits)
    assert told() == [False, False]
    (tmp_path / "evaluation_mine.json").write_text("{}")
    with pytest.raises(FileExistsError, match="mine.json, which fred_tf has"):
        exporting.run(run, tmp_path, ["images_png"], digits)


def test_what_is_measured_is_what_lies_there(
    run, digits, tmp_path, monkeypatch
):
    """Of a memory for so many bytes, and with labels that are rounded."""
    settings, decoded = run.parameterization.settings, run.synthetic_set()
    soft = np.random.default_rng(0).dirichlet([1] * 10, 20).astype(np.float32)
    labelled = dataclasses.replace(decoded, soft_labels=soft)
    scored = []

    def score(config, read, data, path):
        scored.append(read)
        return Evaluation((0.5, 0.5), 0.1)

    monkeypatch.setattr(measuring, "score", score)
    monkeypatch.setattr(type(run), "synthetic_set", lambda _: labelled)
    bounded = dataclasses.replace(settings, step=0.05, budget_bytes=2200)
    monkeypatch.setattr(run.parameterization, "settings", bounded)
    exporting.run(run, tmp_path, ["coefficients_coded"], digits)
    read = forms.read(tmp_path / "coefficients_coded")
    assert np.abs(read.soft_labels - soft).max() > 0
    assert not np.array_equal(read.images, decoded.images)
    np.testing.assert_array_equal(scored[-1].images, read.images)
    np.testing.assert_array_equal(scored[-1].targets, read.targets)


def test_other_test_images_are_refused_before_anything_is_written(
    run, digits, tmp_path
):
    """Their accuracies had been told as those of the run's own."""
    test = dataclasses.replace(digits.test, images=digits.test.images[::-1])
    other = dataclasses.replace(digits, test=test)
    assert other.facts.test != digits.facts.test
    with pytest.raises(ValueError, match="that the run was recorded on. Rec"):
        exporting.run(run, tmp_path / "no", ["images_png"], other)
    unknown = dataclasses.replace(run.facts, test=None)
    never = dataclasses.replace(run, facts=unknown)
    with pytest.raises(ValueError, match="of the run is None. Restore"):
        exporting.run(never, tmp_path / "no", ["images_png"], digits)
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    "changes",
    [["network.name=convnet", "network.depth=6"], ["warm_up_epochs=1"]],
)
def test_networks_that_cannot_be_trained_cost_nothing_that_is_there(
    run, digits, tmp_path, changes
):
    exporting.run(run, tmp_path, ["images_png"], digits)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*.*")}
    how = config.override(run.config, changes)
    with pytest.raises(ValueError, match="Received"):
        exporting.run(run, tmp_path, ["images_png"], digits, how)
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*.*")}


def test_a_damaged_evaluation_is_made_anew(run, digits, tmp_path):
    exporting.run(run, tmp_path, ["images_png"], digits)
    before = _means(tmp_path)
    path = tmp_path / "evaluation_images_png.json"
    path.write_text(path.read_text().replace('"accuracies"', '"accuracy"'))
    exporting.run(run, tmp_path, ["images_png"], digits)
    assert _means(tmp_path) == before
