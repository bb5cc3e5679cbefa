import collections
import contextlib
import dataclasses
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from absl import logging
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)
from tensorboard.plugins.hparams import api_pb2, metadata

from fred_tf import config, presets
from fred_tf.disk import records
from fred_tf.disk.run_folder import RunFolder
from fred_tf.distilled_run import DistilledRun
from fred_tf.networks import NETWORKS
from fred_tf.training.evaluator import Evaluation
from trainers import distill
from trainers.log import hparams as run_hparams
from trainers.log import run_log
from trainers.log.run_log import RunLog, append_accuracy

DM = config.replace(
    presets.preset("digits_ipc1_dm_tiny"),
    {
        "augmentation": "none",
        "network.name": "mlp",
        "evaluation.networks": 1,
        "evaluation.epochs": 1,
    },
)


def events(folder) -> dict[str, dict[int, tf.Tensor]]:
    """Returns what is logged, by tag and step."""
    found = collections.defaultdict(dict)
    for file in sorted(folder.glob("events*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                found[value.tag][event.step] = tf.make_ndarray(value.tensor)
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    distill.run(DM, folder, images_every=2, evaluate_every=2)
    return DistilledRun.restore(folder)


def test_everything_is_under_its_heading(run):
    found = events(run.folder.log_folder)
    assert set(found) == {
        "_hparams_/experiment",
        "_hparams_/session_start_info",
        "config",
        "masks",
        "gallery",
        "first_of_class",
        "coefficients/values",
        "pixels",
        "loss",
        "gradient_norm/all",
        *(f"gradient_norm/band_{number}" for number in range(4)),
        "speed/peak_memory_gigabytes",
        "accuracy/mlp/mean",
        "accuracy/mlp/deviation",
    }
    assert list(found["gallery"]) == [0, 2, 3]
    assert list(found["accuracy/mlp/mean"]) == [2, 3]
    text = found["config"][0].item().decode()
    assert json.loads(text.strip("`").removeprefix("json")) == json.loads(
        json.dumps(config.to_json(run.config))
    )


def test_values_are_those_of_the_run(run):
    found = events(run.folder.log_folder)
    last = run.folder.metrics()[-1]
    assert found["loss"][3] == pytest.approx(last["loss"], rel=1e-6)
    written = json.loads(
        (run.folder.path / "evaluation_step000000003.json").read_text()
    )
    shown = found["accuracy/mlp/mean"][3]
    assert shown == pytest.approx(100 * written["mean"], rel=1e-6)
    bands = [found[f"gradient_norm/band_{n}"][3] for n in range(4)]
    whole = found["gradient_norm/all"][3]
    assert np.linalg.norm(bands) == pytest.approx(whole, rel=1e-5)
    assert bands[0] > 0


def test_tensorboard_itself_reads_it(run):
    accumulator = EventAccumulator(str(run.folder.log_folder))
    accumulator.Reload()
    tags = accumulator.Tags()["tensors"]
    assert {"loss", "gallery", "coefficients/values"} <= set(tags)
    plugins = {
        accumulator.SummaryMetadata(tag).plugin_data.plugin_name for tag in tags
    }
    assert {"scalars", "images", "histograms", "text"} <= plugins


def hparams_of(folder):
    """Returns what TensorBoard reads of a run: its session, its experiment."""
    accumulator = EventAccumulator(str(folder.log_folder))
    accumulator.Reload()

    def content(tag):
        return accumulator.SummaryMetadata(tag).plugin_data.content

    return (
        metadata.parse_session_start_info_plugin_data(
            content(metadata.SESSION_START_INFO_TAG)
        ),
        metadata.parse_experiment_plugin_data(content(metadata.EXPERIMENT_TAG)),
    )


def test_hparams_lists_what_people_compare(run):
    session, experiment = hparams_of(run.folder)
    assert session.group_name == "digits"
    metrics = [metric.name.tag for metric in experiment.metric_infos]
    assert metrics[:3] == [
        "accuracy/mlp/mean",
        "accuracy/mlp/deviation",
        "loss",
    ]
    # `trainers.evaluate --networks` may add any of them.
    assert set(metrics[3:]) == {
        f"accuracy/{name}/{what}"
        for name in NETWORKS
        if name != "mlp"
        for what in ("mean", "deviation")
    }
    # TensorBoard takes the columns of one run for all: what another one has.
    columns = {info.name: info for info in experiment.hparam_infos}
    other = config.replace(
        presets.preset("digits_ipc1_tm_tiny"), {"parameterization.name": "idc"}
    )
    for settings in (DM, other):
        for name, value in run_hparams.flat(config.to_json(settings)).items():
            kind = "STRING" if isinstance(value, str) else "FLOAT64"
            assert columns[name].type == api_pb2.DataType.Value(
                f"DATA_TYPE_{kind}"
            )
    assert {name for name, info in columns.items() if info.differs} == {
        "ipc",
        "objective.name",
        "parameterization.name",
    }


@pytest.mark.parametrize(
    "record, folder, name, first",
    [
        (None, "run", "x/run", "ipc"),
        ({"differing": ["seed"]}, "seed=1", "seed=1 (x)", "seed"),
        ({}, "seed=1", "seed=1 (x)", "ipc"),
        ("half a reco", "seed=1", "seed=1", "ipc"),
    ],
)
def test_a_run_is_named_after_what_it_is_in(
    run, tmp_path, record, folder, name, first
):
    root = tmp_path / "x"
    path = root / folder
    path.mkdir(parents=True)
    if isinstance(record, dict):
        records.write(root / "sweep.json", "sweep", {}, None, **record)
    elif record:
        (root / "sweep.json").write_text(record)
    copy = dataclasses.replace(run.folder, path=path)
    log = RunLog(copy)
    log.begin(dataclasses.replace(run, folder=copy))
    log.close()
    session, experiment = hparams_of(copy)
    assert session.group_name == name
    assert first in {i.name for i in experiment.hparam_infos if i.differs}


def test_memory_of_a_gpu_is_shown_where_there_is_one(
    run, monkeypatch, tmp_path
):
    monkeypatch.setattr(
        tf.config, "list_logical_devices", lambda kind: [kind + ":0"]
    )
    monkeypatch.setattr(
        tf.config.experimental,
        "get_memory_info",
        lambda device: {"GPU:0": {"current": 1, "peak": 3_500_000_000}}[device],
    )
    folder = dataclasses.replace(run.folder, path=tmp_path)
    log = RunLog(folder)
    log.scalars(10, {"loss": 1.0})

    def uncounted(device):
        raise ValueError(f"No allocator statistics for {device}")

    monkeypatch.setattr(tf.config.experimental, "get_memory_info", uncounted)
    log.scalars(20, {"loss": 1.0})
    log.close()
    found = events(folder.log_folder)
    (shown,) = found["speed/peak_device_memory_gigabytes"].values()
    assert shown == pytest.approx(3.5)
    assert found["speed/peak_memory_gigabytes"][20] > 0.1
    assert list(found["loss"]) == [10, 20]


def asked(address, path, body=None):
    """Returns TensorBoard's answer; none of ours goes through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(
        f"{address}/data/{path}",
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with opener.open(request, timeout=30) as answer:
        return json.load(answer)


def test_the_command_itself_serves_it(run, tmp_path):
    """As a browser asks for it; the port is one that the system chooses."""
    said = tmp_path / "said"
    with open(said, "w") as file:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tensorboard.main",  # What the command `tensorboard` calls.
                f"--logdir={run.folder.path.parent}",
                "--host=127.0.0.1",
                "--port=0",
            ],
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    name = f"{run.folder.path.name}/tensorboard"
    deadline, found = time.monotonic() + 120, {}
    try:
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.2)
            at = re.search(r"http://127\.0\.0\.1:\d+", said.read_text())
            if not at:
                continue
            try:
                found = {
                    kind: asked(at[0], f"plugin/{kind}/tags").get(name, {})
                    for kind in ("scalars", "images", "histograms", "text")
                }
            except urllib.error.URLError:
                continue
            # Event files are read while it already answers.
            if all(found.values()) and "accuracy/mlp/mean" in found["scalars"]:
                break
        assert {"loss", "accuracy/mlp/mean"} <= set(found["scalars"]), (
            said.read_text()
        )
        assert {"gallery", "masks", "first_of_class"} == set(found["images"])
        assert {"coefficients/values", "pixels"} == set(found["histograms"])
        assert "config" in found["text"]
        experiment = asked(
            at[0], "plugin/hparams/experiment", {"experimentName": ""}
        )
        metrics = [x["name"]["tag"] for x in experiment["metricInfos"]]
        assert metrics[0] == "accuracy/mlp/mean"
        first = [x["name"] for x in experiment["hparamInfos"][:3]]
        assert first == ["ipc", "objective.name", "parameterization.name"]
        (trial,) = asked(
            at[0],
            "plugin/hparams/session_groups",
            {
                "experimentName": "",
                "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_RUNNING"],
                "colParams": [],
                "startIndex": 0,
                "sliceSize": 10,
            },
        )["sessionGroups"]
        assert trial["name"] == "digits"
        assert trial["hparams"]["parameterization.name"] == "frequency"
        values = {x["name"]["tag"]: x["value"] for x in trial["metricValues"]}
        assert 0 <= values["accuracy/mlp/mean"] <= 100
        assert set(values) >= {"accuracy/mlp/deviation", "loss"}
    finally:
        # Its data server is a process of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_looking_changes_nothing(run, tmp_path):
    """F36."""
    unseen = distill.run(DM, tmp_path, images_every=1000)
    for one, other in zip(
        unseen.parameterization.get_weights(),
        run.parameterization.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_a_resumed_run_logs_no_step_twice(tmp_path):
    """F34: what was logged after the last checkpoint is dropped."""

    class Killed(BaseException):
        pass

    def die(step, scalars):
        raise Killed

    settings = config.replace(DM, {"outer_steps": 4})
    log, loss = RunLog.scalars, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunLog, "pictures", lambda self, run: None)
        patch.setattr(
            RunLog,
            "scalars",
            lambda self, step, scalars: log(self, step, scalars) or die(0, {}),
        )
        with pytest.raises(Killed):
            distill.run(settings, tmp_path)
    logs = tmp_path / "tensorboard"
    assert list(events(logs)["loss"]) == [4]
    (torn,) = logs.glob("events*")
    torn.write_bytes(torn.read_bytes() + b"half a record")
    distill.run(settings, tmp_path)
    for file in logs.glob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            loss += [event.step for v in event.summary.value if v.tag == "loss"]
    assert loss == [4]
    assert "config" in events(logs)


def test_snapshots_follow_the_run_back(run, tmp_path):
    folder = run.folder
    kept = folder.snapshots()
    assert list(kept) == [0, 2, 3]
    np.testing.assert_allclose(
        kept[3], run.synthetic_set().images[::2], rtol=1e-3, atol=1e-3
    )
    other = distill.run(DM, tmp_path, images_every=1).folder
    assert list(other.snapshots()) == [0, 1, 2, 3]
    other.rewind_snapshots(1)
    assert list(other.snapshots()) == [0, 1]


def test_a_log_that_cannot_be_written_is_one_warning(
    run, monkeypatch, tmp_path
):
    """F5: results are never lost because logging failed."""
    warnings = []
    monkeypatch.setattr(logging, "warning", lambda *args: warnings.append(args))

    def full_disk(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left")

    monkeypatch.setattr(tf.summary, "scalar", full_disk)
    finished = distill.run(
        config.replace(DM, {"outer_steps": 12}), tmp_path / "run"
    )
    assert finished.step == 12
    assert len(finished.folder.metrics()) == 12
    assert len(warnings) == 1
    log = RunLog(finished.folder)
    log.accuracy(12, "mlp", Evaluation((0.5,), 0.1))
    log.accuracy(12, "mlp", Evaluation((0.5,), 0.1))
    assert len(warnings) == 2


def test_snapshots_a_rewind_and_a_profile_may_fail(run, monkeypatch, tmp_path):
    """F5: in whatever of the log the disk is full, one warning is all."""
    warnings = []
    monkeypatch.setattr(logging, "warning", lambda *args: warnings.append(args))

    def full_disk(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save_snapshot", full_disk)
        patch.setattr(tf.profiler.experimental, "start", full_disk)
        patch.setattr(tf.profiler.experimental, "stop", None)
        finished = distill.run(DM, tmp_path / "run", profile_steps=1)
    assert finished.step == 3 and len(finished.folder.metrics()) == 3
    assert not finished.folder.snapshots()
    assert len(warnings) == 1
    # Event files are another matter, and snapshots are tried again.
    assert list(events(finished.folder.log_folder)["gallery"]) == [0, 3]
    assert "first_of_class" not in events(finished.folder.log_folder)
    longer = config.replace(DM, {"outer_steps": 4})
    with monkeypatch.context() as patch:
        patch.setattr(run_log, "_rewind", full_disk)
        again = distill.run(longer, tmp_path / "run")
    assert again.step == 4 and list(again.folder.snapshots()) == [4]
    assert len(warnings) == 2
    assert 4 not in events(again.folder.log_folder)["loss"]


def test_a_log_folder_that_cannot_be_made_is_one_warning(
    run, monkeypatch, tmp_path
):
    warnings = []
    monkeypatch.setattr(logging, "warning", lambda *args: warnings.append(args))
    (tmp_path / "tensorboard").write_text("in the way")
    log = RunLog(dataclasses.replace(run.folder, path=tmp_path), 0)
    log.accuracy(3, "mlp", Evaluation((0.5,), 0.1))
    log.close()
    assert len(warnings) == 1


@pytest.mark.parametrize("order", [1, -1])
def test_an_accuracy_is_not_logged_twice(run, tmp_path, order):
    """Unless other networks have changed it, however the files' names sort."""
    folder = dataclasses.replace(run.folder, path=tmp_path)
    first = Evaluation((0.25, 0.5), 0.1)
    both = Evaluation((0.25, 0.5, 0.1), 0.1)
    for i, result in enumerate((first, first, both, both)):
        append_accuracy(folder, 3, "lenet", result)
        for file in folder.log_folder.glob("*.v2"):
            file.rename(file.with_name(f"events.out.tfevents.{5 + order * i}"))
    shown = [
        tf.make_ndarray(value.tensor).item()
        for file in sorted(folder.log_folder.glob("events*"))[::order]
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
        if value.tag == "accuracy/lenet/mean"
    ]
    assert shown == pytest.approx([37.5, 100 * both.mean])


def test_steps_are_profiled(tmp_path):
    """A profile that is open when the run ends is written as well."""
    settings = config.replace(DM, {"outer_steps": 7})
    for steps in (1, 1000):
        distill.run(
            settings,
            tmp_path / str(steps),
            images_every=1000,
            profile_steps=steps,
        )
        plugins = tmp_path / str(steps) / "tensorboard" / "plugins"
        assert list(plugins.rglob("*.xplane.pb"))
