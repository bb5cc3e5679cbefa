"""Memories that are trained through one step size, and their bits."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.coding import colours, quantizer, rate
from fred_tf.parameterizations import Frequency

STEP = 1.5


@pytest.fixture(params=["separate", "joint", "colours", "joint colours"])
def memory(request, digits, generator):
    images, channels = digits.normalized_train, request.param.split()[0]
    if "colours" in request.param:
        noise = generator.normal(size=(*images.shape[:3], 3))
        images = (images + 0.3 * noise).astype(np.float32)

    def make(**changes):
        settings = Frequency.Settings(
            coefficients_per_channel=16,
            mask_rule="energy",
            channels="joint" if channels == "joint" else "separate",
            **changes,
        )
        made = Frequency(images.shape[1:], 10, 4, settings)
        made.adapt(images, digits.train.labels, seed=0)
        return made

    return make


def test_images_are_those_of_whole_levels(memory):
    rounded, exact = memory(step=STEP), memory()
    values = exact.coefficients().numpy()
    levels = quantizer.levels(values, exact.units, STEP)
    assert 0 < np.mean(levels == 0) < 0.9
    wanted = quantizer.coefficients(levels, exact.units, STEP).numpy()
    np.testing.assert_array_equal(rounded.coefficients(), wanted)
    exact.values.assign(wanted.reshape(exact.values.shape))
    np.testing.assert_array_equal(rounded.decode(), exact.decode())
    # What is kept is not rounded: small moves add up.
    assert np.any(rounded.values.numpy() != wanted.reshape(exact.values.shape))


@pytest.mark.parametrize(
    "how", [{"step": STEP}, {"step": STEP, "steps": "by_colour"}, {"bits": 4}]
)
def test_gradients_pass_straight_through(memory, how):
    rounded, exact = memory(**how), memory()
    exact.values.assign(tf.reshape(rounded.coefficients(), exact.values.shape))
    slopes = []
    for each in (rounded, exact):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(each.decode() ** 2)
        slopes.append(tape.gradient(loss, each.values.value))
    assert np.all(slopes[0] == slopes[1])


def test_the_penalty_is_the_weighted_bits_of_levels(memory):
    made = memory(step=STEP, rate_weight=0.25)
    values = memory().coefficients()
    levels = quantizer.levels(values, made.units, STEP)
    positions = int(np.prod(made.spectrum_shape[:-1]))
    wanted = rate.mean_bits(
        tf.cast(levels, tf.float32), made.table.value, positions
    )
    penalty, scalars = made.penalty()
    assert float(penalty) == pytest.approx(0.25 * float(wanted), rel=1e-5)
    assert float(scalars["bits_per_coefficient"]) == pytest.approx(
        float(wanted), rel=1e-5
    )
    sizes = made.mask_size, made.spectrum_shape[-1], 10
    around = rate.bytes_around(positions, *sizes)
    size = int(tf.size(values))
    assert size in (640, 3 * 640)
    assert float(scalars["rate_bytes"]) == pytest.approx(
        around + float(wanted) * size / 8, rel=1e-5
    )


def test_colours_have_steps_of_their_own(memory):
    """Of 1 to the fourth root of what each varies by, see `colours.py`."""
    rounded, exact = memory(step=STEP, steps="by_colour"), memory()
    values, colours_there = exact.coefficients(), exact.image_shape[-1]
    orthonormal = quantizer.orthonormal(values, exact.units).numpy()
    table, channels = exact.table.numpy(), orthonormal.shape[-1]
    energies = colours.energies(orthonormal, table, colours_there)
    scales = colours.scales(energies).numpy()
    np.testing.assert_array_equal(rounded.step_scales, scales)
    assert len(set(scales)) == colours_there
    assert exact.step_scales is None
    of = colours.of(table, channels, colours_there)[:, None]
    levels = np.rint(orthonormal / (STEP * scales[of]))
    scaled = np.float32(levels) * scales[of]
    wanted = quantizer.coefficients(scaled, exact.units, STEP)
    np.testing.assert_array_equal(rounded.coefficients(), wanted)


def test_bits_of_colours_are_those_of_their_levels(memory):
    alike, by_colour = (
        memory(step=STEP, rate_weight=1.0, steps=steps)
        for steps in ("alike", "by_colour")
    )
    (_, one), (_, other) = alike.penalty(), by_colour.penalty()
    grey = alike.image_shape[-1] == 1
    assert (one["rate_bytes"] == other["rate_bytes"]) == grey
    with tf.GradientTape() as tape:
        penalty, _ = by_colour.penalty()
    slope = tape.gradient(penalty, by_colour.values.value)
    assert np.all(np.isfinite(slope)) and np.any(slope)


def test_lowering_the_penalty_lowers_the_bits(memory):
    made = memory(step=STEP, rate_weight=1.0)
    before = float(made.penalty()[0])
    for _ in range(10):
        with tf.GradientTape() as tape:
            penalty, _ = made.penalty()
        slope = tape.gradient(penalty, made.values.value)
        made.values.assign_sub(
            0.02
            * slope
            / tf.reduce_max(tf.abs(slope))
            * tf.reduce_max(tf.abs(made.values.value))
        )
    assert float(made.penalty()[0]) < 0.97 * before


def test_without_a_weight_bits_are_only_told(memory):
    penalty, scalars = memory(step=STEP).penalty()
    assert penalty is None
    assert set(scalars) == {"bits_per_coefficient", "rate_bytes"}
    assert memory().penalty() == (None, {})
    assert memory(bits=4).penalty() == (None, {})


def test_what_an_export_rounds_is_trained_as_it_is(memory):
    late = memory(step=STEP, rounded="export", rate_weight=1)
    through, exact = memory(step=STEP, rate_weight=1), memory()
    np.testing.assert_array_equal(late.coefficients(), exact.coefficients())
    assert np.any(through.coefficients() != exact.coefficients())
    # The bits are those of levels, whose gradients pass straight through.
    for one, other in zip(_penalty(late), _penalty(through), strict=True):
        np.testing.assert_array_equal(one, other)


def _penalty(memory):
    with tf.GradientTape() as tape:
        penalty, scalars = memory.penalty()
    slope = tape.gradient(penalty, memory.values.value)
    return penalty, slope, *scalars.values()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": -1.0}, "`parameterization.step`.*at least 0. Received: -1"),
        ({"step": 1e-9}, "`parameterization.step`.*at least 0.001"),
        ({"step": 1e9}, "`parameterization.step` must be at most 10,000"),
        ({"step": float("nan")}, "`parameterization.step`.*finite.*nan"),
        ({"step": float("inf")}, "`parameterization.step`.*finite.*inf"),
        ({"step": 2.0, "bits": 4}, "step 2.0 and bits 4. Leave one out"),
        ({"rate_weight": 0.1}, "rate_weight.*one `parameterization.step`"),
        ({"step": 2.0, "rate_weight": -0.1}, "rate_weight` must be a finite"),
        ({"step": 2.0, "rate_weight": float("nan")}, "rate_weight.*nan"),
        ({"budget_bytes": 9000}, "budget_bytes.*one `parameterization.step`"),
        ({"step": 2.0, "budget_bytes": -1}, "budget_bytes.*at least 0"),
        ({"step": 2.0, "rounded": "late"}, "rounded.*'late'"),
        ({"rounded": "export"}, "rounded`.*'export' and step 0. Give a step"),
        ({"step": 2.0, "steps": "grey"}, "parameterization.steps.*'grey'"),
        ({"steps": "by_colour"}, "steps`.*'by_colour' and step 0. Give a step"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Frequency.Settings(**changes)


def test_earlier_records_are_of_the_same_work():
    stated = Frequency.Settings().to_json()
    later = {"step", "steps", "rounded", "rate_weight", "budget_bytes"}
    assert not later & set(stated)


@pytest.mark.parametrize("rounding", [{"step": STEP}, {"bits": 2}])
def test_decodes_unrounded_where_that_is_asked_for(memory, rounding):
    rounded, exact = memory(**rounding), memory()
    before = rounded.decode().numpy()
    with rounded.unrounded():
        np.testing.assert_array_equal(rounded.decode(), exact.decode())
    np.testing.assert_array_equal(rounded.decode(), before)
    assert np.abs(before - exact.decode()).max() > 0.1
