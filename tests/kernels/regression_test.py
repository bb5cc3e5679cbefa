"""Ridge regression against numpy.linalg, and what has no solution."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.kernels import KERNELS, regression

RIDGE = 1e-3


@pytest.fixture
def problem(generator):
    """A kernel `[8, 8]`, targets `[8, 3]` and a cross kernel `[20, 8]`."""
    features = generator.normal(size=(28, 12))
    kernel = features @ features.T
    return kernel[:8, :8], generator.normal(size=(8, 3)), kernel[8:, :8]


def ridged(kernel, share=RIDGE):
    return kernel + share * np.trace(kernel) / len(kernel) * np.eye(len(kernel))


@pytest.mark.parametrize("mode", ["eager", "graph", "jit"])
def test_solves_as_numpy_does(mode, problem):
    kernel, targets, cross = problem
    expected = np.linalg.solve(ridged(kernel), targets)

    def solve(kernel, targets):
        return regression.solve(kernel, targets, RIDGE)

    if mode != "eager":
        solve = tf.function(solve, jit_compile=mode == "jit")
    for dtype, tolerance in ((np.float64, 1e-10), (np.float32, 1e-3)):
        found = solve(tf.constant(kernel, dtype), tf.constant(targets, dtype))
        assert found.sound and found.weights.dtype == tf.float64
        np.testing.assert_allclose(found.weights, expected, rtol=tolerance)
    np.testing.assert_allclose(
        regression.predict(tf.constant(cross), found.weights),
        cross @ expected,
        rtol=1e-3,
        atol=1e-4,
    )


def test_without_ridge_images_predict_their_own_labels(problem):
    kernel, targets, _ = problem
    weights = regression.solve(kernel, targets, 0.0).weights
    np.testing.assert_allclose(
        regression.predict(kernel, weights), targets, rtol=1e-8
    )


@pytest.mark.parametrize("jit", [False, True])
def test_has_the_derivatives_of_differences(jit, problem, generator):
    kernel, targets, cross = problem
    seen = generator.normal(size=(20, 3))
    bend, turn = generator.normal(size=(8, 8)), generator.normal(size=(8, 3))
    bend = bend + bend.T

    def loss(kernel, targets):
        solution = regression.solve(kernel, targets, RIDGE)
        predictions = regression.predict(cross, solution.weights)
        return regression.squared_loss(predictions, seen)

    @tf.function(jit_compile=jit)
    def slope(kernel, targets):
        with tf.GradientTape() as tape:
            tape.watch([kernel, targets])
            value = loss(kernel, targets)
        of_kernel, of_targets = tape.gradient(value, [kernel, targets])
        return tf.reduce_sum(of_kernel * bend), tf.reduce_sum(of_targets * turn)

    step = 1e-6
    expected = (
        loss(kernel + step * bend, targets)
        - loss(kernel - step * bend, targets),
        loss(kernel, targets + step * turn)
        - loss(kernel, targets - step * turn),
    )
    np.testing.assert_allclose(
        slope(tf.constant(kernel), tf.constant(targets)),
        np.array(expected) / (2 * step),
        rtol=1e-5,
    )


UNSOLVABLE = {
    "singular": (lambda k: k[[0, 0, 2]][:, [0, 0, 2]], "positive definite"),
    "almost": (
        lambda k: np.array([[1, 1, 0], [1, 1 + 3e-16, 0], [0, 0, 1]]),
        "positive definite",
    ),
    "of zeros": (lambda k: 0 * k[:3, :3], "positive definite"),
    "indefinite": (lambda k: k[:3, :3] - 9 * np.eye(3), "positive definite"),
    "NaN": (lambda k: k[:3, :3] * np.nan, "`kernel` must be finite. .* 9 NaN"),
    "infinite": (lambda k: k[:3, :3] * np.inf, "`kernel` must be finite"),
}


@pytest.mark.parametrize("name", UNSOLVABLE)
def test_what_has_no_solution_is_refused(name, problem):
    kernel, targets, _ = problem
    change, message = UNSOLVABLE[name]
    with pytest.raises(ValueError, match=message):
        regression.solve(change(kernel), targets[:3], 0.0)
    with pytest.raises(ValueError, match=message):
        regression.solve_labels(change(kernel), [(kernel[:, :3], targets)], 0.0)


@pytest.mark.parametrize("jit", [False, True])
def test_inside_graphs_it_leaves_no_nan(jit, problem):
    kernel, targets, _ = problem

    @tf.function(jit_compile=jit)
    def solve(kernel, targets):
        with tf.GradientTape() as tape:
            tape.watch([kernel, targets])
            solution = regression.solve(kernel, targets, 0.0)
            value = tf.reduce_sum(solution.weights)
        return *solution, *tape.gradient(value, [kernel, targets])

    wrong = [change(kernel) for change, _ in UNSOLVABLE.values()]
    for broken, given in (
        *((matrix, targets[:3]) for matrix in wrong),
        (kernel[:3, :3], targets[:3] * np.nan),
    ):
        weights, sound, *gradients = solve(
            tf.constant(broken), tf.constant(given)
        )
        assert not sound
        for array in (weights, *gradients):
            np.testing.assert_array_equal(array, np.zeros(array.shape))
    weights, sound, *_ = solve(
        tf.constant(kernel[:3, :3]), tf.constant(targets[:3])
    )
    assert sound and np.any(weights)


def test_targets_that_are_not_finite_are_refused(problem):
    kernel, targets, _ = problem
    targets[0, 0] = np.nan
    with pytest.raises(ValueError, match="`targets` must be finite. .*: 1 NaN"):
        regression.solve(kernel, targets)


@pytest.mark.parametrize(
    ("kernel", "targets", "share", "message"),
    [
        (np.eye(3)[:2], np.ones((3, 1)), 0.1, r"\[m, m\] and `targets`"),
        (np.eye(3), np.ones((2, 1)), 0.1, r"\(3, 3\) and \(2, 1\)"),
        (np.eye(3), np.ones(3), 0.1, r"\[m, classes\]"),
        (np.eye(3), np.ones((3, 1)), -0.1, "`regularization` must be"),
        (np.eye(3), np.ones((3, 1)), float("nan"), "`regularization` must"),
    ],
)
def test_what_does_not_fit_is_refused(kernel, targets, share, message):
    with pytest.raises(ValueError, match=message):
        regression.solve(kernel, targets, share)


def test_losses_are_the_formulas(generator):
    predictions = generator.normal(size=(5, 10))
    labels = np.array([0, 3, 1, 1, 9])
    targets = regression.centered(labels, 10).numpy()
    np.testing.assert_allclose(targets, np.eye(10)[labels] - 0.1, rtol=1e-14)
    np.testing.assert_allclose(
        regression.squared_loss(predictions, targets),
        ((predictions - targets) ** 2).mean() / 2,
    )
    logits = np.exp(0.7) * predictions
    likely = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = -np.log(likely[range(5), labels]).mean()
    for given in (labels, np.eye(10)[labels]):
        found = regression.platt_loss(
            tf.constant(predictions), tf.constant(given), 0.7
        )
        np.testing.assert_allclose(found, expected)
    # RFAD starts at 0, where the scale has a derivative.
    scale = tf.constant(0.0)
    with tf.GradientTape() as tape:
        tape.watch(scale)
        value = regression.platt_loss(
            tf.constant(predictions), tf.constant(labels), scale
        )
    assert np.isfinite(tape.gradient(value, scale))


@pytest.mark.parametrize("batch", [20, 7, 3])
@pytest.mark.parametrize("twice", [False, True])
def test_label_solve_is_the_pseudo_inverse(batch, twice, problem, generator):
    kernel, _, cross = problem
    if twice:  # Then only the sum of two labels counts: the shortest is meant.
        rows = [0, 0, *range(2, 8)]
        kernel, cross = kernel[rows][:, rows], cross[:, rows]
    seen = generator.normal(size=(20, 3))
    batches = [
        (cross[i : i + batch], seen[i : i + batch]) for i in range(0, 20, batch)
    ]
    found = regression.solve_labels(kernel, batches, RIDGE)
    design = cross @ np.linalg.inv(ridged(kernel))
    expected = np.linalg.pinv(design, rcond=1e-12) @ seen
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_label_solve_needs_real_images(problem):
    with pytest.raises(ValueError, match="no `batches`"):
        regression.solve_labels(problem[0], [])


def test_solved_labels_do_better_than_given_ones(digits):
    """20 images of digits tell the others, as they are and relabelled."""
    images = digits.normalization(digits.train.images[:600])
    labels = digits.train.labels[:600]
    rows = np.concatenate([np.flatnonzero(labels == c)[:2] for c in range(10)])
    kernel = KERNELS["fully_connected"](digits.image_shape)
    seed = tf.constant([0, 0])
    support = kernel.represent(tf.constant(images[rows]), seed)
    inner = kernel.between(support)
    cross = kernel.between(kernel.represent(tf.constant(images), seed), support)
    targets = regression.centered(labels, 10)

    def scored(own):
        weights = regression.solve(inner, own).weights
        predictions = regression.predict(cross, weights)
        right = predictions.numpy().argmax(1) == labels
        return right.mean(), float(
            regression.squared_loss(predictions, targets)
        )

    given = scored(regression.centered(labels[rows], 10))
    solved = scored(regression.solve_labels(inner, [(cross, targets)]))
    assert given[0] > 0.6 and solved[0] > given[0] and solved[1] < given[1]
