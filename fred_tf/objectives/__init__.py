"""What is matched between synthetic and real data."""

from fred_tf.objectives.distribution_matching import DistributionMatching
from fred_tf.objectives.objective import Objective, Reference
from fred_tf.objectives.trajectory_matching import TrajectoryMatching

OBJECTIVES = {
    "distribution_matching": DistributionMatching,
    "trajectory_matching": TrajectoryMatching,
}

__all__ = [
    "OBJECTIVES",
    "DistributionMatching",
    "Objective",
    "Reference",
    "TrajectoryMatching",
]
