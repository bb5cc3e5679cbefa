"""A start that failed leaves nothing that refuses the corrected command."""

import pytest

from fred_tf import config
from fred_tf.chosen_images import feature_network
from fred_tf.disk import records
from trainers import distill, select_coreset
from trainers.sweep import __main__ as sweep
from trainers.sweep import making
from trainers.sweep.grid import cells


@pytest.mark.parametrize("experts", [None, "nowhere"])
def test_of_a_run(experts, quick, quick_tm, tmp_path):
    with pytest.raises((ValueError, FileNotFoundError), match="train_experts"):
        distill.run(
            quick_tm, tmp_path, expert_dir=experts and tmp_path / experts
        )
    assert (tmp_path / "config.json").exists()
    corrected = config.replace(quick, {"outer_steps": 0, "seed": 3})
    assert distill.run(corrected, tmp_path).config == corrected
    # From here on it is this run.
    with pytest.raises(ValueError, match="`seed` is 3 there, 4 is asked for"):
        distill.run(config.replace(corrected, {"seed": 4}), tmp_path)


def test_of_a_coreset(quick, tmp_path, monkeypatch):
    def fail(*_):
        raise ValueError("features cannot be had")

    with monkeypatch.context() as patch:
        patch.setattr(feature_network, "features", fail)
        with pytest.raises(ValueError, match="cannot be had"):
            select_coreset.run(quick, tmp_path, "herding")
    assert (tmp_path / "coreset.json").exists()
    select_coreset.run(quick, tmp_path, "random")
    with pytest.raises(ValueError, match="`seed` is 0 there, 1 is asked for"):
        other = config.replace(quick, {"seed": 1})
        select_coreset.run(other, tmp_path, "random")


def test_of_a_cell(quick, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("No space left on device")

    grid = cells([], ["one: outer_steps=0"])
    more = config.replace(quick, {"ipc": 2})
    with monkeypatch.context() as patch:
        patch.setattr(making.distill, "run", fail)
        assert sweep.run(more, grid, tmp_path).failed
    (record,) = tmp_path.glob(f"*/{making.RECORD}")
    assert records.read(record, making.KIND)["failed"]
    assert not sweep.run(quick, grid, tmp_path).failed
    with pytest.raises(ValueError, match="`seed` is 0 there, 1 is asked for"):
        sweep.run(config.replace(quick, {"seed": 1}), grid, tmp_path)
