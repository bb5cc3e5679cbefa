"""What is printed below accuracies, as it was used."""

import numpy as np
import pytest

from fred_tf import config, presets
from fred_tf.synthetic_set import SyntheticSet
from trainers import protocol


def told(digits, *overrides, views=2):
    preset = presets.preset("digits_ipc2_haba_tiny")
    own = config.override(preset, overrides)
    decoded = SyntheticSet(
        np.zeros([20, 8, 8, 1]),
        np.repeat(np.arange(10), 2),
        digits.class_names,
        digits.normalization,
        "digits",
        640,
        views=views,
    )
    return protocol.told({"convnet": own}, decoded, digits, 0.02)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("evaluation.views=one", "4 epochs of one view of what is stored in"),
        ("evaluation.views=all", "training: 4 epochs in batches of 256, each "),
        ("convolutions=bfloat16", "computed with: convolutions in bfloat16"),
        ("norm_layout=pieces", "computed with: norm layout pieces"),
    ],
)
def test_what_is_not_usual_is_told(digits, override, line):
    assert line in told(digits, override)


def test_what_is_usual_needs_no_words(digits):
    assert "computed with" not in told(digits)


def test_views_are_told_of_sets_that_have_some(digits):
    assert "4 epochs in" in told(digits, "evaluation.views=one", views=1)
