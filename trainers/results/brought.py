"""What brings a method's preset of other data or budgets to some data.

Of these come the images and how they are prepared, the network's depth, the
augmentation, and how much of an image is kept; of the method all else.
"""

import functools
import math
from collections.abc import Iterator, Sequence

from fred_tf import config as config_lib
from fred_tf.config import Config
from fred_tf.datasets.class_lists import names
from fred_tf.disk import records
from fred_tf.normalizations import Standardize
from fred_tf.normalizations.zca import MOST_PIXELS
from fred_tf.objectives import FeatureRegression

# What of the data is brought to a preset, beside all of `preparation`.
_OF_DATA = "dataset", "network.depth"
_OF_MEMORY = (
    "parameterization.coefficients_per_channel",
    "parameterization.kept_share",
)
# Of data that only who prepares them has: shape of the images and classes.
_UNKNOWN = {"tiny_imagenet": ((64, 64, 3), 200)}


def changes(there: Config, these: Sequence[Config], ipc: int) -> list[str]:
    """Returns the overrides that bring settings to data and a budget.

    Args:
        there: the settings.
        these: all presets of the data, the one of the fewest images first.
        ipc: images per class.
    """
    here = these[0]
    different = differences(there, here)
    found = [
        f"{path}={_value(here, path)}"
        for path in different
        if path in _OF_DATA or path.startswith("preparation.")
    ]
    if there.ipc != ipc:
        found.append(f"ipc={ipc}")
    if _data(there) != _data(here):
        found += _of_other_data(there, these, ipc)
    return found


def channels(config: Config) -> int:
    """Returns the channels that images of some settings have."""
    return _known(config)[0][-1]


def _of_other_data(
    there: Config, these: Sequence[Config], ipc: int
) -> Iterator[str]:
    """Yields what suits the images of other data alone."""
    own = there.augmentation
    # Operations with settings of their own are of IDC.
    alike = (c.augmentation for c in these if ("+" in own) == _is_of_idc(c))
    drawn = next((a for a in alike if a != "none"), own)
    if own not in ("none", drawn):
        yield f"augmentation={drawn}"
    kept = [
        config
        for config in these
        if config.parameterization.name == there.parameterization.name
    ]
    if kept:
        nearest = min(kept, key=lambda config: abs(config.ipc - ipc))
        for path in _OF_MEMORY:
            if path in differences(there, nearest):
                yield f"{path}={_value(nearest, path)}"
    (shape, classes), (_, classes_there) = _known(these[0]), _known(there)
    if isinstance(there.objective, FeatureRegression.Settings):
        if classes != classes_there:
            scale = there.parameterization.label_scale or 1.0
            scale *= math.sqrt(classes_there / classes)
            yield f"parameterization.label_scale={scale:.4g}"
    whitens = there.normalization != Standardize.name
    if whitens and math.prod(shape) > MOST_PIXELS:
        yield f"normalization={Standardize.name}"


def _is_of_idc(config: Config) -> bool:
    return "+" in config.augmentation


def _data(config: Config) -> str:
    return config.preparation.classes or config.dataset


def _known(config: Config) -> tuple[tuple[int, ...], int]:
    """Returns the shape of the images and the number of classes."""
    if known := config_lib.known_images(config) or _UNKNOWN.get(config.dataset):
        return known
    side = config.preparation.image_size
    return (side, side, 3), len(names(config.preparation.classes))


def differences(there: Config, here: Config) -> records.Differences:
    """Returns the settings that differ, by their dotted names."""
    return records.differences(
        config_lib.to_json(there), config_lib.to_json(here)
    )


def _value(config: Config, path: str) -> object:
    return functools.reduce(getattr, path.split("."), config)
