"""A ranking compares networks that were trained alike, with hard labels."""

import dataclasses
import json
import types

import numpy as np
import pytest

from fred_tf import assembly, config, presets
from fred_tf.coresets import random_set
from fred_tf.datasets import Split
from fred_tf.disk import records
from fred_tf.distilled_run import DistilledRun
from fred_tf.training.evaluation import Evaluation
from trainers import rank, within_bytes


@pytest.fixture(scope="module")
def chosen(digits):
    return random_set(digits, 1, 1)


@pytest.fixture
def scored(monkeypatch):
    """Nothing is trained here: settings and sets by the names of files."""
    scored = {}

    def score(settings, synthetic_set, data, path):
        scored[path.stem] = settings, synthetic_set
        return Evaluation((0.5,), 0.01)

    monkeypatch.setattr(rank, "score", score)
    return scored


@pytest.mark.parametrize("accuracy", [float("nan"), -0.1, 1.5, float("inf")])
def test_no_network_is_trained_for_an_accuracy_that_is_none(
    accuracy, scored, digits, chosen, quick, tmp_path
):
    with pytest.raises(ValueError, match="`full_accuracy` must be"):
        rank.run(
            quick, chosen, digits, tmp_path, [0.01], full_accuracy=accuracy
        )
    assert not scored


def test_ranking_trains_what_it_needs_once(digits, chosen, quick, tmp_path):
    two = config.replace(quick, {"evaluation.networks": 2})
    arguments = (two, chosen, digits, tmp_path, [0.01, 0.1])
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
    few = rank.run(quick, *arguments[1:], full_accuracy=0.9)
    assert few["random"] != best and records.read(path, "ranking") == record
    before = path.read_bytes()
    for changes, other, message in (
        ({}, random_set(digits, 1, 2), "`set` is"),
        ({"evaluation.epochs": 9}, chosen, "`evaluation.epochs` is"),
    ):
        changed = config.replace(two, changes), other, *arguments[2:]
        with pytest.raises(ValueError, match=f"{message} .*Delete .* anew"):
            rank.run(*changed, full_accuracy=0.9)
    with pytest.raises(ValueError, match="`full_accuracy` is 0.9 there, 0.8"):
        rank.run(*arguments, full_accuracy=0.8)
    labels = (digits.test.labels + 1) % 10
    corrected = Split(digits.test.images, labels)
    other = two, chosen, dataclasses.replace(digits, test=corrected)
    with pytest.raises(ValueError, match="`data.test` is .*Delete .* anew"):
        rank.run(*other, *arguments[3:], full_accuracy=0.9)
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["probabilities", "scores"])
def test_soft_labels_count_by_their_likeliest_class(
    digits, chosen, quick, tmp_path, scored, kind
):
    """Hard labels stand beside them, and what was ranked by soft ones stays."""
    likeliest = (chosen.labels + 1) % 10
    soft = np.full((10, 10), 0.05, np.float32)
    soft[np.arange(10), likeliest] = 0.55
    taught = dataclasses.replace(chosen, soft_labels=soft, label_kind=kind)
    rank.run(quick, taught, digits, tmp_path, [0.01], full_accuracy=0.9)
    for name in ("distilled", "distilled_plain"):
        trained = scored[name][1]
        assert trained.kind_of_soft_labels is None
        np.testing.assert_array_equal(trained.targets, likeliest)
    path = tmp_path / "ranking.json"
    record = records.read(path, "ranking")
    assert record["identity"]["labels"] == "hard"
    identity = rank.description(quick, taught)["identity"]
    earlier = {**record["identity"], **identity}
    del earlier["labels"]
    records.write(path, "ranking", earlier, record["data"], networks=1)
    with pytest.raises(ValueError, match="`labels` is absent there, 'hard'"):
        rank.run(quick, taught, digits, tmp_path, [0.01], full_accuracy=0.9)


def test_the_whole_split_is_trained_by_the_usual_schedule(
    digits, chosen, quick, tmp_path, scored
):
    of_method = {
        "optimizer": "adam",
        "schedule": "cosine",
        "warm_up_epochs": 500,
        "loss": "squared",
        "cutmix": 0.5,
        "batch_size": 64,
        "momentum": 0.5,
        "weight_decay": 0.0,
        "views": "one",
        "epochs": 1000,
        "learning_rate": 3e-4,
        "augmentation": "flip",
        "networks": 3,
    }
    changes = {f"evaluation.{name}": v for name, v in of_method.items()}
    special = config.replace(quick, changes)
    rank.run(special, chosen, digits, tmp_path, [0.01], full_epochs=20)
    usual = type(quick.evaluation)(
        networks=3, epochs=20, learning_rate=0.01, augmentation="flip"
    )
    assert scored["full"][0] == dataclasses.replace(special, evaluation=usual)
    # Sets and chance are trained alike.
    assert scored["distilled"][0] == special
    own = config.replace(special, {"evaluation.learning_rate": 0.01})
    assert scored["random_0.01"][0] == own
    record = records.read(tmp_path / "ranking.json", "ranking")
    assert record["identity"]["full"]["evaluation.optimizer"] == "sgd"
    assert "evaluation.augmentation" not in record["identity"]["full"]


def test_where_nothing_is_special_earlier_rankings_go_on(
    digits, chosen, quick, tmp_path, scored
):
    rank.run(quick, chosen, digits, tmp_path, [0.01], full_epochs=20)
    record = records.read(tmp_path / "ranking.json", "ranking")
    assert not {"labels", "full"} & record["identity"].keys()


def test_a_kernel_has_no_ranking(tmp_path, chosen, monkeypatch, call):
    """Which is said before data are read."""
    by_kernel = presets.preset("digits_ipc1_kip_tiny")
    with pytest.raises(ValueError, match="Received: 'kernel'. Give --override"):
        rank.run(by_kernel, chosen, None, tmp_path, [0.01])
    run = types.SimpleNamespace(config=by_kernel)
    monkeypatch.setattr(DistilledRun, "restore", lambda _: run)
    monkeypatch.setattr(assembly, "load_data", None)
    code, _, errors = call("trainers.rank", f"--run_dir={tmp_path}")
    assert code == 1 and "--override evaluation.by=networks" in errors


@pytest.mark.parametrize(
    ("program", "others"),
    [
        ("trainers.rank", []),
        ("trainers.evaluate", []),
        ("trainers.evaluate", ["--preset=digits_ipc1_dm_tiny"]),
    ],
)
def test_settings_of_the_run_are_made(
    program, others, tmp_path, monkeypatch, call
):
    """An evaluation does not look at them, which is said before data are."""
    run = types.SimpleNamespace(config=presets.preset("digits_ipc1_dm_tiny"))
    monkeypatch.setattr(DistilledRun, "restore", lambda _: run)
    monkeypatch.setattr(within_bytes, "tell_of", lambda _: None)
    monkeypatch.setattr(assembly, "load_data", None)
    made = f"--run_dir={tmp_path}", "--override=outer_steps=9"
    code, _, errors = call(program, *made, *others)
    assert code == 1 and "Received: outer_steps=9. Leave out what" in errors


def test_bytes_are_no_number_of_random_images():
    coded = config.replace(
        presets.preset("digits_ipc1_dm_tiny"),
        {"parameterization.budget_bytes": 2_000, "parameterization.step": 4.0},
    )
    with pytest.raises(ValueError, match="Received: 2000. .*--stored_bytes"):
        rank.check(coded)
