"""Learned labels in 8 bits, and how far they are from what they were."""

import numpy as np
import pytest

from fred_tf.coding import labels


def softmax(values):
    shares = np.exp(values - values.max(1, keepdims=True))
    return (shares / shares.sum(1, keepdims=True)).astype(np.float32)


def read_back(soft, kind):
    levels, step = labels.quantize(soft, kind)
    assert levels.dtype == np.int8 and np.abs(levels).max() == 127
    found = labels.dequantize(levels, step, kind)
    assert found.dtype == np.float32
    # What is read is written alike.
    again, same = labels.quantize(found, kind)
    np.testing.assert_array_equal(again, levels)
    assert same == pytest.approx(step, rel=1e-3)
    return found, step


def test_scores_err_by_half_a_step(generator):
    scores = generator.normal(size=(200, 10)).astype(np.float32)
    found, step = read_back(scores, "scores")
    assert step == pytest.approx(np.abs(scores).max() / 127)
    assert np.abs(found - scores).max() <= step / 2 * 1.0001


@pytest.mark.parametrize(
    ("classes", "worst"), [(2, 1.04), (10, 1.04), (1000, 1.06)]
)
@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_probabilities_err_by_a_small_factor(classes, worst, scale, generator):
    soft = softmax(scale * generator.normal(size=(50, classes)))
    found, step = read_back(soft, "probabilities")
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    assert np.exp(step) < worst
    shown = soft > 2e-3 / classes
    factors = (found / soft)[shown]
    # The mass of what is less likely than is told moves the others, too.
    assert np.exp(-step) / 1.001 <= factors.min()
    assert factors.max() <= np.exp(step) * 1.001


def test_losses_differ_by_less_than_a_step(generator):
    """Cross-entropies of networks that do not know the labels."""
    soft = softmax(2 * generator.normal(size=(500, 10)))
    answers = np.log(softmax(generator.normal(size=(500, 10))))
    found, step = read_back(soft, "probabilities")
    losses = [-(x * answers).sum(1) for x in (soft, found)]
    assert np.abs(losses[0] - losses[1]).max() < step * losses[0].max()
    assert abs(losses[0].mean() - losses[1].mean()) < 1e-3


def test_classes_that_are_sure_stay_so():
    soft = np.eye(3, dtype=np.float32)
    found, _ = read_back(soft, "probabilities")
    np.testing.assert_allclose(found, soft, atol=1e-3)
    np.testing.assert_array_equal(found.argmax(1), [0, 1, 2])


def test_labels_that_say_nothing_are_levels_of_0():
    for kind, value in (("scores", 0.0), ("probabilities", 0.25)):
        soft = np.full((3, 4), value, np.float32)
        levels, step = labels.quantize(soft, kind)
        assert step == 1 and not levels.any()
        np.testing.assert_array_equal(
            labels.dequantize(levels, step, kind), soft
        )


def test_levels_of_others_stay_numbers():
    levels = np.array([[-128, 127, 0]], np.int8)
    for step in (1e-30, 1e30):
        for kind in ("scores", "probabilities", "others"):
            assert np.isfinite(labels.dequantize(levels, step, kind)).all()
