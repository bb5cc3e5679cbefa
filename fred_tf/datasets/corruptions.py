"""Corrupted test images, to see what a distilled set teaches beyond them."""

import difflib
import re
from collections.abc import Sequence

import numpy as np

from fred_tf import seeds
from fred_tf.datasets import tfds_images
from fred_tf.datasets.dataset_spec import base_name
from fred_tf.datasets.image_data import ImageData, Split
from fred_tf.disk.files import Path

# The fifteen of Hendrycks & Dietterich 2019 (arXiv 1903.12261), as the library
# `imagecorruptions` and imagenet2012_corrupted name them; cifar10_corrupted
# has other names for two.
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
    `train/n01440764/...`), those classes only and in the size of the data.
    Otherwise they are computed from the test split with the library
    `imagecorruptions`, an optional extra, whose strengths are those of
    ImageNet-C: on 32 x 32 pixels they are harsher than CIFAR-10-C.

    Args:
        data: the clean data.
        name: in `CORRUPTIONS`.
        severity: 1 to 5.
        data_dir: where TensorFlow Datasets keeps its data.
        images: how many of the first test images; 0 means all.

    Returns:
        The split, uint8, and `tfds:<name>` or `imagecorruptions`.

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
    count = images or len(data.scored)
    prepared = _prepared(data, name, severity, data_dir)
    if prepared:
        if prepared.startswith(_IMAGENET):
            split = tfds_images.read_classes(
                prepared, data_dir, data.class_names, data.image_shape
            )
        else:
            split = tfds_images.read_test(prepared, data_dir, data.class_names)
        source = f"tfds:{prepared}"
        return _first(data, split.images, split.labels, count), source
    check_size(data.image_shape)
    clean = data.scored
    corrupted = corrupt(_bytes(clean.images[:count]), name, severity)
    return _first(data, corrupted, clean.labels, count), "imagecorruptions"


def _first(
    data: ImageData, images: np.ndarray, labels: np.ndarray, count: int
) -> Split:
    """Returns the first images, which must be of all classes that are tested.

    Raises:
        ValueError: some classes come later only.
    """
    missing = np.setdiff1d(data.scored.labels, labels[:count])
    if missing.size:
        raise ValueError(
            f"The first {count} corrupted images must be of every class that "
            f"is tested. Received: none of {data.class_names[missing[0]]!r}. "
            "Take more, or all with --corrupted_images=0."
        )
    return Split(images[:count], labels[:count])


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


def corrupt(images: np.ndarray, name: str, severity: int) -> np.ndarray:
    """Returns uint8 images corrupted by the library `imagecorruptions`.

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
    try:
        import imagecorruptions
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Corrupted images are not prepared in `--data_dir` and cannot be "
            f"computed: {error}. Install what computes them: pip install "
            '"fred-tf[corruptions]".'
        ) from error
    before = np.random.get_state()
    try:
        done = []
        for position, image in enumerate(images):
            seed = seeds.integer(0, "corruption", name, severity, position)
            np.random.seed(seed)
            result = imagecorruptions.corrupt(
                image,
                severity=severity,
                corruption_name=name,
                **({"seed": seed} if name in _SEEDED else {}),
            )
            done.append(result[..., : images.shape[-1]])
    finally:
        np.random.set_state(before)
    return np.stack(done)


def _prepared(
    data: ImageData, name: str, severity: int, data_dir: Path | None
) -> str | None:
    """Returns the TFDS name of prepared corrupted images, if there are any."""
    if base_name(data.name) == "cifar10":
        prepared_name = f"{_CIFAR10}/{CIFAR_NAMES.get(name, name)}_{severity}"
    elif all(map(_SYNSET.fullmatch, data.class_names)):
        prepared_name = f"{_IMAGENET}/{name}_{severity}"
    else:
        return None
    prepared = tfds_images.is_prepared(prepared_name, data_dir)
    return prepared_name if prepared else None


def _bytes(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return images
    return np.round(images * 255).astype(np.uint8)
