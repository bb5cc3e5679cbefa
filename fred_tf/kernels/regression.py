"""Ridge regression with kernels: what it predicts, and how that is scored.

With K the kernel of m images among themselves and Y what is regressed on,
`[m, classes]`, the prediction for others is

    k(t, s) a,    a = (K + l tr(K) / m I)^-1 Y,

l being the `regularization` (Nguyen et al. 2021, eq. 1, arXiv 2011.00050; that
l is relative to the mean diagonal is their code's). KIP and FRePo take 1e-6,
RFAD 5e-3. All is float64: at 1e-6, float32 would not do.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fred_tf.settings import check_least


class Solution(NamedTuple):
    """What `solve` returns.

    Attributes:
        weights: a above, float64 `[m, classes]`; zeros if not `sound`.
        sound: whether there is a solution, a boolean scalar.
    """

    weights: tf.Tensor
    sound: tf.Tensor


def centered(
    labels: tf.Tensor, classes: int, dtype: tf.DType = tf.float64
) -> tf.Tensor:
    """Returns one-hot labels less 1 / classes, what KIP regresses on.

    Args:
        labels: classes `[n]`.
        classes: how many there are.
        dtype: of the result, `[n, classes]`.
    """
    return tf.one_hot(labels, classes, dtype=dtype) - 1 / classes


def solve(
    kernel: tf.Tensor, targets: tf.Tensor, regularization: float = 1e-6
) -> Solution:
    """Solves for the weights a, differentiably in both tensors.

    The solution is one of Cholesky's factor; so is its derivative. Inside a
    graph nothing can be refused: a kernel that is singular or not finite then
    gives weights and derivatives of zero, and is not `sound`.

    Args:
        kernel: of the images among themselves, `[m, m]`, symmetric.
        targets: Y above, `[m, classes]`.
        regularization: l above, not negative.

    Raises:
        ValueError: the shapes do not match, `regularization` is negative, or,
            outside graphs, a value is not finite or the kernel is singular.
    """
    check_least("regularization", regularization, 0)
    kernel = tf.cast(kernel, tf.float64)
    targets = tf.cast(targets, tf.float64)
    if (
        kernel.shape.rank != 2
        or targets.shape.rank != 2
        or not kernel.shape[:1].is_compatible_with(kernel.shape[1:])
        or not kernel.shape[:1].is_compatible_with(targets.shape[:1])
    ):
        raise ValueError(
            "`kernel` must be [m, m] and `targets` [m, classes]. Received: "
            f"{kernel.shape} and {targets.shape}."
        )
    mean = tf.reduce_mean(tf.linalg.diag_part(kernel))
    # No tf.cast of Python's numbers: it rounds them to float32 first.
    ridge = regularization * mean
    matrix = kernel + ridge * tf.eye(tf.shape(kernel)[0], dtype=tf.float64)
    weights, sound = _solve(matrix, targets)
    solution = Solution(weights, sound > 0)
    if tf.executing_eagerly() and not solution.sound:
        raise ValueError(_unsound(kernel, targets, regularization))
    return solution


def predict(cross: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns predictions, float64 `[n, classes]`.

    Args:
        cross: kernel `[n, m]` of other images with those that were solved for.
        weights: of their `Solution`.
    """
    return tf.matmul(tf.cast(cross, tf.float64), weights)


def squared_loss(predictions: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Returns half the mean squared error over images and classes, as KIP.

    FRePo sums over classes: times their number.
    """
    predictions = tf.convert_to_tensor(predictions)
    difference = predictions - tf.cast(targets, predictions.dtype)
    return tf.reduce_mean(difference**2) / 2


def platt_loss(
    predictions: tf.Tensor, labels: tf.Tensor, log_scale: tf.Tensor | float
) -> tf.Tensor:
    """Returns the mean cross-entropy of scaled predictions, as RFAD.

    Args:
        predictions: `[n, classes]`.
        labels: classes `[n]`, or probabilities `[n, classes]`.
        log_scale: k; predictions are multiplied by e^k. RFAD learns it, from 0.
    """
    predictions = tf.convert_to_tensor(predictions)
    labels = tf.convert_to_tensor(labels)
    dtype = predictions.dtype
    log_scale = tf.convert_to_tensor(log_scale, dtype_hint=dtype)
    logits = tf.exp(tf.cast(log_scale, dtype)) * predictions
    if labels.shape.rank == 1:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    else:
        labels = tf.cast(labels, dtype)
        losses = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
    return tf.reduce_mean(losses)


def solve_labels(
    kernel: tf.Tensor,
    batches: Iterable[tuple[tf.Tensor, tf.Tensor]],
    regularization: float = 1e-6,
    cutoff: float = 1e-10,
) -> np.ndarray:
    """Returns the labels that make images as useful as labels can.

        Y = argmin_Y sum_t | k(t, s) (K + l tr(K) / m I)^-1 Y - y_t |^2,

    the shortest if there are several: KIP's label solve (Nguyen et al. 2021,
    section 3.1, arXiv 2011.00050). Real images t pass by once, as a QR
    factorisation that grows; it is not differentiated.

    Args:
        kernel: K, `[m, m]`.
        batches: `k(t, s)` `[n, m]` with `y_t` `[n, classes]` of some images
            each.
        regularization: l.
        cutoff: share of the largest singular value below which one counts as
            none, since rounding has l's reciprocal more weight here. KIP's
            code has JAX's: 1e-11 for 5,000 images.

    Returns:
        float64 `[m, classes]`.

    Raises:
        ValueError: there is no batch; see `solve`, too.
    """
    factor: np.ndarray | None = (
        None  # R of the rows so far, labels as the last columns.
    )
    for cross, targets in batches:
        design = solve(kernel, tf.transpose(cross), regularization).weights
        rows = np.concatenate([np.transpose(design), targets], 1)
        if factor is not None:
            rows = np.concatenate([factor, rows])
        factor = np.asarray(np.linalg.qr(rows, mode="r"))
    if factor is None:
        raise ValueError(
            "Labels are solved for with real images. Received: no `batches`."
        )
    design, wanted = np.split(factor, [len(kernel)], 1)
    return np.linalg.lstsq(design, wanted, cutoff)[0]


@tf.custom_gradient
def _solve(matrix: tf.Tensor, targets: tf.Tensor):
    """Returns the solution or zeros, and whether it is one as 1.0 or 0.0."""
    factor = tf.linalg.cholesky(matrix)
    # NaN where it failed, or where a value is not finite. Where a pivot should
    # be 0, rounding leaves this much.
    pivots = tf.linalg.diag_part(factor) ** 2
    size = tf.cast(tf.shape(matrix)[0], matrix.dtype)
    rounding = size * np.finfo(np.float64).eps
    largest = tf.reduce_max(tf.linalg.diag_part(matrix))
    solution = tf.linalg.cholesky_solve(factor, targets)
    sound = tf.reduce_all(pivots > rounding * largest)
    sound = sound & tf.reduce_all(tf.math.is_finite(solution))
    solution = tf.where(sound, solution, tf.zeros_like(solution))

    def gradient(of_solution, _):
        of_targets = tf.linalg.cholesky_solve(factor, of_solution)
        of_targets = tf.where(sound, of_targets, tf.zeros_like(of_targets))
        of_matrix = -tf.matmul(of_targets, solution, transpose_b=True)
        return (of_matrix + tf.transpose(of_matrix)) / 2, of_targets

    return (solution, tf.cast(sound, matrix.dtype)), gradient


def _unsound(kernel, targets, regularization) -> str:
    """Returns why there is no solution."""
    for name, array in (("kernel", kernel), ("targets", targets)):
        wrong = np.count_nonzero(~np.isfinite(array.numpy()))
        if wrong:
            return (
                f"`{name}` must be finite. Received: {wrong} NaN or infinite "
                f"values in {tuple(array.shape)}. Images or networks have "
                "grown beyond bounds; lower the step size."
            )
    values = np.linalg.eigvalsh(kernel.numpy())
    return (
        "`kernel` and its ridge must be positive definite in float64. "
        f"Received: eigenvalues from {values[0]:.3g} to {values[-1]:.3g} and "
        f"`regularization` {regularization:g} of the mean diagonal. Raise "
        "`regularization`, or leave out images that occur twice."
    )
