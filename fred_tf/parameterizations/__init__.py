"""What is stored instead of images, and how it is decoded."""

from fred_tf.parameterizations.frequency import Frequency
from fred_tf.parameterizations.parameterization import Parameterization
from fred_tf.parameterizations.pixel import Pixel

PARAMETERIZATIONS = {"frequency": Frequency, "pixel": Pixel}

__all__ = ["PARAMETERIZATIONS", "Frequency", "Parameterization", "Pixel"]
