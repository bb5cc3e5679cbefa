"""What is stored instead of images, and how it is decoded."""

from fred_tf.parameterizations.frequency import Frequency
from fred_tf.parameterizations.hallucinator import Hallucinator
from fred_tf.parameterizations.labels import MemorySettings
from fred_tf.parameterizations.multi_formation import MultiFormation
from fred_tf.parameterizations.parameterization import Parameterization
from fred_tf.parameterizations.pixel import Pixel

PARAMETERIZATIONS: dict[str, type[Parameterization]] = {
    member.Settings.name: member
    for member in (Frequency, Pixel, MultiFormation, Hallucinator)
}

__all__ = [
    "PARAMETERIZATIONS",
    "Frequency",
    "Hallucinator",
    "MemorySettings",
    "MultiFormation",
    "Parameterization",
    "Pixel",
]
