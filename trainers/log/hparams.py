"""What TensorBoard's HPARAMS says of a run: settings beside what they gave."""

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

from fred_tf import config as config_lib
from fred_tf.disk import records
from fred_tf.disk.run_folder import RunFolder
from fred_tf.networks import NETWORKS
from trainers.log import tags

# Of what `write` writes.
TAGS = (metadata.SESSION_START_INFO_TAG, metadata.EXPERIMENT_TAG)
# What a sweep knows of its cells, in the folder that holds theirs.
SWEEP_RECORD, SWEEP_KIND = "sweep.json", "sweep"
# The first columns of HPARAMS, unless a sweep knows what its cells differ in.
_FIRST = ("ipc", "objective.name", "parameterization.name")
_TYPES = {str: api_pb2.DATA_TYPE_STRING, bool: api_pb2.DATA_TYPE_BOOL}
# A folder of this name is known by the one that it is in.
_PLAIN = "run"


def write(folder: RunFolder, values: Mapping[str, Any], scorer: str) -> None:
    """Writes a run's settings and the columns of the table.

    Args:
        folder: of the run, whose writer is the default one.
        values: its settings as JSON.
        scorer: the run's own, see `tags.scorer`.
    """
    hparams.hparams(flat(values), trial_id=_trial(folder))
    described = plugin_data_pb2.HParamsPluginData(
        experiment=_experiment(folder, scorer)
    )
    tf.summary.write(
        metadata.EXPERIMENT_TAG,
        0.0,
        metadata=metadata.create_summary_metadata(described),
    )


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns the leaves of a config by their dotted names."""
    leaves = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            leaves.update(flat(value, f"{prefix}{name}."))
        else:
            leaves[prefix + name] = value
    return leaves


def _sweep(folder: RunFolder) -> dict[str, Any] | None:
    """Returns what the sweep has written that a run is a cell of, if any."""
    path = folder.path.absolute().parent / SWEEP_RECORD
    try:
        return records.read(path, SWEEP_KIND) if path.exists() else None
    except ValueError:
        return None  # The sweep itself says what is wrong.


def _trial(folder: RunFolder) -> str:
    """Returns what HPARAMS calls a run; it averages runs of equal name."""
    *_, parent, name = ("", *folder.path.absolute().parts)
    if _sweep(folder) is not None:
        # What sets cells apart comes first: the table cuts long names off.
        return f"{name} ({parent})"
    return f"{parent}/{name}" if name == _PLAIN else name


def _experiment(folder: RunFolder, scorer: str) -> api_pb2.Experiment:
    """Returns the columns of HPARAMS: all settings, and what is compared.

    Of many runs TensorBoard takes what the first says that it finds, so each
    names the settings of every member of every family, and the accuracy of
    every network or kernel that `trainers.evaluate` may add later.
    """
    first = (_sweep(folder) or {}).get("differing") or _FIRST
    others = [x for x in (*NETWORKS, *tags.KERNELS) if x != scorer]
    metrics = [
        tags.accuracy(scorer),
        tags.deviation(scorer),
        tags.of_scalar("loss"),
        *map(tags.accuracy, others),
        *map(tags.deviation, others),
    ]
    return api_pb2.Experiment(
        # Without a domain, since TensorBoard hides the values that one lacks.
        hparam_infos=[
            api_pb2.HParamInfo(
                name=name,
                type=_TYPES.get(kind, api_pb2.DATA_TYPE_FLOAT64),
                differs=name in first,  # These come first.
            )
            for name, kind in _settings(config_lib.Config).items()
        ],
        metric_infos=[
            api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag.name))
            for tag in metrics
        ],
    )


def _settings(section: type, prefix: str = "") -> dict[str, type]:
    """Returns the types of a section's leaves by their dotted names."""
    leaves: dict[str, type] = {}
    for field in dataclasses.fields(section):
        name, kind = prefix + field.name, cast(type, field.type)
        if members := config_lib.FAMILIES.get(name):
            leaves[f"{name}.name"] = str
            for member in members.values():
                leaves |= _settings(member.Settings, f"{name}.")
        elif dataclasses.is_dataclass(kind):
            leaves |= _settings(kind, f"{name}.")
        else:
            leaves[name] = kind
    return leaves
