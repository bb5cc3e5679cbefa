"""Settings of IDC; of IDC-I, which does not cut its canvases; and of FreD.

Source: Kim et al. 2022 (arXiv 2205.14959) and their code: 2,000 networks for
100 steps each, 64 real images of a class, momentum 0.5, canvases cut into four.
Step sizes of the canvases are 5e-3 (squared) or 1e-4 (absolute distance) for
ten images per class, and in proportion to their number and to the area of an
image against 32 x 32 pixels, of MNIST 28 x 28. Ten and a hundred classes of
ImageNet, at 224 pixels, have ResNetAP-10, canvases cut into nine, 500 networks
and step sizes of their own. `# ours` marks what is not published.

Their canvases live in [0, 1] and are standardised after they are decoded. Ours
live behind the standardisation z = (x - m) / s: a step of r in x moves z by
r / s^2 times the gradient in z, so that is the step size here, s^2 being the
mean over the channels (CIFAR-10: 24.8 r).

Where all rows depart from the source: all classes move at once, each by its own
loss; canvases are clipped after each step, not with each network; channels of
colour share the step size above, where their deviations differ by a per cent;
and CIFAR-100 is standardised by its own constants.

Where rows of ImageNet do, besides: networks serve as they are drawn, where the
source trains them on the real images before, for ten epochs (ten classes) or
five (a hundred, of ten networks in all); evaluations are augmented as those of
other data sets, not by crops that are resized, jitter and lighting; and sets of
20 canvases are scored as they are matched, 127 images of a class, where its are
scored with all of the 180. Images are standardised by the constants of their
own training split.
"""

from typing import Any

import numpy as np

from fred_tf.config import Config
from fred_tf.datasets.dataset_spec import KNOWN
from fred_tf.distillation.distiller_settings import DistillerSettings
from fred_tf.objectives import TrainedGradientMatching
from fred_tf.parameterizations import MultiFormation
from fred_tf.training.evaluator_settings import EvaluatorSettings

Row = dict[str, Any]

BASE = Config(
    dataset="cifar10",
    ipc=1,
    objective=TrainedGradientMatching.Settings(),
    outer_steps=200_000,
    augmentation="color+crop+cutout",
    parameterization=MultiFormation.Settings(),
    # Gradients of fresh networks are many times those of trained ones.
    distiller=DistillerSettings(outlier_factor=0.0),
    evaluation=EvaluatorSettings(
        learning_rate=0.01,
        batch_size=64,
        schedule="two_drops",
        augmentation="flip+color+crop_scale_rotate",
        cutmix=0.5,
    ),
)

RATE = "distiller.memory_learning_rate"
FACTOR = "parameterization.factor"
_STRAIGHT: Row = {"evaluation.augmentation": "color+crop_scale_rotate"}
_ABSOLUTE: Row = {
    "objective.distance": "absolute",
    "objective.network_images": 500,
}
_DATA: dict[str, Row] = {
    "cifar10": {},
    "cifar100": {},
    "svhn_cropped": {"objective.network_images": 500, **_STRAIGHT},
    "mnist": {**_ABSOLUTE, **_STRAIGHT},
    "fashion_mnist": _ABSOLUTE,
}
_IPCS = {
    name: (10, 20) if name == "cifar100" else (1, 10, 50) for name in _DATA
}
# What is particular to a data set, a factor and a number of images.
_CUT_STROKES: Row = {
    "augmentation": "color+crop",
    "objective.network_cutmix": 0.0,
    "evaluation.cutmix": 0.0,
}
_PARTICULAR: dict[tuple[str, int, int], Row] = {
    **{("mnist", 2, ipc): _CUT_STROKES for ipc in _IPCS["mnist"]},
    ("svhn_cropped", 1, 1): {
        "evaluation.cutmix": 0.0,
        "evaluation.augmentation": "color+crop_scale_rotate+cutout",
    },
}


def _rate(dataset: str, ipc: int) -> float:
    """Returns the published step size, of standardised canvases."""
    spec, absolute = KNOWN[dataset], _DATA[dataset].get("objective.distance")
    pixels = 28 if dataset == "mnist" else 32
    area = (spec.image_shape[0] / pixels) ** 2
    base = 1e-4 if absolute else 5e-3
    return base * ipc / 10 * area / float(np.mean(np.square(spec.deviation)))


def _row(dataset: str, ipc: int, factor: int) -> Row:
    return {
        "dataset": dataset,
        "ipc": ipc,
        FACTOR: factor,
        RATE: _rate(dataset, ipc),
        **_DATA[dataset],
        **_PARTICULAR.get((dataset, factor, ipc), {}),
    }


# Which the source standardises images of ImageNet by.
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
# Decoded images of a class, at most, and the epochs that they are scored by.
_EPOCHS = {10: 2_000, 50: 1_500, 200: 1_000}
_IMAGENET: Row = {
    "dataset": "imagenet2012",
    "preparation.image_size": 224,
    "preparation.enlarge": True,
    "network.name": "resnet10ap",
    "objective.distance": "absolute",
    "objective.network_images": 500,
    "objective.network_cutmix": 1.0,
    "outer_steps": 50_000,
    "evaluation.cutmix": 1.0,
}
_HUNDRED: Row = {
    "objective.real_batch_per_class": 128,
    "objective.network_batch": 128,
    "objective.network_learning_rate": 0.1,
    "objective.network_weight_decay": 1e-4,
    "evaluation.batch_size": 128,
    "evaluation.learning_rate": 0.1,
    "evaluation.weight_decay": 1e-4,
}


def _imagenet(classes: int, ipc: int, factor: int) -> Row:
    """Returns a row of some classes of ImageNet."""
    images = ipc * factor**2
    epochs = next(e for most, e in _EPOCHS.items() if images <= most)
    if classes == 100:  # Two thirds, in whole hundreds.
        epochs = 2 * epochs // 300 * 100
    base = 3e-3 if classes == 10 else 1e-3
    deviation = float(np.mean(np.square(_IMAGENET_DEVIATION)))
    return {
        **_IMAGENET,
        **(_HUNDRED if classes == 100 else {}),
        "preparation.classes": f"imagenet_{classes}",
        "ipc": ipc,
        FACTOR: factor,
        "parameterization.decode": "bound" if images > 128 else "single",
        RATE: base * ipc / 10 / deviation,
        "evaluation.epochs": epochs,
    }


_WORDS = {"idc": 2, "idc_i": 1}
# Two cores: a narrower network, fewer real images for it and for the gradients,
# and as many steps as a quarter of an hour holds, which are longer. On held-out
# CIFAR-10, 300 steps of the published size give 31.7 %, of four times that 36.5
# and of sixteen times 39.9 (two networks as narrow, 300 epochs). On MNIST's
# absolute distance, steps of a hundred times that size gain nothing.
_TIMES = {"mnist": 4, "cifar10": 16}
CPU: Row = {  # ours
    "network.width": 64,
    "objective.real_batch_per_class": 32,
    "objective.network_images": 128,
    "distiller.memory_average": 0.99,
    "outer_steps": 2_000,
    "evaluation.epochs": 300,
}
# Finishes in seconds; for tests and for trying a change.
_TINY: Row = {  # ours
    "dataset": "digits",
    "network.width": 8,
    "network.depth": 2,
    "augmentation": "color+crop",
    "objective.real_batch_per_class": 8,
    "objective.network_images": 32,
    "objective.network_steps": 2,
    "outer_steps": 3,
    "evaluation.epochs": 4,
    "evaluation.networks": 2,
    **_STRAIGHT,
}

ROWS: dict[str, Row] = {
    **{
        f"{dataset}_ipc{ipc}_{word}": _row(dataset, ipc, factor)
        for dataset, ipcs in _IPCS.items()
        for ipc in ipcs
        for word, factor in _WORDS.items()
    },
    **{
        f"imagenet_{classes}_ipc{ipc}_{word}": _imagenet(classes, ipc, factor)
        for classes in (10, 100)
        for ipc in (10, 20)
        for word, factor in {"idc": 3, "idc_i": 1}.items()
    },
    **{
        f"{dataset}_ipc1_{word}_cpu": {
            **_row(dataset, 1, factor),
            **CPU,
            RATE: times * _rate(dataset, 1),
        }
        for dataset, times in _TIMES.items()
        for word, factor in _WORDS.items()
    },
    **{
        f"digits_ipc1_{word}_tiny": {**_TINY, FACTOR: factor}
        for word, factor in _WORDS.items()
    },
}
