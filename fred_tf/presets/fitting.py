"""What settings become on some data: a pure function of both.

A run records the settings that it was made with, not those that were asked
for. Asked for again with the same data they become the same, and settings that
have become so stay as they are: so a run continues with the command that began
it, and its own record makes it anew.
"""

import dataclasses
import math

import numpy as np
from absl import logging

from fred_tf import budget
from fred_tf import config as config_lib
from fred_tf.augmentations import suited
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.disk import records
from fred_tf.objectives import OBJECTIVES
from fred_tf.parameterizations import PARAMETERIZATIONS, byte_budget
from fred_tf.parameterizations.frequency_settings import FrequencySettings

# A class of so many times the images of another is worth a line.
_UNEQUAL = 1.5


def sized(config: Config, image_shape: tuple[int, ...]) -> Config:
    """Returns settings with what they leave to the size of the images.

    That is kept coefficients of which a share is given, and a network's depth
    of 0. Volumes lose the operations of augmentations that are not of them.

    Args:
        config: the settings.
        image_shape: `[height, width, channels]`, or more spatial axes.
    """
    return dataclasses.replace(
        config,
        objective=config.objective.sized(image_shape),
        parameterization=config.parameterization.sized(image_shape),
        network=config.network.sized(image_shape),
        augmentation=suited(config.augmentation, image_shape),
        evaluation=config.evaluation.sized(image_shape),
    )


def counted(
    config: Config, image_shape: tuple[int, ...], classes: int
) -> Config:
    """Returns settings with the `ipc` that a budget in bytes comes to.

    That is the fewest whole images that have as many floats.

    Args:
        config: the settings; those without such a budget stay.
        image_shape: `[height, width, channels]`, or more spatial axes.
        classes: number of classes.

    Raises:
        ValueError: the budget is out of range.
    """
    if not (bytes_asked := config.parameterization.budget_bytes):
        return config
    floats = config_lib.float_bytes(config, image_shape, classes)
    ipc = math.ceil(floats / budget.bytes_of(image_shape, 1, classes))
    if ipc > config_lib.MOST_IPC:
        raise ValueError(
            "`budget_bytes` must hold as many floats as "
            f"{config_lib.MOST_IPC:,} images of each class at most. "
            f"Received: {bytes_asked:,}, which hold those of {ipc:,}. Lower it."
        )
    return dataclasses.replace(config, ipc=ipc)


def recorded(config: Config, data: ImageData) -> Config:
    """Returns settings as a run on some data has them, and records them.

    Those that `fitted` gives, with the step size that is usual.

    Args:
        config: the settings asked for.
        data: the real data.
    """
    return config_lib.resolved(fitted(config, data), data.image_shape)


def fitted(config: Config, data: ImageData) -> Config:
    """Returns settings that need no more real images than there are.

    Nothing is drawn twice: fewer real images of a class are looked at in a
    step, a memory keeps more of fewer instances, and an expert's batch is all
    there is. What the smallest class has bounds all classes.

    Args:
        config: the settings asked for.
        data: the real data.

    Raises:
        ValueError: a budget in bytes is out of range.
    """
    shape, counts = data.image_shape, _counts(data)
    smallest = int(counts.min())
    config = counted(sized(config, shape), shape, data.classes)
    memory = config.parameterization
    member = PARAMETERIZATIONS[memory.name]
    sizes = shape, data.classes, config.ipc, smallest
    return dataclasses.replace(
        config,
        parameterization=member.shrunk(memory, *sizes),
        objective=config.objective.shrunk(smallest),
        experts=dataclasses.replace(
            config.experts,
            batch_size=min(config.experts.batch_size, len(data.train)),
        ),
    )


def check_sections(config: Config, data: ImageData) -> None:
    """Refuses settings whose sections do not fit each other on some data.

    Configs ask for it themselves, where sizes are known before data are read;
    what `fitted` gives may be of other sizes.

    Args:
        config: settings, as `fitted` gives them.
        data: the real data.

    Raises:
        ValueError: see `Settings.check_run`, or the budget cannot be met.
    """
    about = data.image_shape, data.classes
    instances = data.classes * config_lib.instances_per_class(config, *about)
    config.parameterization.check_run(config, instances)
    config.objective.check_run(config, instances)


def check(config: Config, data: ImageData) -> None:
    """Refuses a memory that begins with more real images than there are.

    Args:
        config: settings, as `fitted` gives them.
        data: the real data.

    Raises:
        ValueError: the smallest class has too few, or the budget cannot be
            met.
    """
    memory, counts = config.parameterization, _counts(data)
    needed = PARAMETERIZATIONS[memory.name].real_images(
        memory, data.image_shape, data.classes, config.ipc
    )
    least = int(counts.argmin())
    if needed > counts[least]:
        size, name, way_out = config.ipc, "ipc", "Lower `ipc`"
        if memory.budget_bytes:
            size, name = memory.budget_bytes, "budget_bytes"
            way_out = (
                "Keep more coefficients of each, lower "
                "`parameterization.step` or `budget_bytes`"
            )
        raise ValueError(
            f"A memory of `{name}` {size} begins with {needed:,} real "
            "images of each class. Received: "
            f"{counts[least]:,} of class {data.class_names[least]!r} in "
            f"{data.name!r}. {way_out}, or add images."
        )


def tell(asked: Config, config: Config, data: ImageData) -> None:
    """Logs what settings have become, and what is odd about them.

    Args:
        asked: the settings asked for.
        config: what became of them.
        data: the real data.
    """
    counts = _counts(data)
    least, most = int(counts.argmin()), int(counts.argmax())
    before, after = (
        config_lib.to_json(config_lib.resolved(x, data.image_shape))
        for x in (sized(asked, data.image_shape), config)
    )
    pairs = records.differences(before, after)
    if not OBJECTIVES[config.objective.name].needs_experts:
        pairs.pop("experts.batch_size", None)
    if asked.augmentation != config.augmentation:
        pairs["augmentation"] = asked.augmentation, config.augmentation
    if pairs:
        changes = [f"`{name}` {a} -> {b}" for name, (a, b) in pairs.items()]
        logging.warning(
            "Settings become what %s has (%s; %s images in all, %s of class "
            "%r, the smallest): %s.",
            data.name,
            "x".join(map(str, data.image_shape)),
            f"{len(data.train):,}",
            f"{counts[least]:,}",
            data.class_names[least],
            ", ".join(changes),
        )
    for section in (config.objective, config.distiller):
        for remark in section.remarks(config):
            logging.warning("%s", remark)
    memory = config.parameterization
    if isinstance(memory, FrequencySettings) and memory.budget_bytes:
        about = data.image_shape, data.classes
        images = config_lib.instances_per_class(config, *about)
        size = byte_budget.predicted(memory, *about, images)
        logging.info(
            "`budget_bytes` %s holds %s images of each class, in about %s "
            "bytes.",
            *(f"{number:,}" for number in (memory.budget_bytes, images, size)),
        )
    if counts[most] >= _UNEQUAL * counts[least]:
        logging.warning(
            "The classes of %s are unequal: from %s images (%r) to %s (%r). "
            "Each counts alike in what is matched, and has as many images in "
            "the distilled set.",
            data.name,
            f"{counts[least]:,}",
            data.class_names[least],
            f"{counts[most]:,}",
            data.class_names[most],
        )


def _counts(data: ImageData) -> np.ndarray:
    """Returns how many training images each class has."""
    return np.bincount(data.train.labels, minlength=data.classes)
