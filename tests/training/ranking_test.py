import math

import pytest

from fred_tf.training.ranking import (
    augmentation_robust_score,
    label_robust_score,
)


def test_the_worked_value():
    """IOR 0.30 and HLR 0.40 give 24.8 %."""
    score = label_robust_score(distilled=0.45, random=0.15, full=0.85)
    assert score == pytest.approx(24.8, abs=0.05)


def test_augmentation_robust_score_by_hand():
    score = augmentation_robust_score(0.5, 0.2, 0.3, 0.2)
    expected = (math.exp(0.2) - 1 / math.e) / (math.e - 1 / math.e)
    assert score == pytest.approx(100 * expected)


def test_weights_choose_a_side():
    assert label_robust_score(0.5, 0.2, 0.8, weight=1.0) == pytest.approx(
        100 * (math.exp(0.3) - 1 / math.e) / (math.e - 1 / math.e)
    )


def test_refuses_per_cent():
    with pytest.raises(ValueError, match="not in per cent. Received: 45"):
        label_robust_score(45, 0.2, 0.8)
