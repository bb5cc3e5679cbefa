"""What TensorBoard calls the numbers and pictures of a run, and says of them.

It shows them in the order of their names, so the loss comes first and what
networks reach second. A description opens beside each name.
"""

from typing import NamedTuple

from fred_tf.config import Config
from fred_tf.training.evaluator_settings import WAYS

# What `evaluation.by` may be beside networks.
KERNELS = tuple(way for way in WAYS if way != "networks")


class Tag(NamedTuple):
    """A name in TensorBoard.

    Attributes:
        name: its group, a slash, and the rest.
        description: what is shown, in words.
    """

    name: str
    description: str


# Of a step's scalars; others are what the objective learns.
_OF_STEPS = {
    "loss": Tag("loss", "What the objective gives, of one step's real data."),
    "gradient_norm": Tag(
        "memory/gradient_norm", "Of the gradient by all that is stored."
    ),
    "usual_gradient_norm": Tag(
        "memory/gradient_norm_usual",
        "What the norm of a step is compared with: far above, it is skipped.",
    ),
    "memory_learning_rate": Tag(
        "memory/learning_rate", "Step size of the memory, given or measured."
    ),
    "skipped": Tag(
        "memory/skipped",
        "Steps so far that were not made, outliers. From the first one on.",
    ),
    "bits_per_coefficient": Tag(
        "rate/bits_per_coefficient",
        "Mean bits of a coefficient in the coded set, as a model of its levels "
        "has them.",
    ),
    "rate_bytes": Tag(
        "rate/bytes", "Bytes of the coded set that follow from these bits."
    ),
}
_BAND = "gradient_norm_band_"

STEPS_PER_SECOND = Tag(
    "speed/steps_per_second", "Since the last number, pictures included."
)
PEAK_MEMORY = Tag(
    "speed/peak_memory_gigabytes", "The most that the process has taken."
)
PEAK_DEVICE_MEMORY = Tag(
    "speed/peak_device_memory_gigabytes", "The same of the first GPU."
)

MASKS = Tag("pictures/masks", "The frequencies that each class keeps.")
GALLERY = Tag("pictures/gallery", "The first images of each class.")
FIRST_OF_CLASS = Tag(
    "pictures/first_of_class", "One image of each class, by outer step."
)
PIXELS = Tag("pictures/pixels", "Of all images; real ones lie in [0, 1].")
CONFIG = Tag("config", "The settings of the run.")


def of_scalar(name: str) -> Tag:
    """Returns the tag of a step's scalar.

    Args:
        name: as `metrics.jsonl` has it.
    """
    if name.startswith(_BAND):
        return Tag(
            f"memory/{name}",
            "Of the gradient in one of four bands of equal width, from low "
            "frequencies to high ones.",
        )
    learned = Tag(f"objective/{name}", "Learned beside the memory.")
    return _OF_STEPS.get(name, learned)


def of_weight(name: str) -> Tag:
    """Returns the tag of the values of a memory's weight."""
    return Tag(f"values/{name}", "All that the memory stores under this name.")


def scorer(config: Config, network: str = "") -> str:
    """Returns what scores a set: a network, or the way of a kernel to.

    Args:
        config: of the evaluation.
        network: what it trains, where that is not the config's.
    """
    if config.evaluation.by in KERNELS:
        return config.evaluation.by
    return network or config.network.name


def accuracy(scorer: str) -> Tag:
    """Returns the tag of the accuracy that a `scorer` reaches."""
    return Tag(
        f"measured/{scorer}/accuracy",
        "On test images, in per cent: the mean of regressions on the set "
        "alone, see `evaluation.by`."
        if scorer in KERNELS
        else "On test images, in per cent: the mean of networks that were "
        "trained on the set alone.",
    )


def deviation(scorer: str) -> Tag:
    """Returns the tag of how much such accuracies differ."""
    over = "draws of its kernel" if scorer in KERNELS else "these networks"
    return Tag(
        f"measured/{scorer}/deviation",
        f"Standard deviation of the accuracy, in points, over {over}.",
    )
