import os
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, re
from trainers import process_memory, run_flags
run_flags.flags.FLAGS(["program"])
process_memory.settle()
import tensorflow as tf
print(tf.config.threading.get_inter_op_parallelism_threads())
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.free(libc.malloc(24 << 20))  # Moves the threshold unless it is fixed.
size = lambda: int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status")
    .read())[1])
block = libc.malloc(16 << 20)
held = size()
libc.free(block)
print(held - size() >= 16 << 10)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
@pytest.mark.parametrize("workers", [1, 2])
def test_freed_blocks_go_back_unless_workers_share(workers):
    addresses = ", ".join(f'"localhost:{1000 + i}"' for i in range(workers))
    cluster = (
        f'{{"cluster": {{"worker": [{addresses}]}}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    environment = {
        **{k: v for k, v in os.environ.items() if "MALLOC" not in k},
        "TF_CONFIG": cluster,
        "CUDA_VISIBLE_DEVICES": "",
    }
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
    )
    expected = ["1", "True"] if workers == 1 else ["0", "False"]
    assert finished.stdout.splitlines() == expected, finished.stderr
