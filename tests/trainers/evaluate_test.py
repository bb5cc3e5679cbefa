import json

import numpy as np
import pytest

from fred_tf import config, presets
from fred_tf.coresets import random_set
from fred_tf.datasets.image_data import Split
from fred_tf.scoring import score
from fred_tf.training.evaluator import Evaluation
from trainers import evaluate, rank

DM = presets.preset("digits_ipc1_dm_tiny")


def test_networks_come_with_their_own_settings():
    found = evaluate.configs(DM, ["convnet", "mlp"])
    assert found["convnet"] == DM
    assert found["mlp"].network.name == "mlp"
    assert found["mlp"].evaluation == DM.evaluation
    with pytest.raises(ValueError, match="Did you mean 'alexnet'"):
        evaluate.configs(DM, ["alexnt"])


def test_networks_that_do_not_take_the_images_are_refused_at_once():
    with pytest.raises(ValueError, match="at least .* Received: 8 x 8"):
        evaluate.configs(DM, ["convnet", "vgg11"])


def test_corrupted_sets_are_scored_by_the_same_networks(digits, tmp_path):
    chosen = random_set(digits, 1, 0)
    settings = config.replace(DM, {"evaluation.networks": 1})
    clean = score(settings, chosen, digits, tmp_path / "clean.json")
    black = Split(np.zeros_like(digits.test.images), digits.test.labels)
    sets = {"same": digits.test, "black": black}
    path = tmp_path / "both.json"
    first = score(settings, chosen, digits, path, sets)
    assert first.accuracies == clean.accuracies
    assert tuple(first.corrupted["same"]) == clean.accuracies
    # All images alike: one class is hit.
    assert 0.05 < first.corrupted["black"][0] < 0.15
    # The second network is added to the first's figures.
    both = score(DM, chosen, digits, path, sets)
    assert both.corrupted["black"][0] == first.corrupted["black"][0]
    assert len(both.corrupted["same"]) == 2
    written = json.loads(path.read_text())["corrupted"]
    assert written["same"] == list(both.corrupted["same"])


def test_other_convolutions_are_another_evaluation(digits, tmp_path):
    """Nearly equal networks, none of which continues those of the other."""
    chosen, path = random_set(digits, 1, 0), tmp_path / "evaluation.json"
    exact = score(DM, chosen, digits, path)
    found = json.loads(path.read_text())["identity"]["network"]
    assert "convolutions" not in found
    half = config.replace(DM, {"convolutions": "bfloat16"})
    rounded = score(half, chosen, digits, path)
    written = json.loads(path.read_text())
    assert written["identity"]["network"]["convolutions"] == "bfloat16"
    assert len(written["accuracies"]) == len(exact.accuracies)
    assert rounded.accuracies != exact.accuracies
    assert rounded.mean == pytest.approx(exact.mean, abs=0.05)


def test_the_table_has_the_mean_of_the_unseen():
    results = {
        "convnet": Evaluation((0.5, 0.7), 0.01, {"fog": (0.2, 0.4)}),
        "mlp": Evaluation((0.3, 0.3), 0.01, {"fog": (0.1, 0.1)}),
        "lenet": Evaluation((0.4, 0.4), 0.01, {"fog": (0.1, 0.1)}),
    }
    table = evaluate.table("convnet", results).splitlines()
    assert table[0] == "| trained | clean | fog | mean of corrupted |"
    assert "60.0 +- 10.0 % | 30.0 +- 10.0 % | 30.0" in table[2]
    assert table[-1] == "Mean of the unseen ones: 35.0 %"


def test_ranking_trains_what_it_needs_once(digits, tmp_path):
    chosen = random_set(digits, 1, 1)
    arguments = (DM, chosen, digits, tmp_path, [0.01, 0.1])
    ranking = rank.run(*arguments, full_accuracy=0.9)
    assert 0 < ranking["label_robust_score"] < 100
    best = max(
        json.loads((tmp_path / f"random_{rate}.json").read_text())["mean"]
        for rate in ("0.01", "0.1")
    )
    assert ranking["random"] == best
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob("random*")}
    assert len(before) == 4
    assert rank.run(*arguments, full_accuracy=0.9) == ranking
    assert before == {p: p.stat().st_mtime_ns for p in before}
