"""Two worker processes on this machine, as a shell would start them."""

import json
import pathlib
import re
import signal
import socket
import time

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, presets
from fred_tf import config as config_lib
from fred_tf.disk.checkpoints import Checkpoints
from fred_tf.distillation import devices, workers
from fred_tf.distilled_run import DistilledRun
from fred_tf.experts.store import ExpertStore
from trainers import distill

PRESET = "digits_ipc1_tm_tiny"
SECONDS = 120


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for found in sockets:
        found.bind(("localhost", 0))
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


class Pair:
    """Two workers that were given the same command."""

    def __init__(self, start, *flags):
        self.ports = free_ports(2)
        cluster = {"worker": [f"localhost:{port}" for port in self.ports]}
        self.processes = []
        for index in range(2):
            task = {"type": "worker", "index": index}
            told = json.dumps({"cluster": cluster, "task": task})
            self.processes.append(
                start("trainers.distill", *flags, TF_CONFIG=told)
            )

    def __enter__(self) -> "Pair":
        return self

    def __exit__(self, *_) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()

    def wait_for(self, metrics: pathlib.Path, lines: int) -> None:
        deadline = time.monotonic() + SECONDS
        while not metrics.exists() or metrics.read_text().count("\n") < lines:
            assert time.monotonic() < deadline, "no progress"
            assert [p.poll() for p in self.processes] == [None, None]
            time.sleep(0.1)

    def finish(self, index: int) -> tuple[int, str, str]:
        output, errors = self.processes[index].communicate(timeout=SECONDS)
        return self.processes[index].returncode, output, errors


def assert_lost(result, killed, port, folder) -> int:
    """Checks what the survivor of a pair says; returns the step it names."""
    code, _, errors = result
    assert code == 1, errors
    assert "Traceback" not in errors
    found = re.fullmatch(
        rf"WorkerLostError: Worker {killed} \(localhost:(\d+)\) is gone in "
        r"outer step (\d+); its own output may tell why\. The last checkpoint "
        r"in (.*) is of step (\d+)\. Give the same command on all workers to "
        "continue from there.",
        errors.strip().splitlines()[-1],
    )
    assert found, errors
    found_port, step, where, checkpoint = found.groups()
    assert (int(found_port), where) == (port, str(folder))
    assert int(checkpoint) < int(step)
    return int(checkpoint)


@pytest.fixture
def experts_with_an_outlier(digits, quick_tm, quick_experts, tmp_path):
    """Twelve experts, and one that hardly moved: see diverging_test.py."""
    there = ExpertStore.open(quick_experts)
    store = assembly.expert_store(quick_tm, digits, tmp_path / "experts")
    for number in range(13):
        start, end = there.segment(number % len(there), 0, 1)
        way = 0.01 if number == 12 else 1.0
        trajectory = [start + way * i * (end - start) for i in range(3)]
        store.append(np.stack(trajectory))
    return tmp_path / "experts"


@pytest.fixture
def command(tmp_path, experts_with_an_outlier):
    """Flags of a long run of `quick_tm` in the folder `run`."""
    return [
        f"--preset={PRESET}",
        f"--run_dir={tmp_path / 'run'}",
        f"--expert_dir={experts_with_an_outlier}",
        "--override=augmentation=none",
        "--override=network.name=mlp",
        "--override=memory_learning_rate=1000",
        "--save_every=2",
        "--jit=off",
        "--override=outer_steps=100000",
    ]


@pytest.fixture
def here(quick_tm, experts_with_an_outlier, tmp_path):
    """Makes so many steps on two devices of this process."""

    def here(steps: int) -> DistilledRun:
        return distill.run(
            config_lib.override(quick_tm, [f"outer_steps={steps}"]),
            tmp_path / "here",
            expert_dir=experts_with_an_outlier,
            strategy=tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
        )

    return here


@pytest.fixture
def dies(start, command, tmp_path):
    """Kills a worker of a pair after some more steps than were saved.

    Returns the step that is saved then, of which the other worker tells.
    """
    folder = tmp_path / "run"
    checkpoints = Checkpoints(folder / "checkpoints", tf.train.Checkpoint())

    def dies(killed: int, saved: int = 0) -> int:
        with Pair(start, *command) as pair:
            pair.wait_for(folder / "metrics.jsonl", lines=saved + 3)
            pair.processes[killed].kill()
            result = pair.finish(1 - killed)
        named = assert_lost(result, killed, pair.ports[killed], folder)
        assert named == checkpoints.steps()[-1] > saved
        return named

    return dies


def assert_alike(found, expected):
    # Bit-equal where it was tried; other machines may add in another order.
    np.testing.assert_allclose(
        found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max()
    )


# Worker 0 also leads: TensorFlow's coordination service dies with it.
def test_a_death_is_told_and_leaves_the_same_memory(
    dies, here, tmp_path, memory_of
):
    steps = dies(killed=0)
    assert_alike(memory_of(tmp_path / "run"), memory_of(here(steps)))


@pytest.mark.slow  # Two processes more for each; the test before has one pair.
@pytest.mark.parametrize("deaths", [(0,), (1, 0)])
def test_deaths_resume_stop_and_the_same_memory(
    deaths, dies, here, command, tmp_path, start, memory_of
):
    folder = tmp_path / "run"
    metrics = folder / "metrics.jsonl"
    saved = 0
    for killed in deaths:
        saved = dies(killed, saved)

    # Only worker 1 is told to stop; both end after the same step.
    with Pair(start, *command) as pair:
        pair.wait_for(metrics, lines=saved + 3)
        pair.processes[1].send_signal(signal.SIGTERM)
        ends = [pair.finish(index) for index in range(2)]
    assert [code for code, _, _ in ends] == [143, 143], ends
    stopped = DistilledRun.restore(folder).step
    assert stopped > saved
    for _, output, _ in ends:
        assert f"Stopped after step {stopped};" in output

    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, stopped + 1))
    # Both skipped the steps of an expert that hardly moved.
    assert lines[-1]["skipped"] > 0
    # One file for each time that the chief started.
    files = (folder / "tensorboard").glob("*/events*")
    assert len(list(files)) == len(deaths) + 1

    expected = here(stopped)
    assert expected.folder.metrics()[-1]["skipped"] == lines[-1]["skipped"]
    assert_alike(memory_of(folder), memory_of(expected))


def test_one_worker_is_no_cluster(monkeypatch):
    told = {
        "cluster": {"worker": ["localhost:1"]},
        "task": {"type": "worker", "index": 0},
    }
    monkeypatch.setenv("TF_CONFIG", json.dumps(told))
    strategy = devices.strategy()
    assert not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    alone = workers.Workers(strategy)
    assert alone.chief
    assert alone.largest(15) == 15


class Second(workers.Workers):
    """Worker 1 of two, told what worker 0 says in each exchange."""

    def __init__(self, *rows):
        super().__init__(tf.distribute.get_strategy())
        self.index, self.count, self._rows = 1, 2, list(rows)

    def _sum(self, table):
        row = np.ravel(np.array(self._rows.pop(0), np.int64))
        table.reshape([2, -1])[0, : len(row)] = row
        return table


def test_disagreement_names_both_values():
    theirs = list(json.dumps({"config": {"seed": 0}, "jit": True}).encode())
    second = Second(len(theirs), theirs)
    with pytest.raises(
        ValueError, match="`config.seed`: 0 on worker 0, 7 on worker 1$"
    ):
        second.agree({"config": {"seed": 7}, "jit": True})
    Second(len(theirs), theirs).agree({"config": {"seed": 0}, "jit": True})


def test_unequal_numbers_of_devices_are_refused(monkeypatch):
    """In the words of TensorFlow 2.21, tried with two processes."""
    error = tf.errors.InternalError(
        None,
        None,
        "Collective ops is aborted by: Device /job:worker/replica:0/task:1/"
        "device:GPU:0 is joining a group with size4, but that group has size 2 "
        "(group_key=1)",
    )

    def fail(values):
        raise error

    two = workers.Workers(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    two.count = 2
    monkeypatch.setattr(two, "_reduce", fail)
    with pytest.raises(ValueError, match="Received: 2 on one, 1 on another"):
        two.meet()
    error._message = "something else"
    with pytest.raises(tf.errors.InternalError, match="something else"):
        two.meet()


def test_signal_of_another_worker_counts():
    assert Second(15).largest(0) == 15
    assert Second(0).largest(0) == 0


def test_references_that_do_not_divide_are_refused_before_any_work(tmp_path):
    settings = config_lib.override(
        presets.preset(PRESET), ["references_per_step=3"]
    )
    with pytest.raises(
        ValueError,
        match=r"`distiller.references_per_step` .* replicas \(2\).*Received: 3",
    ):
        distill.run(
            settings,
            tmp_path / "run",
            strategy=tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
        )
    assert not (tmp_path / "run").exists()
