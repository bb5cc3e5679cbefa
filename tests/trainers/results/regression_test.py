"""Rows of regression on images, scored by their own and by other networks."""

from fred_tf import config
from trainers.results import regression
from trainers.results.row import Row

ROWS = {"kip": Row("digits_ipc1_kip_tiny"), "unmade": Row("digits_ipc1_frepo")}


def test_rows_are_scored_both_ways():
    usual = regression.usual(ROWS)
    own = usual["kip_usual"].evaluation()
    assert usual["kip_usual"].run_of == "kip"
    assert own.evaluation.by == "networks"
    assert own.evaluation.loss == "cross_entropy"
    assert own.network.norm == "instance"


def test_a_row_without_both_scores_has_no_line():
    usual = regression.usual(ROWS)
    results = {
        "kip": {"accuracies": [0.478], "learning_rate": 0.01},
        "unmade": {"accuracies": [0.3], "learning_rate": 0.01},
    }
    assert regression.table(usual, results) == []
    results["kip_usual"] = {
        "accuracies": [0.25, 0.35],
        "learning_rate": 0.01,
        "evaluation": config.to_json(usual["kip_usual"].evaluation()),
    }
    lines = regression.table(usual, results)
    told = "2 x 300, cross entropy, not augmented"
    assert lines[-1] == f"| `kip` | 47.8 | 30.0 ± 5.0 | {told} |"
    assert "unmade" not in "".join(lines)
