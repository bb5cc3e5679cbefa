"""Frequency-domain dataset distillation (FreD) for TensorFlow."""

from fred_tf.augmentations import SiameseAugmentation
from fred_tf.config import Config
from fred_tf.distillation.distiller import Distiller
from fred_tf.distilled_run import DistilledRun
from fred_tf.experts.store import ExpertStore
from fred_tf.experts.trainer import ExpertTrainer
from fred_tf.networks import NETWORKS, ConvNet, Functional
from fred_tf.normalizations import Standardize
from fred_tf.objectives import (
    OBJECTIVES,
    DistributionMatching,
    GradientMatching,
    Objective,
    TrajectoryMatching,
)
from fred_tf.parameterizations import (
    PARAMETERIZATIONS,
    Frequency,
    Hallucinator,
    MultiFormation,
    Parameterization,
    Pixel,
)
from fred_tf.presets import preset
from fred_tf.settings import Settings
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.training.evaluator import Evaluation, Evaluator
from fred_tf.transforms import DCT, DFT, TRANSFORMS, Transform, Wavelet

__all__ = [
    "Config",
    "ConvNet",
    "DCT",
    "DFT",
    "DistilledRun",
    "Distiller",
    "DistributionMatching",
    "Evaluation",
    "Evaluator",
    "ExpertStore",
    "ExpertTrainer",
    "Frequency",
    "Functional",
    "GradientMatching",
    "Hallucinator",
    "MultiFormation",
    "NETWORKS",
    "OBJECTIVES",
    "Objective",
    "PARAMETERIZATIONS",
    "Parameterization",
    "Pixel",
    "Settings",
    "SiameseAugmentation",
    "Standardize",
    "SyntheticSet",
    "TRANSFORMS",
    "TrajectoryMatching",
    "Transform",
    "Wavelet",
    "preset",
]
