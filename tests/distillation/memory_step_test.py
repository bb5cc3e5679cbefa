"""How a step size is found, and how it grows."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets
from fred_tf.distillation import memory_step, outliers
from fred_tf.distillation.distiller_settings import DistillerSettings
from fred_tf.distillation.memory_step import Schedule


def test_a_share_is_met_at_the_median():
    watch = outliers.start(tf.float32)
    for move in (3.0, 1.0, 500.0, 2.0, 4.0):
        watch = outliers.moved(watch, tf.constant(move))
    for step, before, expected in (
        (-1, 0.0, 0.0),  # Not before all are measured.
        (0, 0.0, 0.3 / 3),
        (7, 0.0, 0.3 / 3),
        (7, 9.0, 9.0),
    ):
        found = memory_step.known_rate(
            tf.constant(before), watch, tf.constant(step), 0.3, 0
        )
        assert float(found) == pytest.approx(expected)
    given = memory_step.known_rate(
        tf.constant(2.0), watch, tf.constant(0), 0.0, 0
    )
    assert float(given) == 2


def test_a_step_size_follows_until_gradients_have_settled():
    """The first gradients are a hundred times those of later steps."""
    watch, rate, rates = outliers.start(tf.float32), tf.constant(0.0), []
    for step in range(-3, 30):
        rate = memory_step.known_rate(rate, watch, tf.constant(step), 0.5, 20)
        rates.append(float(rate))
        move = tf.constant(100.0 if step < 2 else 1.0)
        watch = memory_step.followed(
            watch, rate, tf.constant(step), 0.5, 20, lambda move=move: move
        )
    assert rates[:3] == [0, 0, 0]
    assert rates[3] == pytest.approx(0.005)
    # The median is of the later ones as soon as they are more.
    assert rates[3 + 7] == pytest.approx(0.5)
    assert rates[3 + 20 :] == [rates[-1]] * 10
    assert int(tf.reduce_sum(tf.cast(watch.moves >= 0, tf.int32))) == 23


def test_a_step_size_that_was_set_follows_no_more():
    watch = outliers.moved(outliers.start(tf.float32), tf.constant(2.0))
    for step in (3, 5):
        args = tf.constant(step), 0.5, 20
        found = memory_step.known_rate(tf.constant(7.0), watch, *args)
        assert float(found) == 0.25
        none = outliers.start(tf.float32)
        kept = memory_step.known_rate(tf.constant(7.0), none, *args)
        assert float(kept) == 7
        after = memory_step.followed(
            none, tf.constant(7.0), *args, lambda: tf.constant(1.0)
        )
        assert float(outliers.usual(after.moves)) == 0


@pytest.mark.parametrize("settling", [0, 5])
def test_a_step_size_that_was_set_before_the_first_step_stays(digits, settling):
    """As of a run that goes back to step 0, where none was measured yet."""
    settings = config.override(
        presets.preset("digits_ipc1_dm_tiny"),
        [
            "network.name=mlp",
            "augmentation=none",
            "memory_learning_rate=0",
            "memory_share=0.1",
            f"settling_steps={settling}",
        ],
    )
    run = assembly.distiller(settings, digits)
    run.adapt(digits.normalized_train, digits.train.labels)
    assert run.rate == 0  # To be measured.
    run.rate = 0.5
    scalars = [run() for _ in range(3)]
    assert [x["memory_learning_rate"] for x in scalars] == [0.5] * 3
    # Norms are measured all the same.
    assert scalars[0]["usual_gradient_norm"] > 0


def test_it_grows_to_its_full_size():
    rates = scheduled(range(-1, 6), Schedule(warm_up_steps=4))
    assert rates == [0, 2, 4, 6, 8, 8, 8]
    assert scheduled([0], Schedule()) == [8]


def scheduled(steps, schedule):
    return [
        float(memory_step.scheduled(tf.constant(8.0), tf.constant(s), schedule))
        for s in steps
    ]


def test_it_falls_to_a_tenth_along_half_a_cosine():
    rates = scheduled((0, 5, 10, 11), Schedule(decay_steps=10))
    assert rates == pytest.approx([8, 4.4, 0.8, 0.8], rel=1e-6)


def test_it_drops_after_so_many_steps():
    """As CAFE's code halves it at iterations 1,200, 1,600 and 1,800."""
    drops = Schedule(drop_steps=(3, 4, 7), drop_factor=0.5)
    assert scheduled(range(9), drops) == [8, 8, 8, 4, 2, 2, 2, 1, 1]
    both = drops._replace(warm_up_steps=5)
    assert scheduled([3, 6], both) == pytest.approx([3.2, 2])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"drop_steps": "3,2"}, "`drop_steps` must .*rising.*Received: '3,2'"),
        ({"drop_steps": "3,3"}, "`drop_steps`"),
        ({"drop_steps": "0"}, "`drop_steps` .*from 1"),
        ({"drop_steps": "-2"}, "`drop_steps`"),
        ({"drop_steps": "1,,2"}, "`drop_steps`"),
        ({"drop_steps": "half"}, "`drop_steps`.*Write e.g. 1200,1600"),
        ({"drop_steps": "9" * 5000}, "`drop_steps`"),
        ({"drop_steps": ",".join(map(str, range(1, 102)))}, "at most 100"),
        ({"drop_factor": 0.0}, "`drop_factor` must be .*above 0"),
        ({"drop_factor": 1.5}, "`drop_factor` must be at most 1"),
        ({"drop_factor": float("nan")}, "`drop_factor`"),
        ({"drop_factor": 0.2}, "0.2 without them. Give `drop_steps`"),
    ],
)
def test_drops_that_cannot_be_meant_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        DistillerSettings(**values)


def test_a_run_drops_its_step_size(digits):
    """And the tiny preset of CAFE has a drop, as those of the paper's size."""
    settings = config.override(
        presets.preset("digits_ipc1_cafe_tiny"),
        [
            "objective.name=distribution_matching",
            "objective.real_batch_per_class=1",
            "network.name=mlp",
            "memory_learning_rate=8",
            "outlier_factor=0",
        ],
    )
    assert settings.distiller.drops == (2,)
    run = assembly.distiller(settings, digits)
    run.adapt(digits.normalized_train, digits.train.labels)
    rates = [run()["memory_learning_rate"] for _ in range(3)]
    assert rates == [8, 8, 4]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_how_far_a_step_moves_images(scale, generator):
    """Of a linear memory, whatever its unit, as NumPy finds it."""
    memory = generator.normal(size=(6, 5))
    slopes = generator.normal(size=(6, 5)) * 1e-3 * scale
    basis = generator.normal(size=(5, 5)) / scale

    found = memory_step.move(
        lambda values: tf.matmul(values[0], tf.constant(basis)),
        [tf.constant(memory * scale)],
        [tf.constant(slopes)],
        0.1,
    )
    moved = (slopes @ basis) ** 2
    expected = np.sqrt(moved.mean()) / np.std(memory @ basis * scale)
    assert float(found) == pytest.approx(expected, rel=1e-6)
