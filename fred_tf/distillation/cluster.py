"""TF_CONFIG: which workers there are, and which of them this process is."""

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from typing import Any

from fred_tf.disk import claims

_VARIABLE = "TF_CONFIG"
_LIKE = (
    '{"cluster": {"worker": ["a:12345", "b:12345"]}, "task": {"type": '
    '"worker", "index": 0}}'
)
# The chief comes first.
_JOBS = ("chief", "worker")
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):([1-9][0-9]{0,4})")
_LAST_PORT = 65535


@dataclasses.dataclass(frozen=True)
class Place:
    """A process among the workers.

    Attributes:
        index: which of them it is.
        addresses: `host:port` of each; none where it is alone.
    """

    index: int = 0
    addresses: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many workers there are."""
        return max(1, len(self.addresses))


def place() -> Place:
    """Returns the place of this process, of the variable TF_CONFIG.

    It has the form that `tf.distribute` reads. Where it is unset, or has no
    cluster, the process is alone.

    Raises:
        ValueError: it is not of this form.
    """
    text = os.environ.get(_VARIABLE)
    if not text:
        return Place()
    try:
        told = json.loads(text)
        if not isinstance(told, dict):
            raise ValueError("it is no JSON object.")
        return _place(told)
    except (ValueError, RecursionError) as error:
        shown = text if len(text) <= 500 else f"{text[:500]}..."
        raise ValueError(
            f"{_VARIABLE} must be JSON like {_LIKE}, but {error} Received: "
            f"{shown}. Unset it to run in one process."
        ) from None


def _place(told: Mapping[str, Any]) -> Place:
    if "cluster" not in told or told["cluster"] == {}:
        return Place()
    cluster = claims.mapping(told, "cluster")
    if unknown := sorted(set(cluster) - set(_JOBS)):
        raise ValueError(f"`cluster` must name no {unknown[0]!r}.")
    addresses = {
        job: [_address(job, address) for address in claims.listed(cluster, job)]
        for job in _JOBS
        if job in cluster
    }
    for job, named in addresses.items():
        if not named or (job == "chief" and len(named) > 1):
            raise ValueError(
                f"`cluster.{job}` must hold {'an' if named else 'at least one'}"
                f" address. Received: {len(named)}."
            )
    everyones = [a for job in _JOBS for a in addresses.get(job, [])]
    for address in everyones:
        if everyones.count(address) > 1:
            raise ValueError(
                f"each worker must have an address of its own. Received: "
                f"{address} twice."
            )
    task = claims.mapping(told, "task")
    job = claims.one_of(task, "type", addresses)
    index = claims.integer(task, "index", 0, len(addresses[job]) - 1)
    before = len(addresses.get("chief", [])) if job == "worker" else 0
    return Place(before + index, tuple(everyones))


def _address(job: str, address: Any) -> str:
    match = isinstance(address, str) and _ADDRESS.fullmatch(address)
    if not match or int(match[2]) > _LAST_PORT:
        raise ValueError(
            f"`cluster.{job}` must hold texts host:port, with a port from 1 to "
            f"{_LAST_PORT}. Received: {address!r}."
        )
    return address.lower()
