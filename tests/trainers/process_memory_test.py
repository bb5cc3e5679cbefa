import json
import os
import resource
import subprocess
import sys
import types
import weakref

import numpy as np
import psutil
import pytest
import tensorflow as tf
from tensorflow.python.framework import ops

from trainers import process_memory

# Forks, so that TensorFlow is imported once for both; nothing of it runs yet.
PROGRAM = """
import ctypes, os, re, sys
import tensorflow as tf
from trainers import process_memory, run_flags
run_flags.flags.FLAGS(["program"])
for cluster in sys.argv[1:]:
    if os.fork():
        os.wait()
        continue
    os.environ["TF_CONFIG"] = cluster
    process_memory.settle()
    threads = tf.config.threading.get_inter_op_parallelism_threads()
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    libc.free(libc.malloc(24 << 20))  # Moves the threshold unless it is fixed.
    size = lambda: int(re.search(r"VmSize:\\s+(\\d+)",
        open("/proc/self/status").read())[1])
    block = libc.malloc(16 << 20)
    held = size()
    libc.free(block)
    print(threads, held - size() >= 16 << 10, flush=True)
    os._exit(0)
"""


def cluster(workers: int) -> str:
    addresses = [f"localhost:{1000 + i}" for i in range(workers)]
    task = {"type": "worker", "index": 0}
    return json.dumps({"cluster": {"worker": addresses}, "task": task})


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_settled_is_of_processes_that_work_alone(monkeypatch, workers):
    asked = []
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    monkeypatch.setenv("TF_CONFIG", cluster(workers))
    monkeypatch.setattr(
        tf.config.threading,
        "set_inter_op_parallelism_threads",
        lambda threads: asked.append(("threads", threads)),
    )
    libc = types.SimpleNamespace(mallopt=lambda *told: asked.append(told))
    monkeypatch.setattr(process_memory.ctypes, "CDLL", lambda _: libc)
    process_memory.settle()
    alone = [("threads", 1), (-3, 1 << 20)]  # M_MMAP_THRESHOLD of malloc.h.
    assert asked == (alone if workers == 1 else [])


@pytest.mark.slow  # TensorFlow once more; the test before has no glibc.
@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
def test_freed_blocks_go_back_unless_workers_share():
    environment = {
        **{k: v for k, v in os.environ.items() if "MALLOC" not in k},
        "CUDA_VISIBLE_DEVICES": "",
    }
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, cluster(1), cluster(2)],
        env=environment,
        capture_output=True,
        text=True,
    )
    expected = ["1 True", "0 False"]
    assert finished.stdout.splitlines() == expected, finished.stderr


def test_graphs_of_a_block_are_forgotten_and_only_those():
    @tf.custom_gradient
    def doubled(x):
        return 2 * x, lambda dy: 7 * dy

    def traced():
        function = tf.function(lambda x: doubled(x))
        return function.get_concrete_function(tf.TensorSpec([]))

    def registered():
        return set(ops.gradient_registry.list())

    kept, before = traced(), registered()
    with process_memory.forgetting():
        graph = weakref.ref(traced().graph)
        assert registered() > before
    assert registered() == before
    assert graph() is None
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = kept(x)
    assert tape.gradient(y, x) == 7.0


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_the_peak_of_the_kernel_is_in_its_unit(platform, unit, monkeypatch):
    usage = types.SimpleNamespace(ru_maxrss=9 * 10**12)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(resource, "getrusage", lambda who: usage)
    assert process_memory.peak() == 9 * 10**3 * unit


def test_the_peak_of_windows_is_psutils(monkeypatch):
    told = types.SimpleNamespace(rss=10**9, peak_wset=3 * 10**9)
    process = types.SimpleNamespace(memory_info=lambda: told)
    monkeypatch.setattr(psutil, "Process", lambda: process)
    monkeypatch.setitem(sys.modules, "resource", None)
    assert process_memory.peak() == 3.0


def test_the_peak_is_no_less_than_what_is_held():
    block = np.ones(300 << 20, np.uint8)
    before = process_memory.peak()
    assert before > 0.3
    del block
    assert process_memory.peak() >= 0.99 * before  # The kernel rounds.
