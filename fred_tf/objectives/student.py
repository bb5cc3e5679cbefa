"""The student of trajectory matching: SGD on synthetic images, differentiable.

    theta_{i+1} = theta_i - a g_i,    g_i = dl(theta_i, X_i) / dtheta_i

for i = 0 .. N - 1, with l the mean loss on the minibatch X_i. Three ways to
differentiate theta_N in theta_0, a, the images, and the labels where these are
probabilities:

`store`      automatic differentiation through the unrolled steps. It keeps
             the activations of all N steps: the reference, and the choice
             where memory is plentiful.
`recompute`  the adjoint. Only the theta_i are kept; walking back from
             lambda_N = dL/dtheta_N, each step is run again:

                 lambda_i  = lambda_{i+1} - a H_i lambda_{i+1}
                 dL/dX_i   = -a (dg_i/dX_i)^T lambda_{i+1}
                 dL/da     = sum_i -<g_i, lambda_{i+1}>

             The same gradient to rounding, in the memory of one step.
`tesla`      as `recompute`, but without the Hessians H_i: lambda stays
             lambda_N (Cui et al. 2023, arXiv 2211.10586). An approximation
             that ignores how early images change later gradients: exact for
             N = 1; for N from 5 to 50 it is off by 3 to 18 % of the image
             gradient's norm at a = 0.01, and by 30 to 59 % at a = 0.1, at
             cosines down to 0.98 and 0.88 (`benchmarks/tesla_error.py`).
             Saves a tenth of the time.

The products with H_i and dg_i/dX_i are one reverse-mode pass through the
reverse-mode gradient g_i. Carrying lambda forward through g_i instead needs as
many convolutions, but TensorFlow's forward mode treats every operation by
itself: it took 2.1 times as long (`benchmarks/hessian_product.py`).

`chunks` cuts every minibatch into equal parts that are treated one after the
other. Their gradients add up to the whole one's, so that nothing changes but
rounding, and the memory of a step becomes that of a part.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from fred_tf.sequential import repeat


class Student(NamedTuple):
    """What the student trains on, and for how long.

    Attributes:
        batch: (images `[n, ...]`, labels, position) to the minibatch of a
            step, images `[b, ...]` and their labels, by pure and differentiable
            ops. Labels are int `[n]`, or probabilities `[n, classes]`.
        loss: (theta `[parameters]`, minibatch images, labels) to the mean
            loss.
        steps: N, at least 1.
        chunks: parts into which a minibatch is cut; a divisor of b.
    """

    batch: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    loss: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
    steps: int
    chunks: int = 1


def chunks_of(instances: int, student_batch: int, student_chunk: int) -> int:
    """Returns into how many parts each minibatch is cut.

    Args:
        instances: images of the synthetic set.
        student_batch: images a student step; 0 means all.
        student_chunk: images a part; 0 means the whole minibatch.

    Raises:
        ValueError: `student_chunk` does not divide the minibatch.
    """
    batch = min(student_batch or instances, instances)
    chunk = min(student_chunk or batch, batch)
    if batch % chunk:
        divisor = next(c for c in range(chunk, 0, -1) if batch % c == 0)
        raise ValueError(
            "`student_chunk` must divide the images of a student step "
            f"({batch}), or be 0 for all at once. Received: {student_chunk}. "
            f"The next smaller divisor is {divisor}."
        )
    return batch // chunk


def store(
    student: Student,
    start: tf.Tensor,
    learning_rate: tf.Tensor,
    images: tf.Tensor,
    labels: tf.Tensor,
) -> tf.Tensor:
    """Returns theta_N by plain unrolling.

    Args:
        student: the steps to make.
        start: theta_0 `[parameters]`.
        learning_rate: scalar a.
        images: all decoded instances `[n, height, width, channels]`.
        labels: theirs, see `Student`.
    """
    theta = start
    for position in range(student.steps):
        batch = student.batch(images, labels, tf.constant(position))
        pieces = _pieces(student, *batch)
        theta -= tf.add_n(
            [
                _update(student, theta, learning_rate, part, part_labels)
                for part, part_labels in zip(*map(tf.unstack, pieces))
            ]
        )
    return theta


def recompute(
    student: Student,
    start: tf.Tensor,
    learning_rate: tf.Tensor,
    images: tf.Tensor,
    labels: tf.Tensor,
    hessian: bool = True,
) -> tf.Tensor:
    """Returns theta_N, with the adjoint as its gradient.

    Args:
        student, start, learning_rate, images, labels: see `store`.
        hessian: False drops the Hessian terms, which is TESLA.
    """

    # What is differentiated must be an argument of `roll`.
    soft = [labels] if labels.dtype.is_floating else []

    @tf.custom_gradient
    def roll(start, learning_rate, images, *soft):
        sources = images, soft[0] if soft else labels

        def forward(position, theta, path):
            update = _whole_update(
                student, theta, learning_rate, *sources, position
            )
            return theta - update, path.write(position, theta)

        end, path = repeat(
            student.steps,
            forward,
            start,
            tf.TensorArray(
                start.dtype,
                student.steps,
                clear_after_read=False,
                element_shape=start.shape,
            ),
        )

        def gradient(upstream):
            def backward(turn, adjoint, of_rate, of_sources):
                position = student.steps - 1 - turn
                (*of_theta, rate_product), products = _products(
                    student,
                    path.read(position),
                    learning_rate,
                    *sources,
                    position,
                    -adjoint,
                    hessian,
                )
                return (
                    tf.add_n([adjoint, *of_theta]),
                    of_rate + rate_product,
                    [
                        total + product
                        for total, product in zip(of_sources, products)
                    ],
                )

            of_start, of_rate, of_sources = repeat(
                student.steps,
                backward,
                upstream,
                tf.zeros_like(learning_rate),
                [tf.zeros_like(source) for source in (images, *soft)],
            )
            return of_start, of_rate, *of_sources

        return end, gradient

    return roll(start, learning_rate, images, *soft)


STUDENT_MEMORY = {
    "recompute": recompute,
    "store": store,
    "tesla": functools.partial(recompute, hessian=False),
}


def _update(student: Student, theta, learning_rate, images, labels):
    """Returns what one part of a minibatch takes off theta."""
    with tf.GradientTape() as tape:
        tape.watch(theta)
        # The rate scales the loss, not its gradient: then dL/da is found at
        # the logits, and no weight gradient is computed for its sake.
        share = learning_rate / student.chunks
        loss = share * student.loss(theta, images, labels)
    return tape.gradient(loss, theta)


def _whole_update(
    student: Student, theta, learning_rate, images, labels, position
):
    parts, labels = _pieces(student, *student.batch(images, labels, position))

    def add(chunk, total):
        update = _update(
            student, theta, learning_rate, parts[chunk], labels[chunk]
        )
        return (total + update,)

    (total,) = repeat(student.chunks, add, tf.zeros_like(theta))
    return total


def _products(
    student: Student,
    theta,
    learning_rate,
    images,
    labels,
    position,
    direction,
    hessian: bool,
) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    """Differentiates <direction, a g>.

    Returns:
        The derivatives in theta (with `hessian`) and a; and those in the images
        and in the labels, if these are probabilities.
    """
    sources = [images, labels] if labels.dtype.is_floating else [images]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        batch = student.batch(images, labels, position)
    pieces = _pieces(student, *batch)
    whole = [theta, learning_rate] if hessian else [learning_rate]

    def add(chunk, of_whole, of_pieces):
        part, part_labels = (piece[chunk] for piece in pieces)
        learned = [part, part_labels][: len(sources)]
        with tf.GradientTape() as tape:
            tape.watch([*whole, *learned])
            update = _update(student, theta, learning_rate, part, part_labels)
        products = tape.gradient(
            update, [*whole, *learned], output_gradients=direction
        )
        return (
            [total + product for total, product in zip(of_whole, products)],
            [
                array.write(chunk, product)
                for array, product in zip(of_pieces, products[len(whole) :])
            ],
        )

    of_whole, of_pieces = repeat(
        student.chunks,
        add,
        [tf.zeros_like(x) for x in whole],
        [
            tf.TensorArray(
                piece.dtype, student.chunks, element_shape=piece.shape[1:]
            )
            for piece in pieces[: len(sources)]
        ],
    )
    of_batch = [
        tf.reshape(array.stack(), tf.shape(x))
        for array, x in zip(of_pieces, batch)
    ]
    of_sources = tape.gradient(
        batch[: len(sources)], sources, output_gradients=of_batch
    )
    return of_whole, [tf.convert_to_tensor(x) for x in of_sources]


def _pieces(student: Student, images, labels):
    """Cuts a minibatch: images and labels `[chunks, c, ...]`."""
    size = images.shape[0] // student.chunks
    return tuple(
        tf.reshape(x, [student.chunks, size, *x.shape[1:]])
        for x in (images, labels)
    )
