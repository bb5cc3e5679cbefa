"""Workers that find each other, or say why not; threads stand for processes."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent import futures

import pytest
import tensorflow as tf
from absl import logging

from export import command_line
from fred_tf.distillation import cluster, devices, rendezvous
from fred_tf.distillation.interruption import STOPPED


@contextlib.contextmanager
def held(count):
    """Yields sockets that listen at ports of this machine."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_server(("localhost", 0)))
            for _ in range(count)
        ]


@pytest.fixture
def addresses():
    """Of three workers, whose ports are free."""
    with held(3) as sockets:
        ports = [taken.getsockname()[1] for taken in sockets]
    return tuple(f"localhost:{port}" for port in ports)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(rendezvous, "_PAUSE", 0.02)


def together(*places, seconds=20.0):
    """Returns what becomes of workers that meet at the same time."""
    with futures.ThreadPoolExecutor(len(places)) as pool:
        meetings = [
            pool.submit(rendezvous.meet, place, seconds) for place in places
        ]
    return [str(meeting.exception() or "met") for meeting in meetings]


def test_all_meet_and_leave_their_ports(addresses):
    places = [cluster.Place(i, addresses) for i in range(3)]
    for _ in range(3):
        assert together(*places) == ["met"] * 3


def test_one_that_comes_late_is_waited_for(addresses, monkeypatch):
    said = []
    monkeypatch.setattr(logging, "info", lambda text, *a: said.append(text % a))
    monkeypatch.setattr(rendezvous, "_SPOKEN_EVERY", 0.1)
    pair = addresses[:2]
    late = threading.Timer(0.4, rendezvous.meet, [cluster.Place(1, pair), 20.0])
    late.start()
    rendezvous.meet(cluster.Place(0, pair), 20.0)
    late.join()
    waits = [line for line in said if line.startswith("Worker 0 of 2 waits")]
    assert len(waits) > 1
    assert f"worker 1 at {pair[1]} (Connection refused)" in waits[0]


def test_one_that_never_comes_is_named(addresses):
    places = [cluster.Place(i, addresses) for i in range(2)]
    for end in together(*places, seconds=0.3):
        assert "All 3 workers must come within 0 s." in end
        assert f"worker 2 at {addresses[2]} (Connection refused)" in end
        assert rendezvous.WAIT in end


def test_what_is_no_worker_is_not_taken_for_one(addresses, monkeypatch):
    monkeypatch.setattr(rendezvous, "_PATIENCE", 0.2)
    with held(1) as (other,):
        strange = f"localhost:{other.getsockname()[1]}"
        place = cluster.Place(0, (addresses[0], strange))

        def greet():
            connection, _ = other.accept()
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")
                connection.recv(1000)

        threading.Thread(target=greet, daemon=True).start()
        (end,) = together(place, seconds=0.2)
    assert "something else answers there" in end or "timed out" in end


def test_a_port_in_use_is_said(addresses):
    with held(1) as (other,):
        own = f"localhost:{other.getsockname()[1]}"
        (end,) = together(cluster.Place(0, (own, addresses[1])))
    assert f"listen at its address {own}. Received: Address already" in end
    assert "the same `task.index`" in end


def test_one_task_in_two_processes(addresses):
    """On one machine the port tells, on another whom they reach."""
    first, second, _ = addresses
    mistaken = cluster.Place(0, (second, "localhost:1"))
    ends = together(mistaken, cluster.Place(0, (first, second)))
    assert any("must have the same `cluster`" in end for end in ends)
    # As on the machine of worker 1, with the task of worker 0.
    itself = second.replace("localhost", "127.0.0.1")
    (end,) = together(cluster.Place(0, (second, itself)))
    assert "Received: that of worker 0 on the machine of worker 1" in end


def test_two_clusters_do_not_mix(addresses):
    one, two, three = addresses
    ends = together(
        cluster.Place(0, (one, two)),
        cluster.Place(1, (one, two, three)),
        seconds=2.0,
    )
    assert any("same `cluster` in TF_CONFIG. Received: anot" in e for e in ends)


def test_noise_at_the_port_is_no_fault(addresses):
    pair = [cluster.Place(i, addresses[:2]) for i in range(2)]

    def noise():
        port = int(addresses[0].rpartition(":")[2])
        for text in (b"", b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b"{" * 5000):
            with contextlib.suppress(OSError):
                with socket.create_connection(("localhost", port), 1) as caller:
                    caller.sendall(text)

    begun = threading.Timer(0.3, rendezvous.meet, [pair[1], 20.0])
    noisy = threading.Timer(0.1, noise)
    for thread in (begun, noisy):
        thread.start()
    rendezvous.meet(pair[0], 20.0)
    for thread in (begun, noisy):
        thread.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait(number, addresses, monkeypatch, capsys):
    place = cluster.Place(0, addresses)
    monkeypatch.setattr("sys.argv", ["program"])
    threading.Timer(0.2, os.kill, [os.getpid(), number]).start()
    begun = time.monotonic()
    with pytest.raises(SystemExit) as ended:
        command_line.program(lambda: rendezvous.meet(place, 60.0))()
    assert ended.value.code == 128 + number
    assert time.monotonic() - begun < 5
    assert capsys.readouterr().err.endswith(f"{STOPPED}\n")


CONNECTING = """
from fred_tf.distillation import devices
devices.strategy()
"""


@pytest.mark.slow  # It has a quick twin below.
def test_ctrl_c_ends_the_connecting(addresses):
    """TensorFlow waits for a worker that came, and then was gone."""
    pair, job = addresses[:2], {"type": "worker", "index": 0}
    told = json.dumps({"cluster": {"worker": pair}, "task": job})
    with subprocess.Popen(
        [sys.executable, "-c", CONNECTING],
        env={**os.environ, "TF_CONFIG": told},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as first:
        rendezvous.meet(cluster.Place(1, pair), 120.0)
        time.sleep(5)
        assert first.poll() is None
        first.send_signal(signal.SIGINT)
        assert first.wait(10) == -signal.SIGINT


@pytest.mark.parametrize("fails", [False, True])
def test_signals_are_heard_while_tensorflow_connects(
    fails, addresses, monkeypatch
):
    told = {"worker": addresses[:2]}, {"type": "worker", "index": 0}
    told = json.dumps(dict(zip(("cluster", "task"), told)))
    monkeypatch.setenv("TF_CONFIG", told)
    monkeypatch.setattr(rendezvous, "meet", lambda *_: None)
    numbers, seen = (signal.SIGTERM, signal.SIGINT), []

    def connect():
        seen.extend(map(signal.getsignal, numbers))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # As TensorFlow takes it.
        if fails:
            raise tf.errors.UnavailableError(None, None, "no port")
        return "a strategy"

    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", connect)
    before = [*map(signal.getsignal, numbers)]

    def heard(*_):
        raise AssertionError

    try:
        for number in numbers:
            signal.signal(number, heard)
        with (
            pytest.raises(RuntimeError, match="no port")
            if fails
            else contextlib.nullcontext()
        ):
            assert devices.strategy() == "a strategy"
        assert seen == [signal.SIG_DFL, signal.SIG_DFL]
        assert [*map(signal.getsignal, numbers)] == [heard, heard]
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)


@pytest.mark.parametrize("told", ["-1", "0", "ten", "nan", "inf"])
def test_a_limit_that_is_none_is_refused(told, monkeypatch):
    monkeypatch.setenv(rendezvous.WAIT, told)
    with pytest.raises(ValueError, match=f"{rendezvous.WAIT} .*: '{told}'"):
        rendezvous.limit()


def test_the_limit_is_ten_minutes_unless_told(monkeypatch):
    monkeypatch.delenv(rendezvous.WAIT, raising=False)
    assert rendezvous.limit() == 600
    monkeypatch.setenv(rendezvous.WAIT, "5.5")
    assert rendezvous.limit() == 5.5
