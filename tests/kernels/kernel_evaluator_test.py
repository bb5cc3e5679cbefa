import dataclasses

import numpy as np
import pytest

from fred_tf import assembly, config, presets
from fred_tf.kernels import FullyConnected
from fred_tf.scoring import description, score
from fred_tf.synthetic_set import SyntheticSet


@pytest.fixture(scope="module")
def real(digits):
    """20 real images of each class, as a set."""
    labels = digits.train.labels
    rows = np.concatenate([np.flatnonzero(labels == c)[:20] for c in range(10)])
    return SyntheticSet(
        digits.normalization(digits.train.images[rows]),
        labels[rows].astype(np.int32),
        digits.class_names,
        digits.normalization,
        "digits",
        0,
    )


def settings(*overrides):
    return config.override(presets.preset("digits_ipc1_kip_tiny"), overrides)


def by_numpy(digits, real, scores):
    kernel = FullyConnected((8, 8, 1))
    seed = np.zeros(2, np.int32)
    ours = kernel.represent(real.images, seed)
    theirs = kernel.represent(digits.normalization(digits.scored.images), seed)
    inner = kernel.between(ours).numpy()
    ridge = 1e-6 * np.trace(inner) / len(inner) * np.eye(len(inner))
    weights = np.linalg.solve(inner + ridge, scores)
    found = (kernel.between(theirs, ours).numpy() @ weights).argmax(1)
    return float((found == digits.scored.labels).mean())


def test_equals_regression_by_numpy(digits, real, generator):
    hard = np.eye(10)[real.labels] - 0.1
    (accuracy,) = score(settings(), real, digits).accuracies
    assert accuracy == by_numpy(digits, real, hard) > 0.8
    scores = (hard + generator.normal(size=hard.shape)).astype(np.float32)
    noisy = dataclasses.replace(real, soft_labels=scores, label_kind="scores")
    (accuracy,) = score(settings(), noisy, digits).accuracies
    assert accuracy == by_numpy(digits, real, scores.astype(np.float64))
    soft = dataclasses.replace(real, soft_labels=np.eye(10)[real.labels])
    assert score(settings(), soft, digits).mean == by_numpy(digits, real, hard)


def test_solved_labels_are_those_of_all_training_images(digits, real):
    """Labels of the set do not matter, and fewer images lose less by it."""
    solving = settings("evaluation.by=label_solve")
    few = dataclasses.replace(
        real, images=real.images[::4], labels=real.labels[::4]
    )
    solved = score(solving, few, digits).mean
    shuffled = dataclasses.replace(few, labels=few.labels[::-1])
    assert score(solving, shuffled, digits).mean == solved
    assert solved > score(settings(), few, digits).mean


def test_random_kernels_differ_by_seed(digits, real):
    random = settings(
        "kernel=random_features",
        "objective.width=8",
        "objective.depth=2",
        "objective.networks=2",
        "regularization=5e-3",
        "evaluation.networks=2",
    )
    first, second = score(random, real, digits).accuracies
    assert first != second
    assert score(random, real, digits).accuracies == (first, second)


def test_a_singular_kernel_is_one_clear_line(digits, real):
    twice = dataclasses.replace(real, images=np.repeat(real.images[::2], 2, 0))
    with pytest.raises(ValueError, match="Raise `regularization`"):
        score(settings("regularization=0"), twice, digits)


def test_the_record_tells_the_kernel(real):
    told = description(settings(), real)["identity"]["kernel"]
    assert (told["kernel"], told["depth"]) == ("fully_connected", 1)
    by_networks = settings("evaluation.by=networks")
    assert "kernel" not in description(by_networks, real)["identity"]


def test_other_sets_are_scored_by_the_usual_kernel(digits, real):
    other = config.override(
        presets.preset("digits_ipc1_dm_tiny"), ["evaluation.by=kernel"]
    )
    found = score(other, real, digits).accuracies
    assert len(set(found)) == 1
    assert found[:1] == score(settings(), real, digits).accuracies
    assert assembly.evaluator(other, digits).rate_for(real) == 0
