"""What is stored instead of images, and how it is decoded."""

from fred_tf.parameterizations.frequency import Frequency
from fred_tf.parameterizations.hallucinator import Hallucinator
from fred_tf.parameterizations.multi_formation import MultiFormation
from fred_tf.parameterizations.parameterization import Parameterization
from fred_tf.parameterizations.pixel import Pixel

PARAMETERIZATIONS = {
    "frequency": Frequency,
    "pixel": Pixel,
    "idc": MultiFormation,
    "haba": Hallucinator,
}
# What people call them; one that is not here goes by its key.
TITLES = {
    "frequency": "FreD",
    "pixel": "pixels",
    "idc": "IDC",
    "haba": "HaBa",
}

__all__ = [
    "PARAMETERIZATIONS",
    "TITLES",
    "Frequency",
    "Hallucinator",
    "MultiFormation",
    "Parameterization",
    "Pixel",
]
