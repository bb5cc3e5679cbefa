"""Cutmix: a box of another image in an image, and a mixture of their labels."""

import tensorflow as tf

from fred_tf import seeds

# As both are given the seed of a batch: beyond what augmentations fold in.
_STREAM = 1000


def mixed(
    images: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, probability: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mixes the images of a batch with one another, and what they are.

    With some probability all images of the batch get a box of another one,
    which a permutation pairs with them:

        x_i <- box x_p(i) + (1 - box) x_i,  y_i <- a y_p(i) + (1 - a) y_i

    where a is the share of the image that the box covers. Its middle is any
    pixel, its area a share of U(0, 1), of the image's form, before what reaches
    over the border is cut off (Yun et al. 2019, arXiv 1905.04899, with beta 1).
    A loss that is linear in its targets, as cross-entropy is, becomes the same
    mixture of two losses.

    Args:
        images: `[n, height, width, channels]`, or more spatial axes.
        targets: floating `[n, classes]`.
        seed: int32 `[2]`; may be that of the batch's augmentation.
        probability: in [0, 1].

    Returns:
        Like `images` and `targets`.
    """
    own = seeds.fold(seed, _STREAM)
    spatial = images.shape[1:-1]
    numbers = tf.random.stateless_uniform([2], seeds.fold(own, 0))
    # A box without pixels leaves the batch as it is.
    area = tf.where(numbers[0] < probability, numbers[1], 0.0)
    side = area ** (1 / len(spatial))
    inside, covered = tf.constant(True), tf.constant(1.0)
    for axis, size in enumerate(spatial):
        middle = tf.random.stateless_uniform(
            [], seeds.fold(own, 1 + axis), 0, size, tf.int32
        )
        half = tf.cast(side * size, tf.int32) // 2
        position = tf.range(size)
        within = (position >= middle - half) & (position < middle + half)
        shape = [1] * len(spatial)
        shape[axis] = size
        inside = inside & tf.reshape(within, shape)
        covered *= tf.reduce_mean(tf.cast(within, tf.float32))
    order = seeds.permutation(
        seeds.fold(own, 1 + len(spatial)), tf.shape(images)[0]
    )
    box = tf.cast(inside[..., tf.newaxis], images.dtype)
    share = tf.cast(covered, targets.dtype)
    return (
        box * tf.gather(images, order) + (1 - box) * images,
        share * tf.gather(targets, order) + (1 - share) * targets,
    )


def check_mixed(name: str, probability: float, classes: int) -> None:
    """Refuses to mix images where all are of one class.

    Args:
        name: the setting.
        probability: its value.
        classes: of the data.

    Raises:
        ValueError: there is only one class.
    """
    if probability and classes < 2:
        raise ValueError(
            f"`{name}` mixes images of several classes. Received: "
            f"{probability} with {classes} class. Override it by 0."
        )
