"""Runs that go on with the experts that they began with."""

import shutil

import numpy as np
import pytest

import fred_tf
from fred_tf import config
from fred_tf.disk.run_folder import RunFolder
from fred_tf.experts import of_run
from trainers import train_experts


def distilled(settings, digits, experts, run_dir, steps):
    changed = config.replace(settings, {"outer_steps": steps})
    made = fred_tf.distill(
        digits, changed, experts=experts, run_dir=run_dir, progress=False
    )
    return made.run.parameterization.get_weights()


@pytest.fixture
def grown(quick_tm, quick_experts, tmp_path):
    """The store with more experts, as a run may find it later."""
    folder = tmp_path / "grown"
    shutil.copytree(quick_experts, folder)
    more = quick_tm.experts.count + 2
    train_experts.run(config.replace(quick_tm, {"experts.count": more}), folder)
    return folder


def test_a_store_that_has_grown_changes_no_run(
    quick_tm, quick_experts, grown, digits, tmp_path
):
    whole = distilled(quick_tm, digits, quick_experts, tmp_path / "whole", 6)
    distilled(quick_tm, digits, quick_experts, tmp_path / "parts", 2)
    parts = distilled(quick_tm, digits, grown, tmp_path / "parts", 6)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_experts_are_refused(quick_tm, quick_experts, digits, tmp_path):
    other = tmp_path / "other"
    train_experts.run(config.replace(quick_tm, {"seed": 7}), other)
    run_dir = tmp_path / "run"
    distilled(quick_tm, digits, quick_experts, run_dir, 1)
    with pytest.raises(ValueError, match="lacks .* of the .* states. Give the"):
        distilled(quick_tm, digits, other, run_dir, 2)


def test_a_run_of_before_goes_on_with_what_there_is(
    quick_tm, quick_experts, digits, tmp_path, caplog
):
    distilled(quick_tm, digits, quick_experts, tmp_path, 1)
    stated = tmp_path / of_run.NAME
    before = stated.read_text()
    assert of_run.NAME not in caplog.text
    stated.unlink()
    with caplog.at_level("WARNING", logger="absl"):
        distilled(quick_tm, digits, quick_experts, tmp_path, 2)
    assert f"{stated} is missing" in caplog.text
    assert stated.read_text() == before
    assert RunFolder.read(tmp_path).identity["outer_steps"] == 2


def test_a_damaged_expert_is_refused_before_the_first_step(
    quick_tm, quick_experts, digits, tmp_path
):
    """Whichever it is, and in words; TensorFlow says it in a step's midst."""
    folder = tmp_path / "damaged"
    shutil.copytree(quick_experts, folder)
    path = sorted(folder.glob("*.npy"))[-1]
    flipped = bytearray(path.read_bytes())
    flipped[-5] ^= 1
    path.write_bytes(flipped)
    message = f"{path.name}, is damaged: its SHA-256"
    with pytest.raises(ValueError, match=message):
        distilled(quick_tm, digits, folder, tmp_path / "run", 1)
    assert not list((tmp_path / "run").glob("checkpoints/*"))


@pytest.mark.parametrize("wrong", ['{"trajectories": 3}', "[]", '{"kind": 1}'])
def test_a_damaged_statement_is_named(
    quick_tm, quick_experts, digits, tmp_path, wrong
):
    distilled(quick_tm, digits, quick_experts, tmp_path, 1)
    (tmp_path / of_run.NAME).write_text(wrong)
    message = f"{of_run.NAME}.* begin anew in another --run_dir"
    with pytest.raises(ValueError, match=message):
        distilled(quick_tm, digits, quick_experts, tmp_path, 2)
