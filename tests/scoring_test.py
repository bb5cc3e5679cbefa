"""Evaluations continue, and are never replaced by others."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from fred_tf import config, datasets, presets, scoring
from fred_tf.coresets import random_set
from fred_tf.datasets import Split
from fred_tf.disk import evaluation_files, records
from fred_tf.normalizations import Standardize
from fred_tf.scoring import score
from fred_tf.training.evaluator import Evaluator

DM = config.replace(
    presets.preset("digits_ipc1_dm_tiny"),
    {"augmentation": "none", "network.name": "mlp"},
)
ONE = config.replace(DM, {"evaluation.networks": 1})


@pytest.fixture(scope="module")
def chosen(digits):
    return random_set(digits, 1, 0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "evaluation.json"


@pytest.fixture(scope="module")
def scored(chosen, digits, tmp_path_factory):
    """The file of an evaluation, and what it found; to be copied."""
    path = tmp_path_factory.mktemp("scored") / "evaluation.json"
    return path, score(ONE, chosen, digits, path)


@pytest.fixture
def one(scored, path):
    """Copies an evaluation to `path`, and returns what it found."""
    shutil.copy(scored[0], path)
    return scored[1]


def test_more_networks_continue_and_fewer_are_the_first(
    chosen, digits, path, monkeypatch
):
    first = score(ONE, chosen, digits, path)
    both = score(DM, chosen, digits, path)
    assert both.accuracies[0] == first.accuracies[0]
    fresh = score(DM, chosen, digits, path.with_name("fresh.json"))
    assert fresh == both
    record = records.read(path, "evaluation")
    assert record["accuracies"] == list(both.accuracies)
    assert record["mean"] == pytest.approx(both.mean)
    assert record["data"] == digits.facts.to_json()
    assert record["details"] == json.loads(json.dumps(dict(chosen.details)))
    monkeypatch.setattr(Evaluator, "train", None)
    before = path.stat().st_mtime_ns
    assert score(ONE, chosen, digits, path) == first
    assert score(DM, chosen, digits, path) == both
    assert path.stat().st_mtime_ns == before


def test_a_killed_evaluation_keeps_its_finished_networks(
    chosen, digits, path, monkeypatch
):
    train, trained = Evaluator.train, []

    def train_and_die(self, synthetic_set, seed):
        if trained:
            raise KeyboardInterrupt
        trained.append(train(self, synthetic_set, seed))
        return trained[-1]

    with monkeypatch.context() as patch:
        patch.setattr(Evaluator, "train", train_and_die)
        with pytest.raises(KeyboardInterrupt):
            score(DM, chosen, digits, path)
    assert len(records.read(path, "evaluation")["accuracies"]) == 1
    again = score(DM, chosen, digits, path)
    assert again == score(DM, chosen, digits, path.with_name("whole.json"))


def test_what_another_process_adds_meanwhile_stays(
    chosen, digits, path, monkeypatch
):
    train, seeds, other = Evaluator.train, [], path.with_name("other.json")
    three = config.replace(DM, {"evaluation.networks": 3})
    score(DM, chosen, digits, other)  # Two of them.
    whole = score(three, chosen, digits, path.with_name("whole.json"))

    def train_beside(self, synthetic_set, seed):
        if not seeds:
            shutil.copy(other, path)
        seeds.append(seed)
        return train(self, synthetic_set, seed)

    monkeypatch.setattr(Evaluator, "train", train_beside)
    assert score(three, chosen, digits, path) == whole
    assert seeds == [scoring.network_seed(DM, number) for number in (0, 2)]
    assert records.read(path)["accuracies"] == list(whole.accuracies)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluation.epochs": 9}, r"`evaluation.epochs` is \d+ there, 9 is"),
        ({"network.name": "lenet"}, "`network.name` is 'mlp' there, 'lenet'"),
        ({"augmentation": "flip"}, "`augmentation` is 'none' there, 'flip'"),
        ({"seed": 1}, "`seed` is 0 there, 1 is asked for"),
        ({"convolutions": "bfloat16"}, "`convolutions` is 'float32' there"),
        ({"norm_layout": "pieces"}, "`norm_layout` is .*'pieces' is asked for"),
    ],
)
def test_other_settings_are_refused(
    chosen, digits, path, one, changes, message
):
    before = path.read_bytes()
    other = config.replace(ONE, changes)
    with pytest.raises(
        ValueError, match=rf"{path} .*{message}.*Give .*name.*--name.*delete"
    ):
        score(other, chosen, digits, path)
    assert path.read_bytes() == before


def test_another_set_is_refused(chosen, digits, path, one):
    soft = np.full((10, 10), 0.1, np.float32)
    for other, name in (
        (random_set(digits, 1, 1), "set"),
        (dataclasses.replace(chosen, student_learning_rate=0.5), "student_lea"),
        (dataclasses.replace(chosen, soft_labels=soft), "targets"),
    ):
        with pytest.raises(ValueError, match=f"`{name}"):
            score(ONE, other, digits, path)
    # What is told of a set makes it no other.
    told = dataclasses.replace(chosen, details={"told": 1})
    score(ONE, told, digits, path)


@pytest.mark.parametrize("split", ["train", "test"])
def test_other_images_are_refused(chosen, digits, path, one, split):
    images = getattr(digits, split)
    darker = Split(images.images // 2, images.labels)
    other = dataclasses.replace(digits, **{split: darker})
    with pytest.raises(ValueError, match=f"`data.{split}` is "):
        score(ONE, chosen, other, path)


def test_an_evaluation_without_a_version_is_refused(chosen, digits, path):
    path.write_text('{"identity": {}, "accuracies": [0.5], "mean": 0.5}')
    with pytest.raises(ValueError, match="must be 4 .* Received: absent") as e:
        score(ONE, chosen, digits, path)
    assert "\n" not in str(e.value)


def test_corrupted_sets_are_scored_by_the_same_networks(
    chosen, digits, path, scored
):
    clean = scored[1]
    black = Split(np.zeros_like(digits.test.images), digits.test.labels)
    sets = {"same": digits.test, "black": black}
    first = score(ONE, chosen, digits, path, sets)
    assert first.accuracies == clean.accuracies
    assert tuple(first.corrupted["same"]) == clean.accuracies
    # All images alike: one class is hit.
    assert 0.05 < first.corrupted["black"][0] < 0.15
    # The second network is added to the first's figures.
    both = score(DM, chosen, digits, path, sets)
    assert both.corrupted["black"][0] == first.corrupted["black"][0]
    assert len(both.corrupted["same"]) == 2
    written = records.read(path, "evaluation")["corrupted"]
    assert written["same"] == list(both.corrupted["same"])
    again = score(ONE, chosen, digits, path, sets)
    assert again.corrupted["black"] == tuple(first.corrupted["black"])
    for other, facts, message in (
        ({"same": digits.test}, None, "`corrupted.black.images` is 364 there"),
        (sets, {"severity": 3}, "`severity` is absent there, 3 is"),
    ):
        with pytest.raises(ValueError, match=message):
            score(DM, chosen, digits, path, other, facts)


def test_the_curve_is_not_what_is_measured(chosen, digits, tmp_path, path, one):
    shutil.copy(path, evaluation_files.curve_path(tmp_path, 2))
    named = tmp_path / "evaluation_steps.json"
    score(config.replace(ONE, {"seed": 1}), chosen, digits, named)
    score(ONE, random_set(digits, 1, 1), digits, tmp_path / "evaluation_o.json")
    # The own networks once more, on other images, too.
    other = {"other": digits.train}
    score(ONE, chosen, digits, tmp_path / "evaluation_other.json", other)
    first, _ = scoring.measured(tmp_path, chosen, digits.facts)
    assert first["accuracies"] == list(one.accuracies)
    assert first["network"]["name"] == "mlp" and "networks" not in first


def relabelled(split):
    """Returns a split whose labels were corrected."""
    return Split(split.images, (split.labels + 1) % 10)


def test_only_what_is_measured_on_the_own_split_counts(
    chosen, digits, tmp_path, path, one
):
    """Not on a holdout, corrected labels, or for another set."""
    own = path.rename(tmp_path / "own")
    corrected = dataclasses.replace(digits, test=relabelled(digits.test))
    soft = np.eye(10, dtype=np.float32)[chosen.labels]
    others = {
        "held": (chosen, datasets.load("digits", holdout=0.5)),
        "corrected": (chosen, corrected),
        "rate": (dataclasses.replace(chosen, student_learning_rate=1), digits),
        "soft": (dataclasses.replace(chosen, soft_labels=soft), digits),
    }
    for name, (scored, data) in others.items():
        score(ONE, scored, data, tmp_path / f"evaluation_{name}.json")
    assert not scoring.measured(tmp_path, chosen, digits.facts)
    own.rename(path)
    (found,) = scoring.measured(tmp_path, chosen, digits.facts)
    assert found["accuracies"] == list(one.accuracies)
    (found,) = scoring.measured(tmp_path, chosen, corrected.facts)
    assert found["mean"] != one.mean
    unknown = dataclasses.replace(digits.facts, test=None)
    assert not scoring.measured(tmp_path, chosen, unknown)


def test_corrected_labels_are_scored_anew(
    chosen, digits, path, one, monkeypatch
):
    """The test images stay the same, and so do their names and number."""
    corrected = dataclasses.replace(digits, test=relabelled(digits.test))
    with monkeypatch.context() as patch:
        patch.setattr(Evaluator, "train", None)
        with pytest.raises(ValueError, match="`data.test` is .*--name"):
            score(ONE, chosen, corrected, path)
    after = score(ONE, chosen, corrected, path.with_name("b.json")).mean
    assert after < one.mean
    # The same in corrupted images.
    sets, others = {"a": digits.test}, {"a": corrected.test}
    score(ONE, chosen, digits, path.with_name("c.json"), sets)
    with pytest.raises(ValueError, match="`corrupted.a.test` is "):
        score(ONE, chosen, digits, path.with_name("c.json"), others)


def test_a_set_is_scored_on_its_own_classes(chosen, digits, path, scored):
    names = tuple("abcdefghij")
    renamed = dataclasses.replace(digits, class_names=names)
    turned = dataclasses.replace(digits, class_names=digits.class_names[::-1])
    for data, theirs in ((renamed, "a, b, c"), (turned, "9, 8, 7")):
        with pytest.raises(ValueError, match=f"0, 1, 2.*Received: {theirs}"):
            score(ONE, chosen, data, path)
    few = dataclasses.replace(
        digits,
        class_names=digits.class_names[:9],
        train=without(digits.train, 9),
        test=without(digits.test, 9),
    )
    with pytest.raises(ValueError, match="0, 1.*9. Received: 0.*8 in 'digits'"):
        score(ONE, chosen, few, path)
    assert not path.exists()
    # A copy in a folder has another name, and other normalisation.
    copy = dataclasses.replace(
        digits, dataset="folder:copy", normalization=Standardize((0.0,), (1.0,))
    )
    assert score(ONE, chosen, copy, path) == scored[1]


def without(split, label):
    rows = split.labels != label
    return Split(split.images[rows], split.labels[rows])


def test_other_shapes_are_refused(chosen, digits, path):
    wide = Split(digits.test.images[:, :4], digits.test.labels)
    for corrupted, message in (
        ({"fog": wide}, r"\(8, 8, 1\) .* Received: \(4, 8, 1\) .* in 'fog'"),
        (
            {"fog": Split(digits.test.images, digits.test.labels + 1)},
            r"\[0, 10\).*Received: 10 in 'fog'",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            score(ONE, chosen, digits, path, corrupted)
    wide_set = dataclasses.replace(chosen, images=chosen.images[:, :4])
    with pytest.raises(
        ValueError, match=r"\(4, 8, 1\) .* Received: \(8, 8, 1\)"
    ):
        score(ONE, wide_set, digits, path)


def test_another_normalisation_of_a_set_is_another_set(
    chosen, digits, path, one
):
    """Test images are normalised as the set is."""
    other = dataclasses.replace(
        chosen, normalization=Standardize((0.0,), (1.0,))
    )
    with pytest.raises(ValueError, match="`normalization.mean` is"):
        score(ONE, other, digits, path)


def test_the_record_says_how_many_classes_were_tested(chosen, digits, path):
    fewer = dataclasses.replace(digits, test=without(digits.test, 3))
    score(ONE, chosen, fewer, path)
    assert records.read(path, "evaluation")["tested_classes"] == 9


@pytest.fixture(scope="module")
def corrupted(chosen, digits, tmp_path_factory):
    """The file of an evaluation on other test images, too; to be copied."""
    path = tmp_path_factory.mktemp("corrupted") / "evaluation.json"
    score(ONE, chosen, digits, path, {"a": digits.test})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accuracies": [17.5]}, "`accuracies` must be a number from 0 to 1"),
        ({"accuracies": [-3]}, "`accuracies` must be a number from 0 to 1"),
        ({"accuracies": "all"}, "`accuracies` must be a list"),
        ({"corrupted": {"a": [0.5, 0.5]}}, "a number for each network"),
        ({"corrupted": {}}, "`a` must be a list"),
        ({"corrupted": [1]}, "`corrupted` must be a JSON object"),
    ],
)
def test_what_is_no_accuracy_is_not_believed(
    chosen, digits, path, corrupted, changes, message
):
    """Whoever can write a file can seal it."""
    record = {**records.read(corrupted), **changes}
    path.write_text(json.dumps(records.seal(record)))
    with pytest.raises(ValueError, match=f"{path}: .*{message}.*--name"):
        score(DM, chosen, digits, path, {"a": digits.test})
    if "accuracies" in changes:
        with pytest.raises(ValueError, match=f"{path}: {message}"):
            scoring.measured(path.parent, chosen, digits.facts)


def test_a_mean_is_that_of_the_accuracies(chosen, digits, path, one):
    record = {**records.read(path), "mean": 1.0, "deviation": 0.5}
    path.write_text(json.dumps(records.seal(record)))
    (found,) = scoring.measured(path.parent, chosen, digits.facts)
    assert (found["mean"], found["deviation"]) == (one.mean, 0)
