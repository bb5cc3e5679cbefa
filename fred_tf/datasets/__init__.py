"""Real images: where they come from and how they are handed out."""

from fred_tf.datasets import digits, image_folder, tfds_images
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.datasets.data_facts import DataFacts
from fred_tf.datasets.dataset_spec import KNOWN, DatasetSpec, base_name
from fred_tf.datasets.image_data import ImageData, Split, hold_out
from fred_tf.normalizations import Standardize

__all__ = [
    "KNOWN",
    "ClassBatches",
    "DataFacts",
    "DatasetSpec",
    "ImageData",
    "Split",
    "hold_out",
    "load",
]

_FOLDER = "folder:"


def load(
    name: str, data_dir: str | None = None, download: bool = False
) -> ImageData:
    """Reads a data set into memory.

    ```python
    load("digits")  # comes with scikit-learn
    load("folder:photos")  # photos/train/<class>/*.png, photos/test/...
    load("cifar10", data_dir="~/tensorflow_datasets")
    ```

    Data sets in `KNOWN` are standardised with its constants, others with the
    mean and deviation of their training split.

    Args:
        name: `digits`, `folder:<path>`, or a TensorFlow Datasets name
            `name[/config][:version]`.
        data_dir: where TensorFlow Datasets keeps its data; None for its
            default, ~/tensorflow_datasets.
        download: whether TensorFlow Datasets may download a missing set.

    Raises:
        FileNotFoundError: the files are missing; no network is touched unless
            `download` is True.
        OSError: the files are damaged.
        ValueError: the name is unknown, or the data do not suit image
            classification; see `tfds_images.read`, `image_folder.read`,
            `Split` and `ImageData`.
    """
    if name == "digits":
        train, test, class_names = digits.read()
    elif name.startswith(_FOLDER):
        train, test, class_names = image_folder.read(name[len(_FOLDER) :])
    else:
        train, test, class_names = tfds_images.read(name, data_dir, download)
    spec = KNOWN.get(base_name(name))
    found = train.images.shape[1:], len(class_names)
    if spec and found != (spec.image_shape, spec.classes):
        raise ValueError(
            f"{name!r} must have images {spec.image_shape} of {spec.classes} "
            f"classes. Received: {found[0]} of {found[1]}. Give a data set of "
            "your own another name."
        )
    normalization = (
        spec.normalization if spec else Standardize.fit(train.images)
    )
    return ImageData(name, train, test, class_names, normalization)
