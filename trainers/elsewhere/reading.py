"""What a pack says that comes back: believed only as far as it can be true.

Every file of it is sealed, see `runner/sealed.py`; but a seal can be made by
anybody, so each name and number is looked at before it names a file or counts.
"""

import dataclasses
import os
import pathlib
import re
import sys
from collections.abc import Mapping
from typing import Any

from fred_tf import config as config_lib
from fred_tf.config import Config
from fred_tf.datasets import names
from fred_tf.disk import claims, files, records
from fred_tf.networks import NETWORKS
from fred_tf.training.evaluation import Evaluation
from trainers.elsewhere.pack_folder import ABOUT, KIND
from trainers.elsewhere.runner import sealed

# What the runner writes into a pack.
_SPENT, _SCORES = "spent.json", "scores.json"
# Minutes in it, by what they were spent on.
MINUTES = ("experts", "distilling", "scoring")
_MOST_MINUTES = 1e8


@dataclasses.dataclass(frozen=True)
class Packed:
    """A pack, as `pack.json` describes it.

    Attributes:
        folder: where it is.
        about: the record.
        config: the settings of its run, or of the one whose set it scores.
        scored: settings of the evaluations, by network.
        word: what is scored instead of a run, for the names of files.
    """

    folder: pathlib.Path
    about: dict[str, Any]
    config: Config
    scored: dict[str, Config]
    word: str

    @property
    def is_run(self) -> bool:
        """Whether it makes outer steps; else it only scores a set."""
        return "reference" in self.about

    @property
    def data(self) -> dict[str, Any]:
        """Facts of the data that it was made with."""
        return self.about["data"]

    @property
    def outer_steps(self) -> int:
        """Steps that it makes."""
        return self.config.outer_steps if self.is_run else 0

    @property
    def described(self) -> dict[str, Any]:
        """What is known of the evaluations of a set, by network."""
        return self.about["scoring"]["described"]

    @property
    def seal(self) -> str:
        """What its files say that they are of."""
        return self.about["sha256"]


def read(folder: files.Path) -> Packed:
    """Reads what a pack is.

    Raises:
        FileNotFoundError: `folder` is no pack.
        ValueError: it is not as it was written, or says what cannot be.
    """
    folder = pathlib.Path(folder)
    path = folder / ABOUT
    if not path.exists():
        raise FileNotFoundError(
            f"There is no pack in {folder}: it has no {ABOUT}. Make one with "
            f"`python -m trainers.elsewhere --pack={folder}`."
        )
    about = records.read(path, KIND, sealed.COPY)
    with records.stating(path, sealed.COPY):
        config = _config(about["identity"], "config")
        data = claims.mapping(about, "data")
        scoring = claims.mapping(about, "scoring")
        is_run = "reference" in about
        if is_run:
            asked = claims.mapping(about["identity"], "scored")
            scored = {name: _config(asked, name) for name in asked}
            _check_equal("outer_steps", about, config.outer_steps)
        else:
            asked = claims.mapping(about["identity"], "evaluations")
            scored = {
                name: config_lib.replace(config, {"network.name": name})
                for name in asked
                if claims.one_of({"network": name}, "network", NETWORKS)
            }
            _check_described(scoring, asked)
        _check_equal("networks", scoring, list(scored))
        for name, settings in scored.items():
            _check_equal("name", {"name": settings.network.name}, name)
            seeds = claims.listed(scoring, "seeds")
            count = settings.evaluation.networks
            if len(seeds) != count:
                raise ValueError(f"{len(seeds)} `seeds` of {count} networks.")
        word = "" if is_run else _word(scoring)
        wanted = names.with_holdout(config.dataset, config.holdout)
        _check_equal("dataset", {"dataset": data.get("name")}, wanted)
    return Packed(folder, about, config, scored, word)


def _config(values: Mapping[str, Any], name: str) -> Config:
    """Returns settings that are written as this program writes them."""
    there = claims.mapping(values, name)
    config = config_lib.from_json(there)
    records.refuse(name, records.differences(there, config_lib.to_json(config)))
    return config


def _word(scoring: Mapping[str, Any]) -> str:
    word = claims.word(scoring, "word", may_be_empty=True)
    if re.match(r"step\d", word):
        raise ValueError(
            "`word` must not begin like that of an evaluation on the way. "
            f"Received: {word!r}."
        )
    return word


def _check_described(
    scoring: Mapping[str, Any], evaluations: Mapping[str, Any]
) -> None:
    described = claims.mapping(scoring, "described")
    _check_equal("described", {"described": [*described]}, [*evaluations])
    for name, about in described.items():
        about = claims.mapping(described, name)
        _check_equal("identity", about, evaluations[name])
        claims.integer(about, "images", 1)
        claims.integer(about, "floats_stored")
        claims.mapping(about, "details")


def _check_equal(name: str, values: Mapping[str, Any], asked: Any) -> None:
    if values.get(name) != asked:
        raise ValueError(
            f"`{name}` must be {str(asked)[:80]}, as it says elsewhere. "
            f"Received: {str(values.get(name))[:80]}."
        )


def spent(packed: Packed) -> dict[str, Any]:
    """Returns where a pack was run, and how far it is; {} if it never was.

    Raises:
        ValueError: the file is damaged, of another pack, or says what cannot
            be.
    """
    path = packed.folder / _SPENT
    if not os.path.lexists(path):
        return {}
    values = sealed.read(path, "spent", packed.seal, sealed.REMAKE)
    with records.stating(path, sealed.REMAKE):
        told: dict[str, Any] = minutes(values)
        if "step" in values:
            told["step"] = claims.integer(values, "step", 0, packed.outer_steps)
        if "complete" in values:
            told["complete"] = values["complete"] is True
        if "lost" in values:
            told["lost"] = _line(values, "lost")
        listed = claims.listed(values, "differences", 100)
        told["differences"] = [_line({"line": x}, "line") for x in listed]
    return told


def minutes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the device, and minutes by what they were spent on.

    Raises:
        ValueError: the device is no line of text, or minutes are no numbers of
            at least 0.
    """
    return {
        "device": _line(values, "device"),
        **{
            name: claims.number(values, name, 0, _MOST_MINUTES)
            for name in MINUTES
            if name in values
        },
    }


def _line(values: Mapping[str, Any], name: str) -> str:
    text = claims.text(values, name, 1000)
    if not text.isprintable():
        raise ValueError(f"`{name}` must be a line. Received: {text[:80]!r}.")
    return text


def scores(packed: Packed) -> dict[str, Any]:
    """Returns what was scored: of which `step`, and `evaluations` by network.

    Raises:
        ValueError: the file is damaged, of another pack, or says what cannot
            be, e.g. an accuracy above 1.
    """
    path = packed.folder / _SCORES
    if not os.path.lexists(path):
        return {"step": 0, "networks": {}}
    values = sealed.read(path, "scores", packed.seal, sealed.REMAKE)
    with records.stating(path, sealed.REMAKE):
        step = claims.integer(values, "step", 0, packed.outer_steps)
        least = sys.float_info.min  # A step size is positive.
        rate = claims.number(values, "rate", least, sys.float_info.max)
        networks = claims.mapping(values, "networks")
        accuracies = {}
        for name in networks:
            claims.one_of({"network": name}, "network", packed.scored)
            accuracies[name] = claims.numbers(networks, name, 0, 1)
            most = packed.scored[name].evaluation.networks
            if len(accuracies[name]) > most:
                raise ValueError(
                    f"{len(accuracies[name])} accuracies of {most} networks."
                )
    return {"step": step, "rate": rate, "networks": accuracies}


def evaluations(scored: Mapping[str, Any], step: int) -> dict[str, Evaluation]:
    """Returns the evaluations of a pack's set, by network.

    Args:
        scored: from `scores`.
        step: outer steps that the set is wanted at; others do not count.
    """
    if scored["step"] != step:
        return {}
    return {
        name: Evaluation(tuple(accuracies), scored["rate"])
        for name, accuracies in scored["networks"].items()
        if accuracies
    }
