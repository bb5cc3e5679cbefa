"""Rows of regression on images, scored by their own and by other networks."""

from trainers.results import regression
from trainers.results.row import Row

ROWS = {"kip": Row("digits_ipc1_kip_tiny"), "unmade": Row("digits_ipc1_frepo")}


def test_rows_are_scored_both_ways():
    usual = regression.usual(ROWS)
    config = usual["kip_usual"].evaluation()
    assert usual["kip_usual"].run_of == "kip"
    assert config.evaluation.by == "networks"
    assert config.evaluation.loss == "cross_entropy"
    assert config.network.norm == "instance"


def test_a_row_without_both_scores_has_no_line():
    usual = regression.usual(ROWS)
    results = {
        "kip": {"accuracies": [0.478], "learning_rate": 0.01},
        "unmade": {"accuracies": [0.3], "learning_rate": 0.01},
    }
    assert regression.table(usual, results) == []
    results["kip_usual"] = {"accuracies": [0.25, 0.35], "learning_rate": 0.01}
    lines = regression.table(usual, results)
    assert lines[-1] == "| `kip` | 47.8 | 30.0 ± 5.0 |"
    assert "unmade" not in "".join(lines)
