"""Settings of CAFE, without and with DSA.

Source: Wang et al. 2022 (arXiv 2203.01531) and their code: 256 real images per
class, 2,000 networks that serve ten steps each or more, a step size of 0.1 with
momentum 0.5 that is halved after 1,200, 1,600 and 1,800 networks, evaluations
of 20 networks by 600 epochs without augmentation and 1,000 with it. They
publish accuracies of five data sets with 1, 10 and 50 images per class, and
settings of CIFAR-10 alone, which all rows have. `# ours` marks what is not
published.

Where all rows depart from the source: images begin as real ones, not as noise;
the step size is halved after as many steps as so many networks serve at least;
loops have caps; and steps whose gradient is an outlier are skipped (none of 400
on digits).
"""

from typing import Any

from fred_tf.config import Config
from fred_tf.distillation.distiller_settings import DistillerSettings
from fred_tf.objectives import FeatureAlignment
from fred_tf.parameterizations import Pixel
from fred_tf.training.evaluator_settings import EvaluatorSettings

BASE = Config(
    dataset="cifar10",
    ipc=1,
    objective=FeatureAlignment.Settings(),
    outer_steps=20_000,
    augmentation="none",
    parameterization=Pixel.Settings(),
    distiller=DistillerSettings(drop_steps="12000,16000,18000"),
    evaluation=EvaluatorSettings(networks=20, learning_rate=0.01, epochs=600),
)

Row = dict[str, Any]
# Digits are not mirrored.
_NOT_MIRRORED = "color_crop_cutout_scale_rotate"
_MIRRORED = "color_crop_cutout_flip_scale_rotate"
AUGMENTATIONS = {
    "mnist": _NOT_MIRRORED,
    "fashion_mnist": _MIRRORED,
    "svhn_cropped": _NOT_MIRRORED,
    "cifar10": _MIRRORED,
    "cifar100": _MIRRORED,
}


def _rows(dataset: str, ipc: int) -> dict[str, Row]:
    """Returns the published rows of a data set, without and with DSA."""
    own = {"dataset": dataset, "ipc": ipc}
    dsa = {
        "augmentation": AUGMENTATIONS[dataset],
        "evaluation.epochs": 1_000,
    }
    name = f"{dataset}_ipc{ipc}_cafe"
    return {name: own, f"{name}_dsa": {**own, **dsa}}


# Two cores: an eighth of the real images, and so eight times the weight of
# their sum; short loops, whose accuracies are of few images; as many steps as a
# quarter of an hour holds, and drops at the same shares of them.
CPU = {  # ours
    "objective.real_batch_per_class": 32,
    "objective.discrimination_weight": 0.08,
    "objective.window": 4,
    "objective.most_steps": 10,
    "objective.most_epochs": 10,
    "objective.accuracy_images": 8,
    "distiller.memory_average": 0.99,
    "evaluation.networks": 5,
    "evaluation.epochs": 300,
}

ROWS = {
    **{
        name: row
        for dataset in AUGMENTATIONS
        for ipc in (1, 10, 50)
        for name, row in _rows(dataset, ipc).items()
    },
    "cifar10_ipc1_cafe_cpu": {  # ours
        **CPU,
        "outer_steps": 900,
        "distiller.drop_steps": "540,720,810",
    },
    "mnist_ipc1_cafe_cpu": {  # ours
        "dataset": "mnist",
        **CPU,
        "network.width": 64,
        "outer_steps": 3_000,
        "distiller.drop_steps": "1800,2400,2700",
    },
    # Finishes in seconds; for tests and for trying a change.
    "digits_ipc1_cafe_tiny": {  # ours
        "dataset": "digits",
        "network.width": 8,
        "network.depth": 2,
        "objective.real_batch_per_class": 8,
        "objective.window": 2,
        "objective.most_steps": 3,
        "objective.most_epochs": 3,
        "outer_steps": 3,
        "distiller.drop_steps": "2",
        "evaluation.epochs": 4,
        "evaluation.networks": 2,
    },
}
