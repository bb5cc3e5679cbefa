"""What is matched between synthetic and real data."""

from fred_tf.objectives.distribution_matching import DistributionMatching
from fred_tf.objectives.feature_alignment import FeatureAlignment
from fred_tf.objectives.feature_regression import FeatureRegression
from fred_tf.objectives.gradient_matching import GradientMatching
from fred_tf.objectives.kernel_ridge import KernelRidge
from fred_tf.objectives.objective import (
    Objective,
    Reference,
    check_label_kind,
)
from fred_tf.objectives.trained_gradient_matching import (
    TrainedGradientMatching,
)
from fred_tf.objectives.trajectory_matching import TrajectoryMatching

OBJECTIVES: dict[str, type[Objective]] = {
    member.Settings.name: member
    for member in (
        DistributionMatching,
        FeatureAlignment,
        FeatureRegression,
        GradientMatching,
        KernelRidge,
        TrainedGradientMatching,
        TrajectoryMatching,
    )
}

__all__ = [
    "OBJECTIVES",
    "DistributionMatching",
    "FeatureAlignment",
    "FeatureRegression",
    "GradientMatching",
    "KernelRidge",
    "Objective",
    "Reference",
    "TrainedGradientMatching",
    "TrajectoryMatching",
    "check_label_kind",
]
