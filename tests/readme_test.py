"""What the README shows works: its parameterization, from file to export."""

import json
import pathlib
import re
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from export import exporting
from fred_tf import forms, overrides, presets
from fred_tf.distilled_run import DistilledRun
from fred_tf.parameterizations import PARAMETERIZATIONS
from trainers import distill
from trainers.results.rows import ROWS

ROOT = pathlib.Path(__file__).parents[1]
README = ROOT / "README.md"
DM = presets.preset("digits_ipc1_dm_tiny")


@pytest.fixture
def small(monkeypatch):
    """The README's file, and its line in the table."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (source,) = [block for block in blocks if "class Small(" in block]
    module = types.ModuleType("small")
    # Dataclasses look their module up.
    monkeypatch.setitem(sys.modules, "small", module)
    exec(compile(source, "README.md", "exec"), module.__dict__)
    monkeypatch.setitem(PARAMETERIZATIONS, "small", module.Small)
    return module.Small


def test_a_new_parameterization_goes_all_the_way(small, tmp_path):
    settings = overrides.override(
        DM, ["parameterization.name=small", "factor=4"]
    )
    run = distill.run(settings, tmp_path / "run")
    assert isinstance(run.parameterization, small)
    synthetic_set = run.synthetic_set()
    assert synthetic_set.images.shape == (160, 8, 8, 1)
    assert synthetic_set.floats_stored == 640

    restored = DistilledRun.restore(tmp_path / "run")
    names = ["images_float32", "saved_model"]
    exporting.run(restored, tmp_path / "export", names)
    reloaded = forms.read(tmp_path / "export" / "images_float32")
    np.testing.assert_array_equal(reloaded.images, synthetic_set.images)
    loaded = tf.saved_model.load(str(tmp_path / "export" / "saved_model/1"))
    decoded = loaded.decode(tf.range(160))["images"]
    np.testing.assert_array_equal(decoded, synthetic_set.images)


def test_its_settings_are_checked_before_any_work(small):
    with pytest.raises(ValueError, match="`factor` .*at least 1. Received: 0"):
        overrides.override(DM, ["parameterization.name=small", "factor=0"])
    with pytest.raises(ValueError, match="Unknown override 'factor'"):
        overrides.override(DM, ["factor=2"])


def result(name):
    return json.loads((ROOT / "results" / f"{name}.json").read_text())


def accuracy(found):
    return f"{100 * found['mean']:.1f} ± {100 * found['deviation']:.1f} %"


def lines_with(*parts):
    return [
        line
        for line in README.read_text().splitlines()
        if all(part in line for part in parts)
    ]


def test_its_rows_are_those_of_results():
    """The table of what was measured, which names its rows."""
    named = [line for line in lines_with("± ") if line.startswith("| `")]
    rows = [line for line in named if line.split("`")[1] in ROWS]
    assert len(rows) > 10
    for line in rows:
        found = result(line.split("`")[1])
        assert accuracy(found) in line
        assert f"| {found['images']:,} |" in line
        if minutes := found["minutes"].get("distilling"):
            assert re.search(rf"\| {round(minutes)}(,| )", line), line


def test_its_exports_are_those_of_results():
    exported = {row.run_of for row in ROWS.values() if row.form}
    assert len(exported) == 1
    (whole,) = exported
    lines = lines_with("| `coefficients_", "± ") + lines_with(
        "| `images_", "± "
    )
    assert len(lines) > 5
    for line in lines:
        form = line.split("`")[1]
        lossless = form == "coefficients_float32"
        found = result(whole if lossless else f"{whole}_as_{form}")
        assert accuracy(found) in line
        assert f"| {found['bytes']:,} | {found['bytes_of_folder']:,} |" in line


def test_its_quickstart_is_that_of_results():
    for name, label in (
        ("digits_ipc1_random", "random real images"),
        ("digits_ipc1_pixel_tm", "pixels, distilled"),
        ("digits_ipc1_fred_tm", "FreD, distilled"),
        ("digits_full", "full training set"),
    ):
        found = result(name)
        expected = f"| {found['images']:,} | {found['floats']:,} | "
        (line,) = lines_with(f"| {label} |")
        assert f"{expected}{accuracy(found)} |" in line
