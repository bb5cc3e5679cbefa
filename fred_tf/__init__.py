"""Frequency-domain dataset distillation (FreD) for TensorFlow."""

from fred_tf.augmentations import SiameseAugmentation
from fred_tf.config import Config
from fred_tf.distilled_run import DistilledRun
from fred_tf.distiller import Distiller
from fred_tf.evaluator import Evaluation, Evaluator
from fred_tf.expert_store import ExpertStore
from fred_tf.expert_trainer import ExpertTrainer
from fred_tf.networks import ConvNet, Functional
from fred_tf.normalizations import Standardize
from fred_tf.objectives import (
    DistributionMatching,
    Objective,
    TrajectoryMatching,
)
from fred_tf.parameterizations import Frequency, Parameterization, Pixel
from fred_tf.presets import preset
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.transforms import DCT, Transform

__all__ = [
    "DCT",
    "Config",
    "ConvNet",
    "DistilledRun",
    "Distiller",
    "DistributionMatching",
    "Evaluation",
    "Evaluator",
    "ExpertStore",
    "ExpertTrainer",
    "Frequency",
    "Functional",
    "Objective",
    "Parameterization",
    "Pixel",
    "SiameseAugmentation",
    "Standardize",
    "SyntheticSet",
    "TrajectoryMatching",
    "Transform",
    "preset",
]
