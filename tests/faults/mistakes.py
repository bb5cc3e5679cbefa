"""Settings, paths and clusters that cannot be meant."""

import os
from unittest import mock

import numpy as np
import tensorflow as tf

import fred_tf
from export import command_line
from fred_tf import assembly, presets
from fred_tf import config as config_lib
from fred_tf.distillation import devices
from tests.faults.rows import CommandError, Row, command

# --- Settings -----------------------------------------------------------------


def _setting(*assignments: str, preset: str = "digits_ipc1_dm_tiny"):
    def call(folder):
        own = presets.preset(preset)
        assembly.check_network(config_lib.override(own, assignments))

    return call


# Of a setting the values that are refused; the message names the setting.
_VALUES = {
    "seed": ("-1", "1" + 24 * "0", "1.5", "nan", ""),
    "ipc": ("0", "-2", "1.5"),
    "outer_steps": ("-1", "many", "1e3"),
    "holdout": ("1", "-0.1", "nan"),
    "augmentation": ("color_crp", "color__crop", ""),
    "convolutions": ("float8",),
    "norm_layout": ("window",),
    "normalization": ("standardise",),
    "memory_momentum": ("5", "1", "-0.1", "nan"),
    "memory_average": ("1", "-0.5", "nan"),
    "memory_learning_rate": ("-1", "nan", "inf"),
    "memory_share": ("-0.5", "nan", "inf"),
    "memory_optimizer": ("adamw",),
    "warm_up_steps": ("-3",),
    "decay_steps": ("-1",),
    "drop_steps": ("9,5", "0", "half"),
    "drop_factor": ("0", "2", "nan"),
    "references_per_step": ("-1",),
    "outlier_factor": ("0.5", "nan"),
    "objective.name": ("distribution",),
    "real_batch_per_class": ("0", "-8"),
    "parameterization.name": ("fred",),
    "labels": ("soft", "scores"),
    "label_scale": ("-1", "nan"),
    "label_learning_rate": ("-1", "inf"),
    "transform": ("dct9",),
    "mask_rule": ("enrgy",),
    "coefficients_per_channel": ("0", "65"),
    "bits": ("-3", "99"),
    "network.name": ("convnt",),
    "width": ("0",),
    "depth": ("9", "-1"),
    "evaluation.networks": ("0",),
    "evaluation.epochs": ("-5",),
    "evaluation.batch_size": ("0",),
    "evaluation.learning_rate": ("nan", "-1"),
    "evaluation.momentum": ("2",),
    "evaluation.by": ("nets",),
    "evaluation.loss": ("mse",),
    "evaluation.optimizer": ("lamb",),
    "evaluation.schedule": ("step",),
    "evaluation.views": ("half",),
    "evaluation.warm_up_epochs": ("-1",),
    "evaluation.weight_decay": ("-1", "inf"),
    "experts.dtype": ("float8",),
    "experts.momentum": ("1.5",),
    "experts.learning_rate": ("nan", "0"),
    "experts.stored_epochs": ("-1",),
}
# The same of the methods that only some presets have.
_OF_METHODS = {
    "digits_ipc1_idc_tiny": {
        "factor": ("0", "-1", "5", "9", "1001", "two"),
        "decode": ("singel", "all"),
        "canvases": ("-1", "2"),
        "matched": ("feature",),
        "distance": ("l1",),
        "network_steps": ("0",),
        "network_epochs": ("0",),
        "network_images": ("0",),
        "network_momentum": ("1",),
        "network_cutmix": ("1.5", "-0.1", "nan"),
        "synthetic_batch_per_class": ("0",),
        "evaluation.cutmix": ("2", "nan"),
    },
    "digits_ipc2_haba_tiny": {
        "hallucinators": ("0", "1", "20", "1001"),
        "basis_channels": ("-1",),
        "decode": ("single",),
        "diversity_weight": ("-1", "nan"),
        "hallucinator_learning_rate": ("-1", "inf"),
        "experts.standardized_batches": ("maybe",),
    },
    "digits_ipc1_cafe_tiny": {
        "window": ("0", "1"),
        "most_steps": ("0", "1"),
        "most_epochs": ("0", "1"),
        "settled_range": ("2", "nan"),
        "moved_range": ("-1",),
        "accuracy_images": ("0",),
        "early_weight": ("-1",),
        "discrimination_weight": ("inf",),
        "network_learning_rate": ("0",),
    },
}
SETTINGS = (
    [
        Row(f"{name}={value}", _setting(f"{name}={value}"), name.split(".")[-1])
        for name, values in _VALUES.items()
        for value in values
    ]
    + [
        Row(
            f"{preset.split('_')[2]}, {name}={value}",
            _setting(f"{name}={value}", preset=preset),
            name.split(".")[-1],
        )
        for preset, fields in _OF_METHODS.items()
        for name, values in fields.items()
        for value in values
    ]
    + [
        Row(
            "cutmix of one class",
            _setting("preparation.classes=3", preset="digits_ipc1_idc_tiny"),
            "cutmix",
        ),
        Row("an unknown name", _setting("outer_step=3"), "Did you mean"),
        Row("no value", _setting("ipc"), "name=value"),
        Row(
            "a step size and a share",
            _setting("memory_learning_rate=1", "memory_share=1"),
            "memory_share",
        ),
    ]
)

# --- Paths --------------------------------------------------------------------

_PATHS = {
    "a bucket": ("gs://bucket/run", "file system"),
    "another bucket": ("s3://bucket/run", "file system"),
    "a scheme": ("file:///tmp/run", "file system"),
    "a cluster's files": ("hdfs://host/run", "file system"),
    "nothing": ("", "name"),
    "spaces": ("  ", "name"),
    "brackets": ("exp[1]", "pattern"),
    "a star": ("exp*", "pattern"),
    "a question mark": ("exp?", "pattern"),
    "braces": ("{a,b}", "pattern"),
    "a backslash": ("a\\b", "pattern"),
    "a line end": ("a\nb", "control"),
    "a zero": ("a\0b", "control"),
    "delete": ("a\x7fb", "control"),
    "a long name": (300 * "a", "bytes"),
    "a long path": ("/".join(100 * [50 * "a"]), "bytes"),
    "no UTF-8": ("a\udcffb", "UTF-8"),
    "a home that is not": ("~nobody_is_called_so/run", "home"),
}
_TINY = "--preset=digits_ipc1_dm_tiny"
# Every flag that takes a path, and what else its program needs.
_FLAGS = (
    ("trainers.distill", "run_dir", _TINY),
    ("trainers.distill", "expert_dir", _TINY, "--run_dir={}/run"),
    ("trainers.distill", "data_dir", _TINY, "--run_dir={}/run"),
    ("trainers.distill", "start_from", _TINY, "--run_dir={}/run"),
    ("trainers.train_experts", "expert_dir", "--preset=digits_ipc1_tm_tiny"),
    ("trainers.evaluate", "run_dir"),
    ("trainers.evaluate", "exported", "--run_dir={}/run"),
    ("trainers.evaluate", "model", "--run_dir={}/run"),
    ("trainers.sweep.__main__", "sweep_dir", _TINY),
    ("trainers.elsewhere.__main__", "pack", _TINY),
    ("trainers.elsewhere.__main__", "bring_back", "--run_dir={}/run"),
    ("trainers.select_coreset", "run_dir", _TINY, "--method=random"),
    ("trainers.rank", "run_dir"),
    ("trainers.report.__main__", "run_dir"),
    ("trainers.report.__main__", "gallery"),
    ("trainers.report.__main__", "set", "--gallery={}/gallery.html"),
    ("trainers.quickstart", "run_dir"),
    ("export.__main__", "run_dir"),
    ("export.__main__", "export_dir", "--run_dir={}/run"),
    ("export.__main__", "soft_labels_from", "--run_dir={}/run"),
)


def _images():
    drawn = np.random.default_rng(0).integers(0, 255, (4, 8, 8, 1), np.uint8)
    return drawn, np.arange(4) % 2


def _front_door(path: str):
    """Returns the calls of the front door that take a path, by name."""
    data = _images

    def small(run_dir=None, **places):
        return fred_tf.distill(
            (data(), data()),
            ipc=1,
            run_dir=run_dir,
            **places,
            overrides=("outer_steps=0", "coefficients_per_channel=32"),
            progress=False,
        )

    return {
        "fred_tf.distill": lambda _: small(path),
        "fred_tf.distill with experts": lambda _: small(experts=path),
        "DistilledRun.restore": lambda _: fred_tf.DistilledRun.restore(path),
        "DistilledSet.evaluate": lambda _: small().evaluate(
            (data(), data()), overrides=("evaluation.epochs=1",), path=path
        ),
        "fred_tf.train_experts": lambda _: fred_tf.train_experts(
            (data(), data()), presets.preset("digits_ipc1_tm_tiny"), path
        ),
        "load_data from a folder": lambda _: fred_tf.load_data(
            "mnist", data_dir=path
        ),
        "DistilledSet.export": lambda _: small().export(path),
        "DistilledSet.save": lambda _: small().save(path),
    }


def _occupied(module: str, *arguments: str):
    """A file stands where a folder is to be made."""
    run = command(module, *arguments)

    def call(folder):
        (folder / "file").write_text("years of work")
        try:
            run(folder)
        finally:
            assert (folder / "file").read_text() == "years of work"

    return call


PATHS = [
    Row(name, lambda _, p=path: command_line.PATH.parse(p), word)
    for name, (path, word) in _PATHS.items()
]
PATHS += [
    Row(
        f"{module} --{flag}=exp[1]",
        command(module, f"--{flag}=exp[1]", *others),
        r"exp\[1\]",
        CommandError,
    )
    for module, flag, *others in _FLAGS
]
PATHS += [
    Row(f"{name}, {path}", call, word)
    for path, word in (("gs://bucket/x", "file system"), ("exp[1]", "pattern"))
    for name, call in _front_door(path).items()
]
PATHS += [
    Row(name, call, "file system")
    for name, call in {
        "load_data of a bucket": lambda _: fred_tf.load_data("folder:gs://x"),
        "DistilledSet.load of a bucket": lambda _: fred_tf.DistilledSet.load(
            "gs://bucket/x"
        ),
    }.items()
]
PATHS += [
    Row(
        f"{module} in a file",
        _occupied(module, *others, f"--{flag}={{}}/file"),
        "/file",
        CommandError,
    )
    for module, flag, *others in (_FLAGS[0], _FLAGS[4], _FLAGS[8])
]

# --- Clusters -----------------------------------------------------------------

_TASK = '"task": {"type": "worker", "index": 0}'


def _workers(workers: str, task: str = _TASK) -> str:
    return f'{{"cluster": {{"worker": {workers}}}, {task}}}'


def _task(task: str) -> str:
    return _workers('["a:1", "b:1"]', f'"task": {task}')


_CLUSTERS = {
    "no JSON": "{",
    "a list": "[]",
    "a text": '"a:1,b:1"',
    "a number": "2",
    "a cluster that is a list": '{"cluster": ["a:1", "b:1"], ' + _TASK + "}",
    "a cluster that is a text": '{"cluster": "a:1", ' + _TASK + "}",
    "workers that are a text": _workers('"a:1,b:1"'),
    "workers that are null": _workers("null"),
    "workers that are an object": _workers('{"0": "a:1"}'),
    "a worker that is null": _workers('["a:1", null]'),
    "a worker that is a number": _workers('["a:1", 1234]'),
    "an empty address": _workers('["a:1", ""]'),
    "an address without port": _workers('["a:1", "b"]'),
    "port 0": _workers('["a:1", "b:0"]'),
    "port 70000": _workers('["a:1", "b:70000"]'),
    "port -1": _workers('["a:1", "b:-1"]'),
    "a port in words": _workers('["a:1", "b:http"]'),
    "an address given twice": _workers('["a:1", "a:1"]'),
    "an index of -1": _task('{"type": "worker", "index": -1}'),
    "an index too high": _task('{"type": "worker", "index": 2}'),
    "an index of 0.9": _task('{"type": "worker", "index": 0.9}'),
    "an index in words": _task('{"type": "worker", "index": "one"}'),
    "an index of null": _task('{"type": "worker", "index": null}'),
    "an index of true": _task('{"type": "worker", "index": true}'),
    "no index": _task('{"type": "worker"}'),
    "no type": _task('{"index": 0}'),
    "a parameter server": _task('{"type": "ps", "index": 0}'),
    "a task of null": _task("null"),
    "a task that is a text": _task('"worker 0"'),
    "no task": '{"cluster": {"worker": ["a:1", "b:1"]}}',
    "a chief that is a text": _workers(
        '["a:1"], "chief": "c:1"', '"task": {"type": "worker", "index": 0}'
    ),
}


def _cluster(text: str):
    def call(folder):
        with (
            mock.patch.dict(os.environ, {"TF_CONFIG": text}),
            # It would wait for the others.
            mock.patch.object(tf.distribute, "MultiWorkerMirroredStrategy"),
        ):
            devices.strategy()

    return call


CLUSTERS = [
    Row(name, _cluster(text), "TF_CONFIG") for name, text in _CLUSTERS.items()
]
