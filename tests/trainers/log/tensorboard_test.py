"""What TensorBoard makes of the log: its own readers, and the command."""

import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)
from tensorboard.plugins.hparams import api_pb2, metadata

from fred_tf import config, presets
from fred_tf.disk import records
from fred_tf.networks import NETWORKS
from trainers import distill
from trainers.log import hparams as run_hparams
from trainers.log.run_log import RunLog, place


def test_tensorboard_itself_reads_it(run):
    accumulator = EventAccumulator(str(place(run.folder)))
    accumulator.Reload()
    tags = accumulator.Tags()["tensors"]
    assert {"loss", "pictures/gallery", "values/values"} <= set(tags)
    plugins = {
        accumulator.SummaryMetadata(tag).plugin_data.plugin_name for tag in tags
    }
    assert {"scalars", "images", "histograms", "text"} <= plugins


def hparams_of(folder):
    """Returns what TensorBoard reads of a run: its session, its experiment."""
    accumulator = EventAccumulator(str(place(folder)))
    accumulator.Reload()

    def content(tag):
        return accumulator.SummaryMetadata(tag).plugin_data.content

    return (
        metadata.parse_session_start_info_plugin_data(
            content(metadata.SESSION_START_INFO_TAG)
        ),
        metadata.parse_experiment_plugin_data(content(metadata.EXPERIMENT_TAG)),
    )


def test_hparams_lists_what_people_compare(run, quick):
    session, experiment = hparams_of(run.folder)
    assert session.group_name == "digits"
    metrics = [metric.name.tag for metric in experiment.metric_infos]
    assert metrics[:3] == [
        "measured/mlp/accuracy",
        "measured/mlp/deviation",
        "loss",
    ]
    # `trainers.evaluate --networks` may add any of them.
    assert set(metrics[3:]) == {
        f"measured/{name}/{what}"
        for name in (*NETWORKS, "kernel", "label_solve")
        if name != "mlp"
        for what in ("accuracy", "deviation")
    }
    # TensorBoard takes the columns of one run for all: what another one has.
    columns = {info.name: info for info in experiment.hparam_infos}
    other = config.replace(
        presets.preset("digits_ipc1_tm_tiny"), {"parameterization.name": "idc"}
    )
    for settings in (quick, other):
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


def test_hparams_and_settings_are_those_of_a_run_that_was_extended(
    quick, tmp_path
):
    """TensorBoard keeps the first of them that it finds."""
    for steps in (0, 1, 1):
        settings = config.replace(quick, {"outer_steps": steps})
        made = distill.run(settings, tmp_path)
    session, _ = hparams_of(made.folder)
    assert session.hparams["outer_steps"].number_value == 1
    told = [
        tf.make_ndarray(value.tensor).item().decode()
        for file in tmp_path.rglob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
        if value.tag == "config"
    ]
    assert len(told) == 1 and '"outer_steps": 1,' in told[0]


@pytest.mark.parametrize(
    "record, folder, name, first",
    [
        (None, "run", "x/run", "ipc"),
        (
            {"differing": ["seed"]},
            "seed=1",
            "seed=1 (x)",
            "seed",
        ),
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
    log.begin(dataclasses.replace(run, kept_in=copy))
    log.close()
    session, experiment = hparams_of(copy)
    assert session.group_name == name
    assert first in {i.name for i in experiment.hparam_infos if i.differs}


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


@pytest.mark.slow  # A process that serves; the tests before read what it reads.
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
    name = str(place(run.folder).relative_to(run.folder.path.parent))
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
            if (
                all(found.values())
                and "measured/mlp/accuracy" in found["scalars"]
            ):
                break
        assert {"loss", "measured/mlp/accuracy"} <= set(found["scalars"]), (
            said.read_text()
        )
        pictures = {"gallery", "masks", "first_of_class"}
        assert {f"pictures/{x}" for x in pictures} == set(found["images"])
        assert {"values/values", "pictures/pixels"} == set(found["histograms"])
        assert "config" in found["text"]
        experiment = asked(
            at[0], "plugin/hparams/experiment", {"experimentName": ""}
        )
        metrics = [x["name"]["tag"] for x in experiment["metricInfos"]]
        assert metrics[0] == "measured/mlp/accuracy"
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
        assert 0 <= values["measured/mlp/accuracy"] <= 100
        assert "loss" in values
    finally:
        # Its data server is a process of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
