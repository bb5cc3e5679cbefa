"""The cells of the papers' tables, and the cell that some settings are of.

A cell is met by settings with its data set, images per class and method, which
are read off them: no list says which is which.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fred_tf import config as config_lib
from fred_tf.config import Config
from fred_tf.kernels import RandomFeatures
from fred_tf.objectives import OBJECTIVES
from fred_tf.parameterizations import PARAMETERIZATIONS, MultiFormation, Pixel
from trainers.results.published import Published

CHOSEN = {"random": "Random", "herding": "Herding", "full": "Full data"}
# What the papers call by one name is an objective and a memory here.
_WHOLE = {"HaBa": "TM with HaBa", "IDC": "IDC with IDC", "IDC-I": "IDC"}
# Frequencies that the papers do not have.
JOINT = ", joint channels"

Key = tuple[str, int, str]


class Cell(NamedTuple):
    """A published number.

    Attributes:
        dataset: its name, or that of the list of classes.
        ipc: images per class as the paper counts them; 0 for all.
        method: as the paper calls it.
        published: the number, in per cent.
        what: see `Published`.
        on: which corrupted images; empty for others.
    """

    dataset: str
    ipc: int
    method: str
    published: str
    what: str
    on: str = ""

    @property
    def key(self) -> Key:
        """Data set, images per class and method as rows have them.

        Of HaBa the paper counts bases, and the budget here its hallucinators
        too, which take an image of each class.
        """
        ipc = self.ipc + (self.method == "HaBa")
        return self.dataset, ipc, _WHOLE.get(self.method, self.method)


def cells(table: Published) -> Iterator[Cell]:
    """Yields the cells of a table that a number is published for."""
    for method, numbers in table.rows.items():
        on = table.on or ("",) * len(table.columns)
        for column, name, number in zip(
            table.columns, on, numbers.split(), strict=True
        ):
            if number != "-":
                yield Cell(*column, method, number, table.what, name)


def method_of(config: Config, subject: str = "run") -> str:
    """Returns what the papers call what settings do; empty for nothing."""
    if subject != "run":
        return CHOSEN[subject]
    if not config.outer_steps:
        return ""
    matched, stored = called(config_lib.to_json(config))
    if stored == Pixel.called():
        return matched
    return f"{matched} with {stored.removesuffix(JOINT)}"


def called(config: Mapping[str, Any]) -> tuple[str, str]:
    """Returns what settings match and what their images are stored as.

    Args:
        config: the settings as records state them, of earlier versions, too.
    """
    objective, memory = config["objective"], config["parameterization"]
    matched = OBJECTIVES[objective["name"]].called_with(config["augmentation"])
    if objective.get("kernel") == RandomFeatures.Settings.name:
        matched = "RFAD"
    member = PARAMETERIZATIONS[memory["name"]]
    if member is MultiFormation and memory["factor"] == 1:
        member = Pixel  # A canvas of one patch is pixels.
    return matched, member.called() + (JOINT if is_joint(config) else "")


def is_joint(config: Mapping[str, Any]) -> bool:
    """Says whether settings, as records state them, are of joint channels."""
    return config["parameterization"].get("channels") == "joint"


def key_of(config: Config, subject: str = "run") -> Key:
    """Returns the cell that settings are of, see `Cell.key`."""
    ipc = 0 if subject == "full" else config.ipc
    name = config.preparation.classes or config.dataset
    return name, ipc, method_of(config, subject)
