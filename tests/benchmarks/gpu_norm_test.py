"""What is packed of the norms, and what is counted of it."""

import ast
import json
import pathlib
import sys

import numpy as np
import pytest

from benchmarks import gpu_norm, gpu_norm_run, norm_passes, twins
from benchmarks.norm_passes import Kernel

HLO = """HloModule jit_call, is_scheduled=true

%fused_column (p.1: f32[2,16,8]) -> f32[2,8] {
  %p.1 = f32[2,16,8]{2,1,0} parameter(0)
  %zero = f32[] constant(0)
  ROOT %reduce.1 = f32[2,8]{1,0} reduce(%p.1, %zero), dimensions={1}
}

%fused_rows (p.2: f32[2,8,16]) -> f32[2,8] {
  %p.2 = f32[2,8,16]{2,1,0} parameter(0)
  %zero.1 = f32[] constant(0)
  ROOT %reduce.2 = f32[2,8]{1,0} reduce(%p.2, %zero.1), dimensions={2}
}

%fused_pieces (p.3: f32[2,16,8]) -> f32[2,8,4] {
  %p.3 = f32[2,16,8]{2,1,0} parameter(0)
  %cut = f32[2,4,4,8]{3,2,1,0} bitcast(%p.3)
  %zero.2 = f32[] constant(0)
  %reduce.3 = f32[2,4,8]{2,1,0} reduce(%cut, %zero.2), dimensions={2}
  ROOT %turned = f32[2,8,4]{2,1,0} transpose(%reduce.3), dimensions={0,2,1}
}

%body (state: (s32[], f32[2,16,8])) -> (s32[], f32[2,16,8]) {
  %state = (s32[], f32[2,16,8]{2,1,0}) parameter(0)
  %x = f32[2,16,8]{2,1,0} get-tuple-element(%state), index=1
  %conv = (f32[2,16,8]{2,1,0}, u8[0]{0}) custom-call(%x), \
custom_call_target="__cudnn$convForward"
  %y = f32[2,16,8]{2,1,0} get-tuple-element(%conv), index=0
  %sum.1 = f32[2,8]{1,0} fusion(%y), kind=kInput, calls=%fused_column
  %sum.2 = f32[2,8,4]{2,1,0} fusion(%y), kind=kInput, calls=%fused_pieces
  %both = (f32[2,16,8]{2,1,0}, pred[2,16,8]{2,1,0}) fusion(%y, %y, %sum.1), \
kind=kLoop, calls=%fused_column
  %sum.3 = f32[2,8]{1,0} fusion(%y), kind=kInput, calls=%fused_rows
  ROOT %next = (s32[], f32[2,16,8]{2,1,0}) tuple(%state, %y)
}

ENTRY %main (x.1: f32[2,16,8]) -> f32[2,16,8] {
  %x.1 = f32[2,16,8]{2,1,0} parameter(0)
  %begin = (s32[], f32[2,16,8]{2,1,0}) tuple(%x.1, %x.1)
  %loop = (s32[], f32[2,16,8]{2,1,0}) while(%begin), condition=%c, body=%body
  ROOT %end = f32[2,16,8]{2,1,0} get-tuple-element(%loop), index=1
}
"""


def test_kernels_of_a_loop_are_counted_with_their_bytes():
    image, sums = 4 * 2 * 16 * 8, 4 * 2 * 8
    found = norm_passes.kernels(HLO)
    assert found == [
        Kernel("conv", "convolution", 2 * image),
        Kernel("sum.1", "column", image + sums),
        Kernel("sum.2", "other", image + 4 * sums),
        # An operand counts once, and a truth value is a byte.
        Kernel("both", "other", 2 * image + sums + image // 4),
        Kernel("sum.3", "other", image + sums),
    ]
    name, kernels, columns, passes, *_ = norm_passes.line(
        "pieces", found, image
    ).split()
    assert (name, kernels, columns) == ("pieces", "4", "1")
    assert float(passes) == pytest.approx(5.25 + 7 * sums / image, abs=0.05)


def test_the_runner_needs_jax_and_numpy_alone():
    for module in (gpu_norm_run, twins):
        tree = ast.parse(pathlib.Path(module.__file__).read_text())
        imported = {
            alias.name if isinstance(node, ast.Import) else node.module
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        others = {name.split(".")[0] for name in imported}
        others -= set(sys.stdlib_module_names)
        assert others <= {"jax", "numpy", "torch", "twins"}


def test_differences_are_relative_to_what_is_expected():
    expected = [np.array([3.0, 4.0]), np.array(2.0)]
    found = [np.array([3.0, 4.5]), np.array(2.1)]
    assert gpu_norm_run.difference(found, expected) == pytest.approx(0.1)
    assert gpu_norm_run.difference(expected, expected) == 0


def test_sides_are_timed_in_turn():
    called = []
    sides = {name: lambda name=name: called.append(name) for name in "ab"}
    assert set(gpu_norm_run.medians(sides, 2)) == {"a", "b"}
    assert called == ["a", "b", "a", "b"]


@pytest.mark.slow  # Skipped, too, where there is no JAX.
def test_packs_are_run_where_jax_is(tmp_path, monkeypatch, capsys):
    pytest.importorskip("jax")
    monkeypatch.setattr(gpu_norm, "LAYOUTS", ("windows", "pieces"))
    monkeypatch.setattr(gpu_norm, "NUMBERS", {"float32": ("float32", False)})
    folder = tmp_path / "packs"
    gpu_norm.pack(folder, steps=2, width=4, images=3)
    about = json.loads((folder / gpu_norm_run.ABOUT).read_text())
    assert about["packs"] == [
        "store float32",
        "windows float32",
        "pieces float32",
    ]
    monkeypatch.setattr(gpu_norm_run, "__file__", str(folder / "run.py"))
    monkeypatch.setattr(sys, "argv", ["run.py", "--rounds=1"])
    monkeypatch.syspath_prepend(str(folder))
    assert gpu_norm_run.main() == 0
    said = capsys.readouterr().out
    assert "pieces float32" in said and "plain JAX float32" in said
    gpu_norm.pack(folder, steps=1, width=4, images=2)  # Replaces it.
    (folder / "mine").touch()
    with pytest.raises(FileExistsError, match="mine"):
        gpu_norm.pack(folder, steps=1, width=4, images=2)
