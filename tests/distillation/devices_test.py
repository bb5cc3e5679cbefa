"""What of the machine and the process decides numbers."""

import pytest
import tensorflow as tf

import fred_tf
from fred_tf.coresets import random_set
from fred_tf.distillation import devices

ON = [
    "--tf_xla_auto_jit=1",
    "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit",
    "  --tf_xla_min_cluster_size=4 '--tf_xla_auto_jit=2'",
    "--tf_xla_auto_jit=fusible",
    "--tf_xla_auto_jit=single-gpu(2)",
    "--tf_xla_auto_jit=0 --tf_xla_auto_jit=2",
]
OFF = [
    "",
    "--tf_xla_auto_jit=0",
    "--tf_xla_auto_jit=-1",
    "--tf_xla_auto_jit=single-gpu(0)",
    "--tf_xla_auto_jit=2 --tf_xla_auto_jit=0",
    "--tf_xla_cpu_global_jit",
    "/nowhere/flags",
]


@pytest.mark.parametrize("flags", ON)
@pytest.mark.parametrize("in_file", [False, True])
def test_auto_jit_is_refused(flags, in_file, monkeypatch, tmp_path):
    if in_file:
        (tmp_path / "flags").write_text(flags)
        flags = str(tmp_path / "flags")
    monkeypatch.setenv("TF_XLA_FLAGS", flags)
    with pytest.raises(ValueError, match="itself.*--tf_xla_auto_jit=.*--jit=o"):
        devices.refuse_auto_jit()


@pytest.mark.parametrize("flags", OFF)
def test_other_flags_are_not(flags, monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", flags)
    devices.refuse_auto_jit()


def test_nothing_is_made_with_auto_jit(digits, tmp_path, monkeypatch):
    """Neither runs nor experts nor evaluations, however it was switched on."""
    monkeypatch.setattr(
        tf.config.optimizer, "get_jit", lambda: "autoclustering"
    )
    by_chance = random_set(digits, 1, 0)
    preset = "digits_ipc1_tm_tiny"
    for work in (
        lambda: fred_tf.distill(digits, preset, tmp_path / "run"),
        lambda: fred_tf.distill(digits, preset, tmp_path / "run", jit=True),
        lambda: fred_tf.train_experts(digits, preset, tmp_path / "experts"),
        lambda: fred_tf.evaluate(by_chance, digits, preset),
    ):
        with pytest.raises(ValueError, match="Received: autocluster"):
            work()
    assert not list(tmp_path.iterdir())
