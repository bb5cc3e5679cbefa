"""Images that a `tf.data` pipeline hands out."""

from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf.datasets import arrays


def takes(source: Any) -> bool:
    """Returns whether `source` is one `tf.data.Dataset`, or two."""
    return isinstance(source, tf.data.Dataset) or (
        isinstance(source, tuple | list)
        and len(source) == 2
        and all(isinstance(part, tf.data.Dataset) for part in source)
    )


def read(source: Any) -> arrays.Splits:
    """Returns train split, test split (or None) and class names.

    Args:
        source: a finite dataset of `(image, label)`, batched or not, or a pair
            of them, of which the second has test images. Both are as
            `arrays.read` takes them, an image alone without the first axis.

    Raises:
        ValueError: elements are no such pairs, images differ in size, or the
            dataset repeats for ever; see also `arrays.read`.
    """
    if isinstance(source, tf.data.Dataset):
        return arrays.read(_arrays(source))
    return arrays.read(tuple(map(_arrays, source)))


def _arrays(dataset: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray]:
    spec = dataset.element_spec
    if not (
        isinstance(spec, tuple) and len(spec) == 2 and all(map(_is_array, spec))
    ):
        raise ValueError(
            "Elements of a dataset must be (image, label), two arrays of "
            f"numbers. Received: elements like {spec}. Map it to such pairs "
            "first, e.g. with `as_supervised=True`."
        )
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "A dataset must end, for it is read into memory. Received: one "
            "that repeats for ever. Leave `repeat` out."
        )
    images, labels = [], []
    batched = _is_batched(spec[0].shape, spec[1].shape)
    for image, label in dataset.as_numpy_iterator():
        images.append(image if batched else image[None])
        labels.append(label if batched else np.asarray(label)[None])
    if not images:
        raise ValueError(
            "A dataset must have elements. Received: an empty one."
        )
    if len({part.shape[1:] for part in images}) > 1:
        raise ValueError(
            "All images must have the same size. Received: "
            f"{sorted({part.shape[1:] for part in images})}. Resize them in "
            "the pipeline, e.g. with `tf.image.resize`."
        )
    return np.concatenate(images), np.concatenate(labels)


def _is_array(spec: Any) -> bool:
    """Returns whether a part of an element is an array of numbers."""
    return isinstance(spec, tf.TensorSpec) and (
        spec.dtype.is_integer or spec.dtype.is_floating or spec.dtype.is_bool
    )


def _is_batched(image: tf.TensorShape, label: tf.TensorShape) -> bool:
    """Returns whether the first axis of both counts images.

    Of three axes the last may be channels; none is as narrow as they are few.
    """
    one = image.rank == 3 and (label == [1] or image[-1] in (1, 3, 4))
    alike = label.rank in (1, 2) and label[:1].is_compatible_with(image[:1])
    return alike and not one
