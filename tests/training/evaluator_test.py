import dataclasses

import numpy as np
import pytest

from fred_tf.augmentations import SiameseAugmentation
from fred_tf.coresets import random_set
from fred_tf.networks import ConvNet, Functional
from fred_tf.training.evaluation import Evaluation
from fred_tf.training.evaluator import Evaluator


@pytest.fixture
def network():
    return Functional(
        ConvNet((8, 8, 1), 10, ConvNet.Settings(width=16, depth=2))
    )


def _evaluator(network, digits, **settings) -> Evaluator:
    return Evaluator(
        network,
        SiameseAugmentation(),
        digits.test,
        Evaluator.Settings(**settings),
    )


def test_scores_real_images_and_repeats_exactly(network, digits):
    evaluator = _evaluator(network, digits, epochs=40)
    chosen = random_set(digits, ipc=2, seed=0)
    first = evaluator(chosen, [0, 1])
    assert first == evaluator(chosen, [0, 1])
    assert first.accuracies[0] != first.accuracies[1]
    assert 0.25 < first.mean < 0.95
    assert first.learning_rate == 0.01


def test_protocol_has_one_drop_and_one_more_pass(network, digits, monkeypatch):
    evaluator = _evaluator(network, digits, learning_rate=0.02)
    calls = []

    def passes(state, images, labels, seed, first, count, rate, views):
        velocity = max(float(np.abs(v).max()) for v in state[1])
        calls.append((first, count, rate, velocity))
        return state[0], [v + 1 for v in state[1]], state[2]

    monkeypatch.setattr(evaluator.training, "passes", passes)
    evaluator(random_set(digits, 1, 0), [0])
    # Passes 0 to 501 at the full rate, 502 to 1,000 at a tenth.
    numbers = [first + i for first, count, _, _ in calls for i in range(count)]
    assert numbers == list(range(1001))
    full = [call for call in calls if call[0] < 502]
    low = calls[len(full) :]
    assert full[-1][0] + full[-1][1] == 502
    assert {rate for _, _, rate, _ in full} == {0.02}
    assert {rate for _, _, rate, _ in low} == {0.02 * 0.1}
    # Velocities are zero where a rate begins, and are kept within it.
    for part in (full, low):
        assert [v for *_, v in part] == list(range(len(part)))


def test_passes_see_one_of_the_views_where_asked(network, digits, monkeypatch):
    seen = []

    def passes(state, images, labels, seed, first, count, rate, views):
        seen.append(views)
        return state

    chosen = random_set(digits, ipc=4, seed=0)
    grouped = dataclasses.replace(chosen, views=2)
    for asked in ("all", "one"):
        evaluator = _evaluator(network, digits, epochs=1, views=asked)
        monkeypatch.setattr(evaluator.training, "passes", passes)
        evaluator.train(chosen, 0)
        evaluator.train(grouped, 0)
    assert seen == [1, 1, 1, 2]


def test_learned_learning_rate_is_the_default(network, digits, monkeypatch):
    evaluator = _evaluator(network, digits, epochs=1)
    monkeypatch.setattr(evaluator, "train", lambda *_: None)
    monkeypatch.setattr(evaluator, "score", lambda *_: 0.5)
    chosen = dataclasses.replace(
        random_set(digits, 1, 0), student_learning_rate=0.03
    )
    assert evaluator(chosen, [0]).learning_rate == 0.03


def test_deviation_is_the_population_one():
    result = Evaluation((0.5, 0.7), 0.01)
    assert result.mean == pytest.approx(0.6)
    assert result.deviation == pytest.approx(0.1)
    assert str(result) == "60.0 +- 10.0 %"
    assert result.cell == "60.0 ± 10.0"


def test_one_network_has_no_spread():
    alone = Evaluation((0.6,), 0.01)
    assert (str(alone), alone.cell) == ("60.0 %", "60.0")
    assert Evaluation((0.6, 0.6), 0.01).cell == "60.0 ± 0.0"


def test_corrupted_sets_have_evaluations_of_their_own():
    result = Evaluation((0.5, 0.7), 0.01, {"fog": [0.25, 0.35]})
    assert str(result.corruptions["fog"]) == "30.0 +- 5.0 %"
    assert result.to_json()["corrupted"] == {"fog": [0.25, 0.35]}


def test_losses_and_targets_are_those_of_the_labels(network, digits):
    """Networks regress on scores unless told otherwise; on others if told."""
    hard = np.int32([3, 0])
    one_hot = np.eye(10, dtype=np.float32)[hard]
    scores = np.random.default_rng(0).normal(size=(2, 10))
    cases = {
        ("usual", None): ("cross_entropy", hard),
        ("usual", "probabilities"): ("cross_entropy", one_hot),
        ("usual", "scores"): ("squared", scores),
        # Of scores that are no probabilities, the classes are left.
        ("cross_entropy", "scores"): ("cross_entropy", hard),
        ("squared", None): ("squared", one_hot - 0.1),
        ("squared", "probabilities"): ("squared", one_hot - 0.1),
        ("squared", "scores"): ("squared", scores),
    }
    soft = {None: None, "probabilities": one_hot, "scores": scores}
    for (loss, kind), (lowered, wanted) in cases.items():
        evaluator = _evaluator(network, digits, loss=loss)
        assert evaluator.training_for(kind).loss == lowered
        found = evaluator.targets(hard, soft[kind], kind)
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_cosine_warms_up_and_falls_to_a_hundredth(network, digits):
    evaluator = _evaluator(
        network, digits, schedule="cosine", epochs=1499, warm_up_epochs=500
    )
    assert evaluator.phases == ((1500, 1.0),)
    factor = evaluator.training.factor
    for number, wanted in (
        (0, 1 / 501),
        (250, 251 / 501),
        (500, 1.0),
        (1000, 0.505),
        (1500, 0.01),
    ):
        np.testing.assert_allclose(factor(number), wanted, atol=1e-4)


def test_a_warm_up_ends_before_the_training(network, digits):
    """As FRePo's 500 epochs do not where `epochs` alone is overridden."""
    how = {"schedule": "cosine", "epochs": 300}
    _evaluator(network, digits, warm_up_epochs=299, **how)
    _evaluator(network, digits, **{**how, "schedule": "drop"})
    with pytest.raises(ValueError, match="warm_up_epochs` 500 of 300 .*Lower"):
        _evaluator(network, digits, warm_up_epochs=500, **how)


def test_two_drops_keep_velocities(network, digits, monkeypatch):
    evaluator = _evaluator(
        network, digits, schedule="two_drops", epochs=12, learning_rate=0.5
    )
    assert evaluator.phases == ((8, 1.0), (2, 0.2), (2, 0.04))
    calls = []

    def passes(state, images, labels, seed, first, count, rate, views):
        velocity = max(float(np.abs(v).max()) for v in state[1])
        calls.append((first, count, pytest.approx(rate), velocity))
        return state[0], [v + 1 for v in state[1]], state[2]

    monkeypatch.setattr(evaluator.training, "passes", passes)
    evaluator(random_set(digits, 1, 0), [0])
    assert calls == [(0, 8, 0.5, 0), (8, 2, 0.1, 1), (10, 2, 0.02, 2)]


def test_its_augmentation_replaces_that_of_the_run(network, digits):
    evaluator = _evaluator(network, digits, augmentation="color+crop")
    assert evaluator.training.augmentation.strategy == "color+crop"
    assert _evaluator(network, digits).training.augmentation == (
        SiameseAugmentation()
    )
    assert Evaluator.Settings(augmentation="color+crop").sized(
        (4, 4, 4, 1)
    ) == Evaluator.Settings(augmentation="crop")
    with pytest.raises(ValueError, match="Did you mean 'crop'"):
        Evaluator.Settings(augmentation="crop+corp")


def test_defaults_are_not_stated_so_that_old_records_continue():
    stated = Evaluator.Settings().to_json()
    assert not {"augmentation", "cutmix"} & set(stated)


def test_cutmix_trains_on_mixtures_and_repeats(network, digits):
    chosen = random_set(digits, 1, 0)
    trained = [
        _evaluator(
            network, digits, epochs=2, cutmix=share, augmentation="crop"
        ).train(chosen, 0)
        for share in (0.0, 1.0, 1.0)
    ]
    plain, mixed, again = (network.flatten(state[0]) for state in trained)
    np.testing.assert_array_equal(mixed, again)
    assert np.abs(plain - mixed).max() > 1e-4


def test_cutmix_of_one_class_is_refused(digits):
    one = Functional(ConvNet((8, 8, 1), 1, ConvNet.Settings(width=4, depth=1)))
    with pytest.raises(ValueError, match="several classes. Received: 0.5 with"):
        _evaluator(one, digits, cutmix=0.5)


def test_sets_with_scores_are_trained_by_their_squared_error(network, digits):
    chosen = random_set(digits, 1, 0)
    centred = np.eye(10)[chosen.labels] - 0.1
    with_scores = dataclasses.replace(
        chosen, soft_labels=centred, label_kind="scores"
    )
    how = {"optimizer": "adam", "schedule": "cosine", "augmentation": "crop"}
    evaluator = _evaluator(network, digits, epochs=1, **how)
    squared = _evaluator(network, digits, epochs=1, loss="squared", **how)
    for of_scores, of_classes in zip(
        evaluator.train(with_scores, 0)[0], squared.train(chosen, 0)[0]
    ):
        np.testing.assert_allclose(of_scores, of_classes, atol=1e-6)
