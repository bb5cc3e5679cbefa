"""What every operation promises, and how one of them is chosen."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from sklearn.datasets import load_digits

from fred_tf import seeds
from fred_tf.augmentations import OPERATIONS, SiameseAugmentation

ALL = "color_crop_cutout_flip_scale_rotate"


def _digits(batch: int, channels: int, dtype=np.float32) -> np.ndarray:
    """Handwritten digits `[batch, 8, 6, channels]` in [0, 1]."""
    images = load_digits().images[: batch * channels, :, 1:7] / 16
    images = images.reshape(batch, channels, 8, 6).transpose(0, 2, 3, 1)
    return images.astype(dtype)


@pytest.mark.parametrize("strategy", [*OPERATIONS, ALL, "none"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_shape_and_dtype_are_kept(strategy, channels, dtype):
    augment = SiameseAugmentation(strategy)
    images = _digits(3, channels, dtype)
    for shared in (False, True):
        result = augment(images, tf.constant([3, 1]), shared=shared)
        assert result.shape == images.shape
        assert result.dtype == dtype


@pytest.mark.parametrize("strategy", [*OPERATIONS, ALL])
def test_precision_does_not_change_the_draw(strategy):
    augment = SiameseAugmentation(strategy)
    single, double = (
        augment(_digits(4, 3, dtype), tf.constant([3, 1]))
        for dtype in ("float32", "float64")
    )
    np.testing.assert_allclose(single, double, rtol=0, atol=1e-5)


# Compiling all six operations into one program takes seconds, so compiled
# tests take one or two.
@pytest.mark.parametrize(
    ("strategy", "jit_compile"),
    [
        *(pytest.param(o, True, marks=pytest.mark.slow) for o in OPERATIONS),
        (ALL, False),
    ],
)
def test_shared_draws_do_not_depend_on_the_batch(strategy, jit_compile):
    augment = SiameseAugmentation(strategy)

    @tf.function(jit_compile=jit_compile)
    def run(images, seed):
        return augment(images, seed, shared=True)

    images = _digits(7, 3)
    for number in range(20):
        seed = tf.constant([number, 0])
        # The smaller batch is not even the head of the larger one.
        real, synthetic = run(images, seed), run(images[4:], seed)
        np.testing.assert_array_equal(real[4:], synthetic)
        np.testing.assert_array_equal(real, run(images, seed))


@pytest.mark.parametrize("strategy", OPERATIONS)
def test_images_share_parameters_only_if_asked(strategy):
    augment = SiameseAugmentation(strategy)
    images = np.repeat(_digits(1, 3), 12, axis=0)
    seed = tf.constant([0, 7])
    shared = augment(images, seed, shared=True).numpy()
    np.testing.assert_array_equal(shared, np.repeat(shared[:1], 12, axis=0))
    own = augment(images, seed).numpy()
    different = len(np.unique(own.reshape(12, -1), axis=0))
    assert different == 2 if strategy == "flip" else different > 5


@pytest.mark.parametrize("strategy", OPERATIONS)
def test_seeds_draw_differently(strategy):
    augment = SiameseAugmentation(strategy)
    images = _digits(8, 3)
    first = augment(images, tf.constant([0, 1])).numpy()
    second = augment(images, tf.constant([1, 0])).numpy()
    assert not np.array_equal(first, second)


def test_every_operation_is_chosen_about_equally_often():
    names = list(OPERATIONS)
    images = tf.constant(_digits(8, 3))
    every, *single = map(SiameseAugmentation, [ALL, *names])

    @tf.function
    def chosen(number):
        seed = tf.stack([number, 11])
        result = every(images, seed)
        alone = tf.stack([augment(images, seed) for augment in single])
        return tf.reduce_all(result == alone, axis=[1, 2, 3, 4])

    matches = tf.map_fn(
        chosen, tf.range(600), fn_output_signature=tf.bool
    ).numpy()
    np.testing.assert_array_equal(matches.sum(axis=1), 1)
    assert stats.chisquare(matches.sum(axis=0)).pvalue > 1e-3


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    # One draw for all is a shape less to be broadcast.
    "count",
    [pytest.param(1, marks=pytest.mark.slow), 4],
)
def test_compiled_operations_agree_with_the_graph(name, count):
    operation = OPERATIONS[name]
    images = tf.constant(_digits(4, 3))
    # Drawn outside: compiled draws are other numbers.
    arguments = operation.draw(tf.constant([5, 2]), count, (8, 6))

    def value_and_gradient(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            result = operation.apply(images, **arguments)
            loss = tf.reduce_sum(result**2)
        return result, tape.gradient(loss, images)

    graph = tf.function(value_and_gradient)(images)
    compiled = tf.function(value_and_gradient, jit_compile=True)(images)
    for ours, theirs in zip(compiled, graph):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    assert not np.array_equal(graph[0], images)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_gradient_agrees_with_central_differences(name, count):
    operation = OPERATIONS[name]
    arguments = operation.draw(tf.constant([8, 1]), count, (4, 3))
    images = tf.constant(_digits(2, 2, "float64")[:, 2:6, 1:4])
    analytic, numeric = tf.test.compute_gradient(
        tf.function(lambda x: operation.apply(x, **arguments)),
        [images],
        delta=1e-3,
    )
    np.testing.assert_allclose(analytic[0], numeric[0], rtol=0, atol=1e-9)
    assert not np.allclose(numeric[0], 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "jit_compile"), [(ALL, False), ("scale", True)]
)
def test_gradient_through_a_student_step(strategy, jit_compile):
    augment = SiameseAugmentation(strategy)
    weight = tf.constant(_digits(12, 1, "float64")[:, :, :3].reshape(12, 24))
    labels = tf.constant([3, 5])

    @tf.function(jit_compile=jit_compile)
    def outer_loss(images, seed):
        with tf.GradientTape() as tape:
            tape.watch(weight)
            augmented = tf.reshape(augment(images, seed), [2, -1])
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels, tf.tanh(augmented @ weight)
            )
        step = tape.gradient(loss, weight)
        return tf.reduce_sum((weight - 0.5 * step) ** 2)

    @tf.function(jit_compile=jit_compile)
    def gradient(images, seed):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = outer_loss(images, seed)
        return tape.gradient(loss, images)

    images = _digits(2, 1, "float64")[:, 2:6, 1:4]
    direction = np.random.default_rng(0).normal(size=images.shape)
    for number in range(8):
        seed = tf.constant([number, 3])
        analytic = np.sum(gradient(tf.constant(images), seed) * direction)
        forward, backward = (
            outer_loss(tf.constant(images + delta * direction), seed)
            for delta in (1e-5, -1e-5)
        )
        numeric = (forward - backward).numpy() / 2e-5
        assert analytic == pytest.approx(numeric, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    ("strategy", "jit_compile"), [(ALL, False), ("flip_rotate", True)]
)
def test_batch_size_may_be_unknown_while_tracing(shared, strategy, jit_compile):
    augment = SiameseAugmentation(strategy)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 8, 6, 3]),
            tf.TensorSpec([2], tf.int32),
        ],
        jit_compile=jit_compile,
    )
    def run(images, seed):
        result = augment(images, seed, shared=shared)
        assert result.shape.as_list() == [None, 8, 6, 3]
        return result

    @tf.function(jit_compile=jit_compile)
    def run_static(images, seed):
        return augment(images, seed, shared=shared)

    for batch in (1, 5):
        for number in range(3):
            arguments = tf.constant(_digits(batch, 3)), tf.constant([number, 4])
            np.testing.assert_allclose(
                run(*arguments), run_static(*arguments), rtol=0, atol=1e-6
            )


def test_parts_are_applied_in_turn_and_draw_one_each():
    """By hand: mirror, colour, then a shift or a scaling, then a hole."""
    images = tf.constant(_digits(8, 3))
    whole = SiameseAugmentation("flip+color+crop_scale+cutout")
    parts = ("flip", "color", "crop_scale", "cutout")
    assert whole.parts == (
        ("flip",),
        ("color",),
        ("crop", "scale"),
        ("cutout",),
    )
    assert whole.names == ("flip", "color", "crop", "scale", "cutout")
    drawn = set()
    for number in range(8):
        seed = tf.constant([number, 3])
        expected = images
        for position, strategy in enumerate(parts):
            own = seeds.fold(seed, position)
            if strategy == "crop_scale":
                alone = [
                    SiameseAugmentation(name)(expected, own)
                    for name in strategy.split("_")
                ]
            expected = SiameseAugmentation(strategy)(expected, own)
            if strategy == "crop_scale":
                drawn.add(
                    [np.array_equal(expected, one) for one in alone].index(True)
                )
        np.testing.assert_array_equal(whole(images, seed), expected)
    assert drawn == {0, 1}


def test_volumes_lose_whole_parts():
    volumes = SiameseAugmentation("color+flip_crop+cutout").suited((4, 4, 4, 1))
    assert volumes.strategy == "flip_crop+cutout"
    assert SiameseAugmentation("color+flip").suited((4, 4, 1)).strategy == (
        "color+flip"
    )


def test_none_is_the_identity():
    images = _digits(3, 3)
    result = SiameseAugmentation("none")(images, tf.constant([0, 0]))
    np.testing.assert_array_equal(result, images)


def test_default_strategy():
    augment = SiameseAugmentation()
    assert augment.strategy == ALL
    assert augment.names == tuple(OPERATIONS)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("crop_rotation", "'rotation' in .* Did you mean 'rotate'"),
        ("colour", r"\['color', 'crop'.*Did you mean 'color'"),
        ("", "or is 'none'. Received: ''"),
        ("flip_none", "Received: 'none' in 'flip_none'"),
        ("flip_crop_flip", "each operation once.*'flip' twice"),
        ("flip+crop_flip", "each operation once.*'flip' twice"),
        ("flip++crop", "by '_' or '\\+', or is 'none'. Received: ''"),
        ("color+none", "Received: 'none' in 'color\\+none'"),
    ],
)
def test_strategies_are_checked(strategy, message):
    with pytest.raises(ValueError, match=message):
        SiameseAugmentation(strategy)


def test_images_are_checked():
    augment = SiameseAugmentation()
    seed = tf.constant([0, 0])
    with pytest.raises(ValueError, match=r"\[batch, height.*\(8, 6, 3\)"):
        augment(_digits(1, 3)[0], seed)
    with pytest.raises(TypeError, match="floating.*uint8"):
        augment(_digits(1, 3).astype(np.uint8), seed)
    with pytest.raises(ValueError, match="known height, width"):
        tf.function(augment).get_concrete_function(
            tf.TensorSpec([2, None, 6, 3]), seed
        )
