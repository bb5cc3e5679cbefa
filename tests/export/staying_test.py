"""What an export tells of forms that it does not write, and of other sets."""

import dataclasses
import re

import pytest
from absl import logging

import fred_tf
from export import exporting
from fred_tf import config, forms
from fred_tf.forms import FORMS


def test_forms_of_the_same_set_that_stay_are_told_of(run, digits, tmp_path):
    """With what was measured of them, but where training was another."""
    exporting.run(run, tmp_path, ["images_npz", "gallery"], digits)
    mean = forms.read(tmp_path / "images.npz").details["this_form"]["mean"]
    row = rf"\| images_npz \|.*\| {100 * mean:.1f} \+- .* \| \+0.0 \|"
    exporting.run(run, tmp_path, ["images_png"])
    table = (tmp_path / "sizes.md").read_text()
    assert re.search(row, table) and "| images_png |" in table
    fred_tf.DistilledSet.of_run(run).export(tmp_path, ["coefficients_int4"])
    assert not (tmp_path / "sizes.md").exists()
    text = (tmp_path / "README.md").read_text()
    names = ["coefficients_int4", "gallery", "images_npz", "images_png"]
    for name in names:
        assert f"| `{FORMS[name].path}` | " in text
    assert f"- {100 * mean:.1f} ± " in text and " %: `images_npz`" in text
    other = config.replace(run.config, {"evaluation.epochs": 2})
    exporting.run(run, tmp_path, ["coefficients_int8"], digits, other)
    table = (tmp_path / "sizes.md").read_text()
    assert "| images_npz |" in table and not re.search(row, table)
    assert " %: `images_npz`" in (tmp_path / "README.md").read_text()
    later = dataclasses.replace(run, step=run.step + 1)
    exporting.run(later, tmp_path, ["images_npz"])
    for name in ("README.md", "sizes.md"):
        text = (tmp_path / name).read_text()
        assert "images_png" not in text and " %" not in text


@pytest.mark.parametrize(
    "export",
    [
        exporting.run,
        lambda run, *rest: fred_tf.DistilledSet.of_run(run).export(*rest),
    ],
)
def test_what_told_of_forms_is_gone_before_one_is_replaced(
    export, run, tmp_path, monkeypatch
):
    exporting.run(run, tmp_path, ["images_npz", "gallery"])
    (tmp_path / "notes.md").touch()
    later = dataclasses.replace(run, step=run.step + 1)
    with pytest.raises(ValueError, match="`shards` must be"):
        exporting.run(later, tmp_path, ["images_npz"], shards=0)
    there = {path.name for path in tmp_path.iterdir()}
    assert there > {"README.md", "sizes.md"}

    def stopped(*_, **__):
        raise KeyboardInterrupt

    for part, gone in (("write", set()), ("move", {"README.md", "sizes.md"})):
        monkeypatch.setattr(type(FORMS["gallery"]), part, stopped)
        with pytest.raises(KeyboardInterrupt):
            export(later, tmp_path, ["images_npz", "gallery"])
        left = {path.name for path in tmp_path.iterdir()}
        assert there - left == gone
        monkeypatch.undo()


def test_forms_of_another_set_that_stay_are_named(run, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        logging, "warning", lambda text, *values: said.append(text % values)
    )
    exporting.run(run, tmp_path, ["images_png", "coefficients_int8", "gallery"])
    exporting.run(run, tmp_path, ["images_npz"])
    assert not said
    later = dataclasses.replace(run, step=run.step + 1)
    for _ in range(2):
        exporting.run(later, tmp_path, ["images_npz"])
    stay = "which stay: coefficients_int8, gallery, images_png. Delete them"
    assert len(said) == 2 and all(stay in line for line in said)
    exporting.run(later, tmp_path, ["images_png", "coefficients_int8"])
    assert said[2:] == [
        f"{tmp_path} holds forms of another set, which stay: gallery. Delete "
        "them, or choose another folder."
    ]


@pytest.mark.parametrize(
    ("form", "left"),
    [("coefficients_int4", [0.25]), ("images_float32", [0.75, 0.25])],
)
def test_a_set_that_was_read_is_one_of_its_own(form, left, run, tmp_path):
    """What the floats gave that it was made of, it does not give itself."""
    how = {"network": {"name": "mlp"}}
    decoded = run.synthetic_set()
    details = {
        **decoded.details,
        "evaluations": [{**how, "accuracies": [0.75]}],
        "this_form": {**how, "accuracies": [0.25], "form": form},
    }
    told = dataclasses.replace(decoded, details=details)
    (path,) = forms.write(told, run.parameterization, tmp_path, [form]).values()
    again = fred_tf.DistilledSet.load(path).export(
        tmp_path / "b", ["images_npz"]
    )
    found = forms.read(*again).details
    assert [x["accuracies"][0] for x in found["evaluations"]] == left
    assert "this_form" not in found and "form" not in str(found["evaluations"])


def test_a_form_that_is_saved_over_is_told_of_no_more(run, tmp_path):
    exporting.run(run, tmp_path, ["images_npz"])
    later = dataclasses.replace(run, step=run.step + 1)
    later = fred_tf.DistilledSet.of_run(later)
    told = {tmp_path / "README.md", tmp_path / "sizes.md"}
    later.save(tmp_path / "images_png", "images_png")  # Beside what is there.
    assert told < set(tmp_path.iterdir())
    (tmp_path / "own.npz").write_text("somebody's")
    with pytest.raises(FileExistsError, match="own.npz"):
        later.save(tmp_path / "own.npz", "images_npz")
    assert told < set(tmp_path.iterdir())
    later.save(tmp_path / "images.npz", "images_npz")
    assert not told & set(tmp_path.iterdir())
