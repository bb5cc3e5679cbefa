"""What is logged of a run, and that a log which fails costs no result."""

import dataclasses
import errno
import json

import numpy as np
import pytest
import tensorflow as tf
from absl import logging

from fred_tf import config
from fred_tf.disk.run_folder import RunFolder
from fred_tf.parameterizations import PARAMETERIZATIONS
from fred_tf.training.evaluation import Evaluation
from trainers import distill
from trainers.log import run_log, tags
from trainers.log.run_log import RunLog, append_accuracy


def test_everything_is_under_its_heading(run, events):
    found = events(run.folder.log_folder)
    assert set(found) == {
        "_hparams_/experiment",
        "_hparams_/session_start_info",
        "config",
        "pictures/masks",
        "pictures/gallery",
        "pictures/first_of_class",
        "values/values",
        "pictures/pixels",
        "loss",
        "memory/gradient_norm",
        "memory/gradient_norm_usual",
        "memory/learning_rate",
        *(f"memory/gradient_norm_band_{number}" for number in range(4)),
        "speed/peak_memory_gigabytes",
        "measured/mlp/accuracy",
    }
    assert list(found["pictures/gallery"]) == [0, 2, 3]
    assert list(found["measured/mlp/accuracy"]) == [2, 3]
    text = found["config"][0].item().decode()
    assert json.loads(text.strip("`").removeprefix("json")) == json.loads(
        json.dumps(config.to_json(run.config))
    )


def test_values_are_those_of_the_run(run, events):
    found = events(run.folder.log_folder)
    last = run.folder.metrics()[-1]
    assert found["loss"][3] == pytest.approx(last["loss"], rel=1e-6)
    written = json.loads(
        (run.folder.path / "evaluation_step000000003.json").read_text()
    )
    shown = found["measured/mlp/accuracy"][3]
    assert shown == pytest.approx(100 * written["mean"], rel=1e-6)
    bands = [found[f"memory/gradient_norm_band_{n}"][3] for n in range(4)]
    whole = found["memory/gradient_norm"][3]
    assert np.linalg.norm(bands) == pytest.approx(whole, rel=1e-5)
    assert bands[0] > 0


def test_a_run_is_called_by_its_settings(run):
    """Wherever TensorBoard is pointed, down to the folder of the log."""
    name = "digits_ipc1_fred_distribution_matching"
    assert [x.name for x in run.folder.log_folder.iterdir()] == [name]
    of_photos = {**run.folder.identity, "dataset": "folder:a b"}
    folder = dataclasses.replace(run.folder, identity=of_photos)
    assert run_log.place(folder).name.startswith("folder_a_b_ipc1_fred_")


def test_the_loss_comes_first_and_each_tag_says_what_it_is(run):
    (file,) = run.folder.log_folder.rglob("events*")
    described = {
        value.tag: value.metadata.summary_description
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
        if "/" in value.tag and value.tag[0] != "_" or value.tag == "loss"
    }
    assert len(described) > 10 and all(described.values())
    assert sorted(described)[:2] == ["loss", "measured/mlp/accuracy"]


def test_what_is_0_throughout_is_no_flat_line(run, tmp_path, events):
    """From its first other value on it is shown, also after a resumption."""
    folder = dataclasses.replace(run.folder, path=tmp_path)
    for step, skipped in ((10, 0.0), (20, 2.0), (30, 0.0)):
        log = RunLog(folder, step - 10)
        log.scalars(step, {"loss": 1.0, "skipped": skipped, "log_scale": 0.0})
        log.close()
    found = events(folder.log_folder)
    assert list(found["memory/skipped"]) == [20, 30]
    assert list(found["loss"]) == [10, 20, 30]
    assert "objective/log_scale" not in found
    memory = run.parameterization
    before = memory.get_weights()
    memory.values.assign(np.zeros_like(memory.values))
    log = RunLog(folder)
    log.pictures(dataclasses.replace(run, kept_in=folder))
    log.close()
    memory.set_weights(before)
    assert "values/values" not in events(folder.log_folder)


def test_no_weight_is_shown_as_something_else():
    """Pixels are what some memories store, and what all decode to."""
    others = {v.name for v in vars(tags).values() if isinstance(v, tags.Tag)}
    for member in PARAMETERIZATIONS.values():
        memory = member((8, 8, 1), 2, 20, member.Settings())
        for weight in memory.trainable_weights:
            assert tags.of_weight(weight.name).name not in others


def test_one_network_has_no_spread(run, tmp_path, events):
    folder = dataclasses.replace(run.folder, path=tmp_path)
    for result in (Evaluation((0.5,), 0.1), Evaluation((0.5, 0.7), 0.1)):
        append_accuracy(folder, 3, f"of_{len(result.accuracies)}", result)
    found = set(events(folder.log_folder))
    assert "measured/of_2/deviation" in found
    assert "measured/of_1/deviation" not in found


def test_memory_of_a_gpu_is_shown_where_there_is_one(
    run, monkeypatch, tmp_path, events
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


def test_looking_changes_nothing(run, tmp_path, quick):
    """F36."""
    unseen = distill.run(quick, tmp_path, images_every=1000)
    for one, other in zip(
        unseen.parameterization.get_weights(),
        run.parameterization.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_a_resumed_run_logs_no_step_twice(tmp_path, events, quick):
    """F34: what was logged after the last checkpoint is dropped."""

    class Killed(BaseException):
        pass

    def die(step, scalars):
        raise Killed

    settings = config.replace(quick, {"outer_steps": 4})
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
    (torn,) = logs.rglob("events*")
    torn.write_bytes(torn.read_bytes() + b"half a record")
    distill.run(settings, tmp_path)
    for file in logs.rglob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            loss += [event.step for v in event.summary.value if v.tag == "loss"]
    assert loss == [4]
    assert "config" in events(logs)


def test_snapshots_follow_the_run_back(run, tmp_path, quick):
    folder = run.folder
    kept = folder.snapshots()
    assert list(kept) == [0, 2, 3]
    np.testing.assert_allclose(
        kept[3], run.synthetic_set().images[::2], rtol=1e-3, atol=1e-3
    )
    other = distill.run(quick, tmp_path, images_every=1).folder
    assert list(other.snapshots()) == [0, 1, 2, 3]
    other.rewind_snapshots(1)
    assert list(other.snapshots()) == [0, 1]


def test_a_log_that_cannot_be_written_is_one_warning(
    run, monkeypatch, tmp_path, quick
):
    """F5: results are never lost because logging failed."""
    warnings = []
    monkeypatch.setattr(logging, "warning", lambda *args: warnings.append(args))

    def full_disk(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left")

    monkeypatch.setattr(tf.summary, "scalar", full_disk)
    finished = distill.run(
        config.replace(quick, {"outer_steps": 12}), tmp_path / "run"
    )
    assert finished.step == 12
    assert len(finished.folder.metrics()) == 12
    assert len(warnings) == 1
    log = RunLog(finished.folder)
    log.accuracy(12, "mlp", Evaluation((0.5,), 0.1))
    log.accuracy(12, "mlp", Evaluation((0.5,), 0.1))
    assert len(warnings) == 2


def test_snapshots_a_rewind_and_a_profile_may_fail(
    run, monkeypatch, tmp_path, events, quick
):
    """F5: in whatever of the log the disk is full, one warning is all."""
    warnings = []
    monkeypatch.setattr(logging, "warning", lambda *args: warnings.append(args))

    def full_disk(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save_snapshot", full_disk)
        patch.setattr(tf.profiler.experimental, "start", full_disk)
        patch.setattr(tf.profiler.experimental, "stop", None)
        long = config.replace(quick, {"outer_steps": 7})  # A profile begins.
        finished = distill.run(long, tmp_path / "run", profile_steps=1)
    assert finished.step == 7 and len(finished.folder.metrics()) == 7
    assert not finished.folder.snapshots()
    assert len(warnings) == 1
    # Event files are another matter, and snapshots are tried again.
    assert list(events(finished.folder.log_folder)["pictures/gallery"]) == [
        0,
        7,
    ]
    assert "pictures/first_of_class" not in events(finished.folder.log_folder)
    longer = config.replace(quick, {"outer_steps": 8})
    with monkeypatch.context() as patch:
        patch.setattr(run_log.events, "rewind", full_disk)
        again = distill.run(longer, tmp_path / "run")
    assert again.step == 8 and list(again.folder.snapshots()) == [8]
    assert len(warnings) == 2
    assert 8 not in events(again.folder.log_folder)["loss"]


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
        for file in folder.log_folder.rglob("*.v2"):
            file.rename(file.with_name(f"events.out.tfevents.{5 + order * i}"))
    shown = [
        tf.make_ndarray(value.tensor).item()
        for file in sorted(folder.log_folder.rglob("events*"))[::order]
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
        if value.tag == "measured/lenet/accuracy"
    ]
    assert shown == pytest.approx([37.5, 100 * both.mean])


def test_a_kernel_is_no_network(quick, call, events, tmp_path):
    """Neither in words nor in TensorBoard."""
    made = distill.run(config.replace(quick, {"outer_steps": 0}), tmp_path)
    code, output, errors = call(
        "trainers.evaluate",
        f"--run_dir={tmp_path}",
        "--override=evaluation.by=kernel",
        "--name=kernel",
    )
    assert code == 0, errors
    assert " kernels: " in output and "networks" not in output
    measured = [
        tag
        for tag in events(made.folder.log_folder)
        if tag.startswith("measured/")
    ]
    assert "measured/kernel/accuracy" in measured
    assert not [tag for tag in measured if quick.network.name in tag]


def test_steps_are_profiled(tmp_path, quick):
    """A profile that is open when the run ends is written as well."""
    settings = config.replace(quick, {"outer_steps": 7})
    for steps in (1, 1000):
        distill.run(
            settings,
            tmp_path / str(steps),
            images_every=1000,
            profile_steps=steps,
        )
        logs = tmp_path / str(steps) / "tensorboard"
        assert list(logs.glob("*/plugins/**/*.xplane.pb"))


def test_a_run_too_short_for_a_profile_says_so(tmp_path, quick, monkeypatch):
    said = []
    monkeypatch.setattr(
        logging, "warning", lambda text, *values: said.append(text % values)
    )
    five = config.replace(quick, {"outer_steps": 5})
    distill.run(five, tmp_path, profile_steps=2)
    (line,) = said
    assert "Received: a run with 5 left, of which none is profiled" in line
