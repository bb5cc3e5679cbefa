"""Slow convolutions are warned of, once, and only where it is known."""

import pytest
import tensorflow as tf

from fred_tf.networks import convolve_in, processor
from tests.networks.small import make

# Excerpts of /proc/cpuinfo.
X86 = "processor\t: 0\nflags\t\t: fpu avx2 {}\nbugs\t\t: none\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd {}\n"


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """Writes what Linux lists of the processor."""
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(processor, "_LISTED", path)
    processor.warn_if_slow.cache_clear()
    yield path.write_text
    processor.warn_if_slow.cache_clear()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (X86.format("amx_bf16 amx_tile"), True),
        (X86.format("avx512f avx512_bf16"), True),
        (X86.format("avx512f"), False),
        (ARM.format("bf16"), True),
        (ARM.format(""), False),
        ("processor: 0\nisa: rv64\n", True),
        ("", True),
    ],
)
def test_instructions_are_what_linux_lists(text, expected, listed):
    listed(text)
    assert processor.multiplies_bfloat16() == expected


def test_other_systems_and_machines_with_a_gpu_are_not_warned(
    listed, monkeypatch
):
    assert processor.multiplies_bfloat16()  # There is no such file.
    listed(X86.format(""))
    assert not processor.multiplies_bfloat16()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert processor.multiplies_bfloat16()


def test_the_warning_comes_once_and_with_bfloat16_alone(listed, caplog):
    listed(X86.format(""))
    for dtype, warnings in (("float32", 0), ("bfloat16", 1), ("bfloat16", 1)):
        convolve_in(make("convnet"), dtype)
        assert len(caplog.records) == warnings
    assert "amx_bf16, avx512_bf16, bf16" in caplog.text
