"""Which records stand together: by what they say, never by a name alone."""

from collections.abc import Mapping
from typing import Any

from absl import logging

from fred_tf.datasets.data_facts import tested_on
from fred_tf.disk import records
from fred_tf.training.evaluation import Evaluation
from trainers.results.hardware import AND
from trainers.results.row import Row

Results = Mapping[str, Mapping[str, Any]]

# Whose seeds are all that tells a row from one that repeats it.
_SEEDED = "config", "evaluation"
# Where a record says them; else it was made on its `hardware`.
_DEVICES = "distilled_on", "scored_on"


def fitting(results: Results, rows: Mapping[str, Row]) -> dict[str, Any]:
    """Returns the records without those that are not what their names say.

    A repeat of a row has its settings, all but the seed, and its data; what
    scores the run of a row has the settings and data of that run. Others, as
    from before a row was changed, are left out, and a warning names them.

    Args:
        results: the records of all rows, by name.
        rows: what the names mean.
    """
    left: dict[str, Any] = dict(results)
    first: dict[str, str] = {}
    for name, record in results.items():
        row = rows.get(name)
        if row is None or not (origin := row.repeats or row.run_of):
            continue
        beside, alike = origin, _repeated
        if row.run_of:
            alike = _run
            if row.form and origin in results:
                alike = _scored_alike
            # Without the row itself those of its run have to agree.
            stands_for = first.setdefault(origin, name)
            beside = origin if origin in results else stands_for
        if beside not in results:
            continue
        pair = alike(record), alike(results[beside])
        if different := records.differences(*pair):
            logging.warning(
                "%s is left out, for it is of other settings or data than %s: "
                "%s. Delete its file to make it again.",
                name,
                beside,
                "; ".join(
                    f"`{setting}` is {own!r}, and {other!r} there"
                    for setting, (own, other) in different.items()
                ),
            )
            del left[name]
    return left


def over_seeds(name: str, results: Results, rows: Mapping[str, Row]) -> str:
    """Returns the accuracy of a row over its seeds, if several.

    And on what, where some were made on an accelerator and others not; two
    processors differ in last bits alone.

    Args:
        name: the row.
        results: of `fitting`.
        rows: what the names mean.
    """
    again = [n for n in results if n in rows and rows[n].repeats == name]
    of_seed: dict[int, str] = {}
    for one in (name, *again):
        seed = results[one]["identity"]["config"]["seed"]
        if (other := of_seed.setdefault(seed, one)) != one:
            logging.warning(
                "%s is left out of the spread of %s: its seed is %d, that of "
                "%s. Delete its file to make it again.",
                one,
                name,
                seed,
                other,
            )
    found = [results[one] for one in of_seed.values()]
    if len(found) == 1:
        return ""
    means = Evaluation(tuple(record["mean"] for record in found), 0.0)
    over = f"{means.cell} of {len(found)}"
    devices = [[record.get(on) for on in _DEVICES] for record in found]
    if all(those == devices[0] for those in devices):
        return over
    places = dict.fromkeys(
        device or record["hardware"]
        for record, those in zip(found, devices)
        for device in those
    )
    return f"{over}, on {AND.join(places)}"


def _data(record: Mapping[str, Any]) -> dict[str, Any]:
    # Earlier versions did not say what is tested on.
    return {**record["data"], "tested_on": tested_on(record["data"])}


def _repeated(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a repeat shares with its row."""
    identity = dict(record["identity"])
    for section in _SEEDED:
        rest = identity[section].items()
        identity[section] = {k: v for k, v in rest if k != "seed"}
    return {**identity, "data": _data(record)}


def _run(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what tells the run that a record scores."""
    own = {name: record["identity"][name] for name in ("config", "subject")}
    return {**own, "data": _data(record)}


def _scored_alike(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the same, and how: an export is scored as the set itself."""
    return {**_run(record), "evaluation": record["identity"]["evaluation"]}
