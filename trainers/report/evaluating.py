"""Commands that find out what a set reaches, trained as those beside it."""

import functools
import itertools
import shlex
from collections.abc import Mapping
from typing import Any

from export import command_line
from fred_tf import config as config_lib
from fred_tf import scoring
from fred_tf.config import FAMILIES, Config
from fred_tf.disk import records
from fred_tf.distilled_run import DistilledRun
from fred_tf.networks import NETWORKS
from fred_tf.objectives.kernel_ridge import KernelRidgeSettings
from trainers import evaluate

_MODEL = "--model=FILE.keras"  # No record says which file it was.


def command(run: DistilledRun, baseline: str, how: Mapping[str, Any]) -> str:
    """Returns the command that evaluates a set, trained as another one was.

    Args:
        run: the run.
        baseline: of `trainers.evaluate`, what is scored instead of the set of
            the run; empty for that.
        how: networks were trained on the other one, see `scoring.how`.
    """
    own, parts = run.config, []
    overrides = _overrides(own, _trained_as(own, how))
    if baseline == "random" and own.parameterization.budget_bytes:
        # No real images take bytes of coded frequencies.
        overrides["ipc"] = own.ipc
    if baseline:
        parts.append(f"--baseline={baseline}")
    if how["network"]["name"] not in NETWORKS:
        parts.append(_MODEL)
    parts += [
        f"--override {shlex.quote(f'{path}={value}')}"
        for path, value in overrides.items()
    ]
    if name := _free_name(run, baseline):
        parts.append(f"--name={name}")
    program = command_line.command("trainers.evaluate")
    place = shlex.quote(str(run.folder.path))
    return " ".join([f"{program} --run_dir={place}", *parts])


def _trained_as(config: Config, how: Mapping[str, Any]) -> Config:
    """Returns settings of a run with those that networks were trained by."""
    own = config_lib.to_json(config)
    told = {name: how[name] for name in scoring.HOW if name in how}
    if how["network"]["name"] not in NETWORKS:
        told["network"] = own["network"]
    # What a record does not state is at its default there.
    values = {k: v for k, v in own.items() if k not in scoring.HOW} | told
    networks = config.evaluation.networks
    values["evaluation"] = {**told["evaluation"], "networks": networks}
    kernel = how.get("kernel")
    if kernel is not None and kernel != scoring.how(config).get("kernel"):
        is_own = isinstance(config.objective, KernelRidgeSettings)
        values["objective"] = {
            **(own["objective"] if is_own else {}),
            "name": KernelRidgeSettings.name,
            **kernel,
        }
    return config_lib.from_json(values)


def _overrides(own: Config, asked: Config) -> dict[str, Any]:
    """Returns what makes settings of a run those that are asked for."""
    members = {
        f"{section}.name": getattr(asked, section).name
        for section in FAMILIES
        if getattr(asked, section).name != getattr(own, section).name
    }
    begun = config_lib.replace(own, members)
    different = records.differences(
        config_lib.to_json(begun), config_lib.to_json(asked)
    )
    counting = (*scoring.HOW, "objective")
    return members | {
        path: functools.reduce(getattr, path.split("."), asked)
        for path in different
        if path.partition(".")[0] in counting
    }


def _free_name(run: DistilledRun, baseline: str) -> str:
    """Returns a word for an evaluation; empty where no other has its file."""
    more = (f"alike_{number}" for number in itertools.count(2))
    return next(
        word
        for word in itertools.chain(("", "alike"), more)
        if not evaluate.path(run.folder.path, baseline, "", name=word).exists()
    )
