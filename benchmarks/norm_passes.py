"""Counts what XLA makes of packs on a GPU that is not there.

    python -m benchmarks.gpu_norm --packs=packs/norm
    pip install jax-cuda13-plugin jax-cuda13-pjrt  # of JAX's version; no driver
    python -m benchmarks.norm_passes --packs=packs/norm

XLA compiles for an H200 by its description alone, so that layouts and fusions
are those of the GPU. A line for each pack, of one student step, forward and
back, without its convolutions:

kernels   launched
column    sums along strided positions, each value of which several threads
          make together: blocks of 1,024 threads, two sums at most
passes    bytes read and written over those of the first block's activation
ms        bytes over 4.0 TB/s, what the card copies with
model     that time by `SLOWDOWN`: how much longer kernels of a kind took on an
          H200, with windows in TF32, than their bytes

Algorithms are not tuned, for which XLA needs the card.
"""

import argparse
import json
import math
import os
import pathlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import gpu_norm_run

BANDWIDTH = 4.0e12  # Bytes a second.
# Measured: 66 ms of sums where bytes take 19, 25 of others where they take 20.
SLOWDOWN = {"column": 3.5, "other": 1.3}
_BYTES = {"f32": 4, "bf16": 2, "pred": 1, "s32": 4, "u32": 4, "u8": 1, "s8": 1}
_NO_KERNEL = ("parameter", "get-tuple-element", "tuple", "bitcast", "constant")
# What XLA asks of a card, for an H200.
_H200 = """
gpu_device_info {
  name: "NVIDIA H200" cuda_compute_capability { major: 9 } core_count: 132
  threads_per_warp: 32 threads_per_block_limit: 1024
  threads_per_core_limit: 2048 fpus_per_core: 128 clock_rate_ghz: 1.98
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535
  block_dim_limit_z: 65535 registers_per_core_limit: 65536
  registers_per_block_limit: 65536 shared_memory_per_block: 49152
  shared_memory_per_core: 233472 shared_memory_per_block_optin: 232448
  memory_bandwidth: 4800000000000 l2_cache_size: 52428800
  device_memory_size: 151397597184
  runtime_version: "12.8.0" driver_version: "13.0.0"
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 }
"""

_SHAPE = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\]")
_LINE = re.compile(r"\s*(?:ROOT )?%(\S+) = (\(.*?\)|\S+) ([a-z][a-z\-]*)\((.*)")
_SUM = re.compile(
    r"%([\w.\-]+) = \S+ reduce\(%([\w.\-]+),.*dimensions=\{([\d,]+)\}"
)


class Kernel(NamedTuple):
    """What is launched at once: its name in the text, kind, and bytes moved.

    `kind` is `convolution`, or a key of `SLOWDOWN`.
    """

    name: str
    kind: str
    bytes: int


def kernels(text: str) -> list[Kernel]:
    """Returns the kernels in the loops of a module, each as often as it stands.

    Args:
        text: compiled HLO.
    """
    found = re.split(r"\n\s*\n", text)
    blocks = {}
    for block in found:
        if head := re.match(r"\s*%([\w.\-]+) \(", block):
            blocks[head[1]] = block
    return [
        kernel
        for body in re.findall(r"body=%([\w.\-]+)", text)
        for kernel in _of_computation(blocks[body], blocks)
    ]


def _of_computation(block: str, blocks: dict[str, str]) -> list[Kernel]:
    sizes, found = {}, []
    for line in filter(None, map(_LINE.match, block.splitlines())):
        name, shape, operation, rest = line.groups()
        sizes[name] = _size(shape)
        if operation in _NO_KERNEL:
            continue
        operands = set(re.findall(r"%([\w.\-]+)", rest.partition(")")[0]))
        moved = sizes[name] + sum(sizes.get(x, 0) for x in operands)
        kind = "convolution" if "__cudnn$conv" in rest else "other"
        # In fusions of other kinds each thread makes its sums alone.
        called = re.search(r"kind=kInput, calls=%([\w.\-]+)", rest)
        if called and _is_column_sum(blocks[called[1]]):
            kind = "column"
        found.append(Kernel(name, kind, moved))
    return found


def _size(shape: str) -> int:
    """Returns the bytes of an array, or of all arrays of a tuple."""
    return sum(
        _BYTES[kind] * math.prod(map(int, filter(None, sizes.split(","))))
        for kind, sizes in _SHAPE.findall(shape)
        if kind in _BYTES
    )


def _is_column_sum(fused: str) -> bool:
    """Returns whether a fusion gives sums of values that lie apart."""
    shapes = dict(re.findall(r"%([\w.\-]+) = (\S+)", fused))
    root = re.search(r"ROOT (%\S+) = .* (\w+)\((.*?)\)", fused)
    given = root[3] if root[2] == "tuple" else root[1]
    for name, operand, axes in _SUM.findall(fused):
        minor = re.search(r"\]\{(\d+)", shapes[operand])[1]
        if name in re.findall(r"%([\w.\-]+)", given):
            if minor not in axes.split(","):
                return True
    return False


def line(name: str, found: Sequence[Kernel], activation: int) -> str:
    """Returns a line of the table.

    Args:
        name: of the pack.
        found: its kernels, of one student step.
        activation: bytes of what the first block's convolution gives.
    """
    others = [kernel for kernel in found if kernel.kind != "convolution"]
    moved = sum(kernel.bytes for kernel in others)
    model = sum(kernel.bytes * SLOWDOWN[kernel.kind] for kernel in others)
    columns = sum(kernel.kind == "column" for kernel in others)
    return (
        f"{name:20}{len(others):8}{columns:8}{moved / activation:8.1f}"
        f"{1e3 * moved / BANDWIDTH:8.3f}{1e3 * model / BANDWIDTH:8.3f}"
    )


def compiled(path: pathlib.Path) -> str:
    """Returns a pack as XLA compiles it for an H200.

    Raises:
        RuntimeError: JAX's plugin for CUDA is not installed.
    """
    # It is asked for no card.
    os.environ["JAX_SKIP_CUDA_CONSTRAINTS_CHECK"] = "1"
    import jax
    from jax import export
    from jax.experimental import topologies

    card = topologies.get_topology_desc(
        "H200", platform="cuda", target_config=_H200, topology="1x1x1"
    )
    there = jax.sharding.SingleDeviceSharding(card.devices[0])
    exported = export.deserialize(path.read_bytes())
    function = jax.jit(exported.call, in_shardings=there, out_shardings=there)
    shapes = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in exported.in_avals]
    lowered = function.trace(*shapes).lower(lowering_platforms=("cuda",))
    return lowered.compile(
        compiler_options={"xla_gpu_autotune_level": 0}
    ).as_text()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--packs", type=pathlib.Path, required=True)
    packs = parser.parse_args().packs
    about = json.loads((packs / gpu_norm_run.ABOUT).read_text(encoding="utf-8"))
    heads = ("kernels", "column", "passes", "ms", "model")
    print(f"{'':20}{''.join(f'{head:>8}' for head in heads)}")
    for name in about["packs"]:
        if name == gpu_norm_run.REFERENCE:
            continue  # It has no loops.
        values = about["images"] * 32 * 32 * about["width"]
        each = 2 if name.endswith("bfloat16") else 4
        text = compiled(packs / gpu_norm_run.file_of(name))
        print(line(name, kernels(text), each * values), flush=True)


if __name__ == "__main__":
    main()
