"""Budgets in bytes: how many images, and what is refused."""

import dataclasses

import pytest

from fred_tf import config, presets
from fred_tf.parameterizations import Frequency, byte_budget
from fred_tf.presets import fitting

DIGITS = presets.preset("digits_ipc1_dm_tiny")
MNIST = presets.preset("mnist_ipc1_dm_cpu")
SHAPE = (28, 28, 1)


def settings(**changes):
    asked = {"step": 4.0, "budget_bytes": 7_840, "mask_rule": "energy"}
    return Frequency.Settings(**{**asked, **changes})


def images(**changes) -> int:
    return Frequency.instances_within(settings(**changes), SHAPE, 10, 1)


def test_a_budget_holds_as_many_images_as_are_expected_to_fit():
    count = images()
    assert byte_budget.predicted(settings(), SHAPE, 10, count) <= 7_840
    assert byte_budget.predicted(settings(), SHAPE, 10, count + 1) > 7_840


def test_it_holds_more_where_each_takes_less():
    few = images()
    assert images(step=8.0) > few
    assert images(coefficients_per_channel=32) > few
    assert images(budget_bytes=31_360) > 4 * few  # Tables are there once.
    assert images(labels="scores") < few
    assert images(kept_share=32 / 784) == images(coefficients_per_channel=32)
    assert images(channels="joint") <= few


def test_ipc_does_not_count():
    within = Frequency.instances_within
    assert within(settings(), SHAPE, 10, 1) == within(settings(), SHAPE, 10, 50)


def test_bits_follow_from_the_step():
    """Images of white noise have this deviation in each kept coefficient."""
    _, one = byte_budget.bytes_of(settings(step=1.0), SHAPE, 10)
    _, half = byte_budget.bytes_of(settings(step=0.5), SHAPE, 10)
    assert (half - one) * 8 / 64 == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget_bytes": 900}, "hold an image of each class.*1,7.. of them"),
        ({"step": 0.01, "budget_bytes": 2_100}, "Raise it or .*step"),
        ({"coefficients_per_channel": 900}, "28 \\* 28 = 784.*900"),
    ],
)
def test_budgets_that_hold_nothing_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        images(**changes)


def test_explained_variance_needs_two_images():
    one = byte_budget.predicted(settings(), SHAPE, 10, 1)
    assert images(budget_bytes=one) == 1
    with pytest.raises(ValueError, match="hold 2 images of each class"):
        images(budget_bytes=one, mask_rule="explained_variance")
    everything = {"mask_rule": "explained_variance", "budget_bytes": 20_000}
    assert images(coefficients_per_channel=784, **everything) >= 1


BOTH = ["budget_bytes=7840", "parameterization.step=4"]


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        ([*BOTH, "ipc=2"], "`ipc` images per class or `budget_bytes`.*both"),
        (BOTH[:1], "one `parameterization.step`.*step 0"),
        ([*BOTH, "normalization=zca"], "whitening would take more.*'zca'"),
        ([*BOTH, "normalization=zca_kip"], "whitening would take more"),
        ([*BOTH, "bits=4"], "bits 4. Leave one out"),
        (["budget_bytes=9", BOTH[1]], "must hold.*Received: 9"),
        (["budget_bytes=much", BOTH[1]], "is int. Received: 'much'"),
        (["budget_bytes=1e4", BOTH[1]], "is int. Received: '1e4'"),
        *(
            ([BOTH[0], f"parameterization.name={name}"], f"Received: '{name}'")
            for name in ("pixel", "idc", "haba")
        ),
    ],
)
def test_refuses_bad_overrides(assignments, message):
    with pytest.raises(ValueError, match=message):
        config.override(MNIST, assignments)


def test_one_budget_replaces_the_other():
    changed = config.override(MNIST, BOTH)
    assert config.instances_per_class(changed, SHAPE, 10) == 20
    again = config.override(changed, ["ipc=1"])
    assert again.parameterization.budget_bytes == 0
    assert config.instances_per_class(again, SHAPE, 10) == 8
    pixels = config.override(changed, ["parameterization.name=pixel", "ipc=1"])
    assert config.instances_per_class(pixels, SHAPE, 10) == 1


def test_a_call_gives_one_budget(digits):
    with pytest.raises(ValueError, match="`ipc` 1 and `budget_bytes` 7,840"):
        presets.settled(digits, None, 1, BOTH)


def test_settings_that_become_what_data_have_stay_so(digits):
    asked = config.override(DIGITS, [*BOTH, "holdout=0.1"])
    found = fitting.fitted(asked, digits)
    count = config.instances_per_class(found, (8, 8, 1), 10)
    assert found.ipc == -(-count * 32 // 64)
    assert fitting.fitted(found, digits) == found
    assert config.from_json(config.to_json(found)) == found
    floats = config.float_bytes(found, (8, 8, 1), 10)
    assert floats == 4 * 10 * count * 32


def test_more_images_than_there_are_are_refused(digits):
    asked = config.override(DIGITS, ["budget_bytes=90000", BOTH[1]])
    found = fitting.fitted(asked, digits)
    with pytest.raises(
        ValueError, match="`budget_bytes` 90000.*lower `parameterization.step`"
    ):
        fitting.check(found, digits)
    most = config.override(DIGITS, ["budget_bytes=2147483647", BOTH[1]])
    with pytest.raises(ValueError, match="`budget_bytes` must hold as many"):
        fitting.fitted(most, digits)


def test_what_a_run_is_told_names_its_images(digits, caplog):
    asked = config.override(DIGITS, BOTH)
    with caplog.at_level("INFO", logger="absl"):
        fitting.tell(asked, fitting.fitted(asked, digits), digits)
    count = config.instances_per_class(asked, (8, 8, 1), 10)
    assert f"7,840 holds {count} images of each class, in about" in caplog.text


def test_ipc_budgets_are_counted_as_before():
    assert config.float_bytes(MNIST, SHAPE, 10) == 31_360
    assert dataclasses.replace(MNIST, ipc=2) != MNIST
