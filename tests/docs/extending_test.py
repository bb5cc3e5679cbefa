"""What the page on extending shows works, from file to export."""

import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from export import __main__ as export
from fred_tf import config, presets
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms import read_export
from fred_tf.parameterizations import PARAMETERIZATIONS
from tests.docs.pages import ROOT, blocks
from trainers import distill

PAGE = ROOT / "docs" / "extending.md"
DM = presets.preset("digits_ipc1_dm_tiny")


@pytest.fixture
def small(monkeypatch):
    """The page's file, and its line in the table."""
    found = blocks(PAGE, "python")
    (source,) = [block for block in found if "class Small(" in block]
    module = types.ModuleType("small")
    # Dataclasses look their module up.
    monkeypatch.setitem(sys.modules, "small", module)
    exec(compile(source, PAGE.name, "exec"), module.__dict__)
    monkeypatch.setitem(PARAMETERIZATIONS, "small", module.Small)
    return module.Small


def test_a_new_parameterization_goes_all_the_way(small, tmp_path):
    settings = config.override(DM, ["parameterization.name=small", "factor=4"])
    run = distill.run(settings, tmp_path / "run")
    assert isinstance(run.parameterization, small)
    synthetic_set = run.synthetic_set()
    assert synthetic_set.images.shape == (160, 8, 8, 1)
    assert synthetic_set.floats_stored == 640

    restored = DistilledRun.restore(tmp_path / "run")
    forms = ["images_float32", "saved_model"]
    export.run(restored, tmp_path / "export", forms)
    reloaded = read_export(tmp_path / "export" / "images_float32")
    np.testing.assert_array_equal(reloaded.images, synthetic_set.images)
    loaded = tf.saved_model.load(str(tmp_path / "export" / "saved_model/1"))
    decoded = loaded.decode(tf.range(160))["images"]
    np.testing.assert_array_equal(decoded, synthetic_set.images)


def test_its_settings_are_checked_before_any_work(small):
    with pytest.raises(ValueError, match="`factor` .*at least 1. Received: 0"):
        config.override(DM, ["parameterization.name=small", "factor=0"])
    with pytest.raises(ValueError, match="Unknown override 'factor'"):
        config.override(DM, ["factor=2"])
