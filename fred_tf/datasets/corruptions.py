"""Corrupted test images, to see what a distilled set teaches beyond them."""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fred_tf import progress, seeds
from fred_tf.datasets import tfds_images
from fred_tf.datasets.dataset_spec import KNOWN, base_name, classes_of
from fred_tf.datasets.image_data import ImageData, Split
from fred_tf.datasets.preparation import Preparation
from fred_tf.datasets.raw_images import HELD_BACK_SPLIT
from fred_tf.disk.files import Path

# The fifteen of Hendrycks & Dietterich 2019 (arXiv 1903.12261) in the order of
# all tables, named as in the library `imagecorruptions` and in
# imagenet2012_corrupted. cifar10_corrupted has other names for two, and four
# more corruptions, which no mean counts.
CORRUPTIONS = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
)
SEVERITIES = (1, 2, 3, 4, 5)
# The TFDS sets of published corrupted images. ImageNet's classes are known by
# their synsets, which also name the folders of its usual subsets.
_CIFAR10 = "cifar10_corrupted"
_IMAGENET = "imagenet2012_corrupted"
_SYNSET = re.compile(r"n\d{8}")
CIFAR_NAMES = {
    "glass_blur": "frosted_glass_blur",
    "elastic_transform": "elastic",
}
# What the library draws from a seed of its own unless it is given one.
_SEEDED = ("impulse_noise", "glass_blur")
_LEAST_SIZE = 32
# What the strengths of ImageNet-C, which are the library's, are made for; and
# the smallest images that are brought to this size for them. Those of 32 pixels
# have strengths of their own in CIFAR-10-C, which are in no library.
_SIZE, _LEAST_ENLARGED = 224, 64


def named(text: str) -> tuple[str, ...]:
    """Returns the corruptions of a comma-separated list, or of `all`.

    Raises:
        ValueError: a name is unknown; the message suggests the nearest.
    """
    if text == "all":
        return CORRUPTIONS
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in CORRUPTIONS:
            near = difflib.get_close_matches(name, CORRUPTIONS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                "A corruption must be 'all' or one of "
                f"{', '.join(CORRUPTIONS)}. Received: {name!r}.{hint}"
            )
    return names


def load_all(
    data: ImageData,
    names: Collection[str],
    severity: int,
    data_dir: Path | None = None,
    images: int = 0,
) -> tuple[dict[str, Split], dict[str, Any]]:
    """Returns corrupted test images by name, and how they were made.

    Args:
        data: the clean data.
        names: in `CORRUPTIONS`.
        severity: 1 to 5.
        data_dir: where TensorFlow Datasets keeps its data.
        images: how many of the first test images; 0 means all.

    Returns:
        The splits; and `severity` and `sources`, fit for JSON, which tell an
        evaluation on them from others.

    Raises:
        ModuleNotFoundError, OSError, ValueError: as of `load`.
    """
    check(data, names, severity, data_dir, images)
    loaded = {
        name: load(data, name, severity, data_dir, images) for name in names
    }
    splits = {name: split for name, (split, _) in loaded.items()}
    sources = {name: source for name, (_, source) in loaded.items()}
    return splits, {"severity": severity, "sources": sources}


def check(
    data: ImageData,
    names: Collection[str],
    severity: int,
    data_dir: Path | None = None,
    images: int = 0,
) -> None:
    """Refuses corrupted images that can neither be read nor computed.

    Args:
        data, names, severity, data_dir, images: as `load_all` takes them.

    Raises:
        ModuleNotFoundError, ValueError: as of `load`.
    """
    if not all(_prepared(data, name, severity, data_dir) for name in names):
        check_size(data.image_shape)
        _first(data, data.scored.labels, images)
        _library()


def source(facts: Mapping[str, Any]) -> str:
    """Returns where corrupted images come from, for a line.

    Args:
        facts: from `load_all`.
    """
    kinds = {place.partition("/")[0] for place in facts["sources"].values()}
    return ", ".join(sorted(kinds))


def means(corrupted: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    """Returns each network's mean accuracy over corruptions.

    Args:
        corrupted: by name, one accuracy per network; those of other test sets
            are left out.
    """
    values = [corrupted[name] for name in CORRUPTIONS if name in corrupted]
    return tuple(map(float, np.mean(values, axis=0)))


def load(
    data: ImageData,
    name: str,
    severity: int,
    data_dir: Path | None = None,
    images: int = 0,
) -> tuple[Split, str]:
    """Returns corrupted test images and where they come from.

    Published ones are read where TensorFlow Datasets has prepared them:
    `cifar10_corrupted/fog_5`, or `imagenet2012_corrupted/fog_5` for data whose
    classes are named by ImageNet's synsets (`folder:imagenette`, with
    `train/n01440764/...`), those classes only and brought to the size of the
    data as the data were.
    Otherwise they are computed from the test split with the library
    `imagecorruptions`, an optional extra, see `corrupt`.

    Args:
        data: the clean data.
        name: in `CORRUPTIONS`.
        severity: 1 to 5.
        data_dir: where TensorFlow Datasets keeps its data.
        images: how many of the first test images; 0 means all.

    Returns:
        The split, uint8, and `tfds:<name>`, `imagecorruptions`, or
        `imagecorruptions at 224 pixels`.

    Raises:
        ModuleNotFoundError: they must be computed and the extra is missing.
        OSError, ValueError: prepared ones are damaged, or not to be trusted.
        ValueError: the images are too small, or neither grey nor in colour,
            there are no test images, or the first `images` lack a class.
    """
    if severity not in SEVERITIES:
        raise ValueError(
            f"`severity` must be one of {SEVERITIES}. Received: {severity}."
        )
    prepared = _prepared(data, name, severity, data_dir)
    if prepared:
        if prepared.startswith(_IMAGENET):
            split = tfds_images.read_classes(
                prepared,
                data_dir,
                data.class_names,
                data.image_shape,
                Preparation.of(data.preparation).antialias,
            )
        else:
            wanted = classes_of(data.dataset, data.class_names)
            split = tfds_images.read_test(prepared, data_dir, wanted)
        labels = _first(data, split.labels, images)
        first = Split(split.images[: len(labels)], labels)
        return first, f"tfds:{prepared}"
    check_size(data.image_shape)
    labels = _first(data, data.scored.labels, images)
    clean = data.scored.images[: len(labels)]
    corrupted = corrupt(_bytes(clean), name, severity)
    enlarged = _enlarged(data.image_shape) != data.image_shape[:2]
    how = f"imagecorruptions{f' at {_SIZE} pixels' if enlarged else ''}"
    return Split(corrupted, labels), how


def _first(data: ImageData, labels: np.ndarray, images: int) -> np.ndarray:
    """Returns the first labels, which must be of all classes that are tested.

    Raises:
        ValueError: some classes come later only.
    """
    first = labels[: images or len(labels)]
    missing = np.setdiff1d(data.scored.labels, first)
    if missing.size:
        raise ValueError(
            f"The first {len(first)} corrupted images must be of every class "
            "that is tested. Received: none of "
            f"{data.class_names[missing[0]]!r}. Take more, or all with "
            "--corrupted_images=0."
        )
    return first


def check_size(image_shape: Sequence[int]) -> None:
    """Raises ValueError unless images of this shape can be corrupted."""
    if (
        len(image_shape) != 3
        or min(image_shape[:2]) < _LEAST_SIZE
        or image_shape[2] not in (1, 3)
    ):
        raise ValueError(
            f"Corruptions need images of at least {_LEAST_SIZE} x "
            f"{_LEAST_SIZE} pixels with 1 or 3 channels. Received: "
            f"{tuple(image_shape)}. Leave `--corruptions` out."
        )


def _library() -> Any:
    try:
        import imagecorruptions
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Corrupted images are not prepared in `--data_dir` and cannot be "
            f"computed: {error}. Install what computes them: pip install "
            '".[corruptions]" in a clone.'
        ) from error
    return imagecorruptions


def corrupt(images: np.ndarray, name: str, severity: int) -> np.ndarray:
    """Returns uint8 images corrupted by the library `imagecorruptions`.

    Its strengths are those of ImageNet-C, in pixels of images of 224. The
    published corrupted subsets of ImageNet are these images brought to 128: so
    images of 64 pixels or more, up to 224, are enlarged to that, corrupted, and
    brought back, both bilinearly without a filter. Others are corrupted as they
    are: larger ones more mildly, smaller ones more harshly, those of 32 than
    CIFAR-10-C, too.

    What happens to an image depends on the corruption, the severity and the
    image's position alone; the library draws from NumPy's global generator,
    which is put back, or from a seed that it is given.

    Args:
        images: uint8 `[n, height, width, 1 or 3]`.
        name: in `CORRUPTIONS`.
        severity: 1 to 5.

    Raises:
        ModuleNotFoundError: the library is not installed.
    """
    library = _library()
    size, channels = images.shape[1:3], images.shape[-1]
    before = np.random.get_state()
    try:
        done = []
        shown = progress.each(images, f"image with {name}", len(images))
        for position, image in enumerate(shown):
            seed = seeds.integer(0, "corruption", name, severity, position)
            np.random.seed(seed)
            result = library.corrupt(
                _resized(image, _enlarged(image.shape)),
                severity=severity,
                corruption_name=name,
                **({"seed": seed} if name in _SEEDED else {}),
            )
            done.append(_resized(result, size)[..., :channels])
    finally:
        np.random.set_state(before)
    return np.stack(done)


def _enlarged(image_shape: Sequence[int]) -> tuple[int, int]:
    """Returns the height and width at which images are corrupted."""
    height, width = image_shape[:2]
    short = min(height, width)
    if not _LEAST_ENLARGED <= short < _SIZE:
        return height, width
    return round(height * _SIZE / short), round(width * _SIZE / short)


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if image.shape[:2] == size:
        return image
    resized = tf.image.resize(image, size, antialias=False).numpy()
    return np.round(resized).astype(np.uint8)


def _prepared(
    data: ImageData, name: str, severity: int, data_dir: Path | None
) -> str | None:
    """Returns the TFDS name of prepared corrupted images, if there are any.

    They are of the test split: none are where training images stand for it.
    """
    if data.holdout or data.tested_on == HELD_BACK_SPLIT:
        return None
    if (
        base_name(data.dataset) == "cifar10"
        and data.image_shape == KNOWN["cifar10"].image_shape
        and len(data.class_names) == KNOWN["cifar10"].classes
    ):
        prepared_name = f"{_CIFAR10}/{CIFAR_NAMES.get(name, name)}_{severity}"
    elif data.image_shape[-1] == 3 and all(
        map(_SYNSET.fullmatch, data.class_names)
    ):
        prepared_name = f"{_IMAGENET}/{name}_{severity}"
    else:
        return None
    prepared = tfds_images.is_prepared(prepared_name, data_dir)
    return prepared_name if prepared else None


def _bytes(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return images
    return np.round(images * 255).astype(np.uint8)
