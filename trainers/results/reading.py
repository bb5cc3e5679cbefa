"""The files of rows in `results/`, believed only as far as they can be true."""

import pathlib
import re
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from fred_tf.coresets.sheet import SheetSettings
from fred_tf.datasets.corruptions import CORRUPTIONS, SEVERITIES
from fred_tf.disk import claims, files, records
from fred_tf.objectives import OBJECTIVES
from fred_tf.parameterizations import PARAMETERIZATIONS
from fred_tf.settings import made_of
from fred_tf.training.evaluation import Evaluation

KIND = "result"
_WORD = re.compile(r"[a-z0-9_]{1,100}")
# Whole numbers of a row: name, the least, and which rows must have it.
_COUNTS = (
    ("images", 1, "all"),
    ("floats", 0, "all"),
    ("bytes", 0, "runs"),
    ("outer_steps", 0, "runs"),
    ("bytes_of_folder", 0, "folders"),
)
_MOST = sys.float_info.max
_MOST_COUNT = 2**53


def way_out(path: files.Path) -> str:
    """Returns what to do about a file that is not as it was written."""
    return f"Delete {path} to make the row again."


def accuracy(record: Mapping[str, Any]) -> str:
    """Returns mean and deviation of a row's accuracies, as a cell."""
    accuracies = tuple(record["accuracies"])
    return Evaluation(accuracies, record["learning_rate"]).cell


def source(record: Mapping[str, Any]) -> str:
    """Returns what images a row is of, if not of its data set's own."""
    return record["data"]["preparation"].get("source", "")


def budget_bytes(record: Mapping[str, Any]) -> int:
    """Returns the bytes that a row's set was made for; 0 of other rows.

    Args:
        record: of `read`.
    """
    identity = record["identity"]
    stored = identity.get("stored", identity["config"]["parameterization"])
    return identity.get("form_bytes", stored.get("budget_bytes", 0))


def rows(results_dir: files.Path) -> dict[str, dict[str, Any]]:
    """Returns the records of all rows in a folder, by name.

    What systems leave there, `.DS_Store` and `._name.json`, is no row.

    Raises:
        ValueError: a file is not as it was written, says what cannot be, or
            has a name that no row has.
    """
    found = {}
    for path in sorted(pathlib.Path(results_dir).glob("*.json")):
        if path.name.startswith("."):
            continue
        if not _WORD.fullmatch(path.stem):
            raise ValueError(
                "A row must be called by small letters, digits and `_`. "
                f"Received: {str(path)!r}. Rename it, or move it away."
            )
        found[path.stem] = read(path)
    return found


def read(path: files.Path) -> dict[str, Any]:
    """Returns the record of a row.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is not as it was written, or says what cannot be.
    """
    record = records.read(path, KIND, way_out(path))
    with records.stating(path, way_out(path)):
        _check_settings(record["identity"])
        data = claims.mapping(record, "data")
        _line(data, "name")
        preparation = claims.mapping(data, "preparation")
        if "source" in preparation:
            _line(preparation, "source")
        if "tested_on" in data:
            _line(data, "tested_on")
        exported = record["identity"]["form"]
        is_run = record["identity"]["subject"] == "run"
        has_folder = exported or budget_bytes(record)
        kinds = {"all": True, "runs": is_run, "folders": has_folder}
        for name, least, kind in _COUNTS:
            if kinds[kind] or record.get(name) is not None:
                claims.integer(record, name, least, _MOST_COUNT)
        for name in claims.mapping(record, "minutes"):
            claims.number(record["minutes"], name, 0, _MOST)
        shown = record if exported else {"pictures": {}, **record}
        for name in claims.mapping(shown, "pictures"):
            claims.integer(shown["pictures"], name, 0, _MOST_COUNT)
        for name in ("hardware", "distilled_on", "scored_on"):
            if name in record or name == "hardware":
                _line(record, name)
        _check_accuracies(record)
        _check_corrupted(record)
        mean = claims.number(record, "mean", 0, 1)
        if abs(mean - np.mean(record["accuracies"])) > 1e-6:
            raise ValueError(f"`mean` is not that of `accuracies`: {mean}.")
        for step in claims.mapping(record, "curve"):
            if not re.fullmatch(r"\d{1,9}", step):
                raise ValueError(f"`curve` has a step {step[:80]!r}.")
            _check_accuracies(claims.mapping(record["curve"], step))
    return record


def _check_settings(identity: Mapping[str, Any]) -> None:
    for name in ("subject", "form"):
        claims.word(identity, name, may_be_empty=True)
    if "form_bytes" in identity:
        claims.integer(identity, "form_bytes", 1, _MOST_COUNT)
    config = claims.mapping(identity, "config")
    _line(config, "dataset")
    _line(config, "augmentation")
    claims.integer(config, "ipc", 1)
    claims.integer(config, "seed", 0, _MOST_COUNT)
    if "stored" in identity:
        made_of(SheetSettings, claims.mapping(identity, "stored"))
    for section, known in (
        ("objective", OBJECTIVES),
        ("parameterization", PARAMETERIZATIONS),
    ):
        claims.one_of(claims.mapping(config, section), "name", known)
    memory = {"budget_bytes": 0, **config["parameterization"]}
    claims.integer(memory, "budget_bytes")
    evaluation = claims.mapping(identity, "evaluation")
    claims.word(claims.mapping(evaluation, "network"), "name")
    claims.word({"convolutions": "float32", **evaluation}, "convolutions")
    settings = claims.mapping(evaluation, "evaluation")
    for name in ("epochs", "networks"):
        claims.integer(settings, name, 1)


def _check_accuracies(values: Mapping[str, Any]) -> None:
    if not claims.numbers(values, "accuracies", 0, 1):
        raise ValueError("`accuracies` must be of one network at least.")
    claims.number(values, "learning_rate", 0, _MOST)


def _check_corrupted(record: Mapping[str, Any]) -> None:
    """Wants a number for each corruption and network where they are scored."""
    identity = {"severity": 0, **record["identity"]}
    if not claims.integer(identity, "severity", 0, SEVERITIES[-1]):
        return
    corrupted = claims.mapping(record, "corrupted")
    for name in CORRUPTIONS:
        values = claims.numbers(corrupted, name, 0, 1)
        if len(values) != len(record["accuracies"]):
            raise ValueError("`corrupted` must have a number for each network.")
    _line(record, "corrupted_by")


def _line(values: Mapping[str, Any], name: str) -> None:
    text = claims.text(values, name, 1000)
    if not text.isprintable() or "|" in text:
        raise ValueError(
            f"`{name}` must be a line without '|'. Received: {text[:80]!r}."
        )
