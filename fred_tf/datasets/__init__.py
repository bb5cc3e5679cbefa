"""Real images: where they come from and how they are handed out."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from fred_tf.datasets import arrays, image_folder, pipelines
from fred_tf.datasets.class_batches import ClassBatches
from fred_tf.datasets.data_facts import DataFacts
from fred_tf.datasets.dataset_spec import KNOWN, DatasetSpec, base_name
from fred_tf.datasets.image_data import ImageData, Split, held_out, hold_out
from fred_tf.datasets.names import FOLDER
from fred_tf.disk import paths
from fred_tf.disk.files import Path
from fred_tf.normalizations import NORMALIZATIONS
from fred_tf.settings import check_one_of

__all__ = [
    "KNOWN",
    "ClassBatches",
    "DataFacts",
    "DatasetSpec",
    "ImageData",
    "SOURCES",
    "Source",
    "Split",
    "hold_out",
    "load",
]

# What data are called that have no name of their own.
IN_MEMORY = "arrays"


class Source(NamedTuple):
    """A kind of place that images come from.

    Attributes:
        takes: whether it is meant by what `load` was given.
        read: of that, `data_dir` and `download`: train split, test split or
            None, and class names.
    """

    takes: Callable[[Any], bool]
    read: Callable[[Any, Path | None, bool], arrays.Splits]


def _read_digits(source, data_dir, download):
    from fred_tf.datasets import digits  # Loads scikit-learn.

    return digits.read()


def _read_tfds(source, data_dir, download):
    from fred_tf.datasets import tfds_images  # Loads TensorFlow Datasets.

    return tfds_images.read(source, data_dir, download)


def _is_folder(source: Any) -> bool:
    return isinstance(source, str) and source.startswith(FOLDER)


# The first that takes it.
SOURCES = {
    "digits": Source(lambda source: source == "digits", _read_digits),
    "folder": Source(
        _is_folder, lambda source, *_: image_folder.read(source[len(FOLDER) :])
    ),
    "arrays": Source(arrays.takes, lambda source, *_: arrays.read(source)),
    "pipeline": Source(
        pipelines.takes, lambda source, *_: pipelines.read(source)
    ),
    "tfds": Source(lambda source: isinstance(source, str), _read_tfds),
}


def as_data(data: ImageData | Any) -> ImageData:
    """Returns data that are loaded as they are, and `load`s anything else."""
    return data if isinstance(data, ImageData) else load(data)


def load(
    source: Any,
    data_dir: Path | None = None,
    download: bool = False,
    holdout: float = 0.0,
    name: str | None = None,
    normalization: str = "standardize",
    class_names: Sequence[str] | None = None,
) -> ImageData:
    """Reads a data set into memory.

    ```python
    load("digits")  # comes with scikit-learn
    load("folder:photos")  # photos/train/<class>/*.png, photos/test/...
    load("cifar10", data_dir="~/tensorflow_datasets")
    load((images, labels))  # or ((images, labels), (images, labels)) with test
    load(dataset)  # a tf.data.Dataset of (image, label), or a pair with test
    ```

    Data sets in `KNOWN` are standardised with its constants; every other
    normalisation is fitted on the training split, without what is held out.

    Args:
        source: `digits`, `folder:<path>`, a TensorFlow Datasets name
            `name[/config][:version]`, arrays, or `tf.data` pipelines.
        data_dir: where TensorFlow Datasets keeps its data; None for its
            default, ~/tensorflow_datasets.
        download: whether TensorFlow Datasets may download a missing set.
        holdout: share of the training images of each class that replaces the
            test split, to choose settings by; 0 leaves the splits as they are.
        name: what data in memory are called; others have their own.
        normalization: a name in `NORMALIZATIONS`.
        class_names: what the classes of data in memory are called, in the
            order of their labels; by default their numbers. Others have names
            of their own.

    Raises:
        FileNotFoundError: the files are missing; no network is touched unless
            `download` is True.
        OSError: the files are damaged.
        ValueError: the name is unknown, `paths.checked` refuses `data_dir`, or
            the data do not suit image classification; see `tfds_images.read`,
            `image_folder.read`, `arrays.read`, `Split` and `ImageData`.
        TypeError: no kind of source is like this.
    """
    reader = next((s for s in SOURCES.values() if s.takes(source)), None)
    if reader is None:
        raise TypeError(
            "Data are a name, a pair of arrays (images, labels), a "
            "`tf.data.Dataset` of such pairs, or two of these to train on and "
            f"to test with. Received: {type(source).__name__}."
        )
    if isinstance(source, str) and source == IN_MEMORY:
        raise ValueError(
            "Data that were handed over in memory cannot be loaded by name. "
            f"Received: {source!r}. Pass the arrays themselves, in Python."
        )
    data_dir = paths.optional(data_dir, "data_dir")
    train, test, own_names = reader.read(source, data_dir, download)
    class_names = _class_names(source, class_names, own_names)
    called = source if isinstance(source, str) else name or IN_MEMORY
    spec = KNOWN.get(base_name(called)) if isinstance(source, str) else None
    given = train.images.shape[1:], len(class_names)
    if spec and given != (spec.image_shape, spec.classes):
        raise ValueError(
            f"{called!r} must have images {spec.image_shape} of {spec.classes} "
            f"classes. Received: {given[0]} of {given[1]}. Give a data set of "
            "your own another name."
        )
    check_one_of("normalization", normalization, NORMALIZATIONS)
    if holdout:  # Instead of a test split, whatever that is like.
        train, test = held_out(train, class_names, holdout)
    fitted = (
        spec.normalization
        if spec and spec.normalization.name == normalization
        else NORMALIZATIONS[normalization].fit(train.images)
    )
    return ImageData(called, train, test, class_names, fitted, holdout)


def _class_names(
    source: Any, given: Sequence[str] | None, own: tuple[str, ...]
) -> tuple[str, ...]:
    """Returns the names of classes, given ones only of data in memory."""
    if given is None:
        return own
    if isinstance(source, str):
        raise ValueError(
            "`class_names` are for data in memory; others have their own. "
            f"Received: {list(given)} with {source!r}. Leave them out."
        )
    if len(given) < len(own):
        raise ValueError(
            f"`class_names` must name each of {len(own)} classes. Received: "
            f"{list(given)}. Add the others."
        )
    return tuple(given)
