"""What one cell of a sweep is made with."""

import pytest

from fred_tf import config
from fred_tf.distillation.interruption import Interruption
from trainers.sweep import making


@pytest.mark.parametrize(
    ("objective", "given"),
    [("trajectory_matching", "store"), ("distribution_matching", None)],
)
def test_experts_serve_the_cells_that_match_them(
    tmp_path, quick_tm, monkeypatch, objective, given
):
    """One axis may have objectives of both kinds."""

    def run(settings, folder, data_dir, expert_dir, *_, **__):
        assert expert_dir == given
        raise InterruptedError

    monkeypatch.setattr(making.distill, "run", run)
    cell = config.override(quick_tm, [f"objective.name={objective}"])
    with pytest.raises(InterruptedError):
        making.make(cell, tmp_path, {}, None, "store", False, Interruption())
