"""Test images of other data sets, to see what a distilled set teaches."""

import dataclasses

from fred_tf.datasets import sources, tfds_images
from fred_tf.datasets.dataset_spec import classes_of
from fred_tf.datasets.image_data import ImageData, Split
from fred_tf.disk.files import Path

# TFDS would take the older version, whose classes are of unequal sizes.
_USUAL = {"cifar10_1": "cifar10_1/v6"}


def named(name: str) -> str:
    """Returns the data set of TensorFlow Datasets that a name stands for.

    `cifar10_1` is `cifar10_1/v6`, the version that FreD's code reads.
    """
    return _USUAL.get(name, name)


def load(
    data: ImageData,
    name: str,
    data_dir: Path | None = None,
    download: bool = False,
) -> Split:
    """Returns the test images of another data set.

    It may be any of TensorFlow Datasets with a split `test` or `validation`,
    and needs no other: `cifar10_1/v4` for CIFAR-10, say, or one of the
    corruptions that `corruptions` leaves out, `cifar10_corrupted/spatter_3`.

    Args:
        data: the data set whose test images these stand beside.
        name: from `named`.
        data_dir: where TensorFlow Datasets keeps its data.
        download: whether a missing set may be downloaded and prepared.

    Raises:
        FileNotFoundError: it is not prepared and `download` is False.
        OSError: the prepared files are damaged.
        ValueError: it is no name of TensorFlow Datasets, or its images or
            classes are not those of `data`, see also `tfds_images.read_test`.
    """
    if sources.source_of(name) is not sources.SOURCES["tfds"]:
        raise ValueError(
            "`--test_on` takes names of TensorFlow Datasets. Received: "
            f"{name!r}. Prepare these images as one of its data sets, which "
            "may have a split `test` alone."
        )
    wanted = classes_of(data.dataset, data.class_names)
    split = tfds_images.read_test(name, data_dir, wanted, download)
    if split.images.shape[1:] != data.image_shape:
        raise ValueError(
            f"Test images must have the shape of {data.name!r}, which is "
            f"{data.image_shape}. Received: {split.images.shape[1:]} in "
            f"{name!r}. Name a set of this size."
        )
    # Warns of classes without images, and refuses one class alone.
    dataclasses.replace(data, dataset=name, test=split)
    return split
