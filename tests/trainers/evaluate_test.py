import json

import pytest

from fred_tf import config, presets
from fred_tf.coresets import random_set
from fred_tf.disk import records
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


def test_a_name_keeps_evaluations_beside_each_other(tmp_path):
    for arguments, name in (
        (("", ""), "evaluation"),
        (("random", "mlp", True), "evaluation_random_mlp_corrupted"),
        (("", "", False, "short"), "evaluation_short"),
        (("full", "mlp", True, "b_2"), "evaluation_full_b_2_mlp_corrupted"),
    ):
        path = evaluate.path(tmp_path, *arguments)
        assert path == tmp_path / f"{name}.json"
    for name in ("Short", "a-b", "a/b", "step000000003"):
        with pytest.raises(ValueError, match=f"`--name` must .*{name}"):
            evaluate.path(tmp_path, "", "", name=name)


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
    path = tmp_path / "ranking.json"
    record = records.read(path, "ranking")
    assert record["networks"] == 2 and record["random"] == best
    # Fewer networks are the first of these; more would be added.
    one = config.replace(DM, {"evaluation.networks": 1})
    few = rank.run(one, *arguments[1:], full_accuracy=0.9)
    assert few["random"] != best and records.read(path, "ranking") == record
    before = path.read_bytes()
    for changes, other, message in (
        ({}, random_set(digits, 1, 2), "`set` is"),
        ({"evaluation.epochs": 9}, chosen, "`evaluation.epochs` is"),
    ):
        changed = config.replace(DM, changes), other, *arguments[2:]
        with pytest.raises(ValueError, match=f"{message} .*Delete .* anew"):
            rank.run(*changed, full_accuracy=0.9)
    with pytest.raises(ValueError, match="`full_accuracy` is 0.9 there, 0.8"):
        rank.run(*arguments, full_accuracy=0.8)
    assert path.read_bytes() == before
