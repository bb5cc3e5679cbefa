"""A budget in bytes alone: images and the step of levels follow from it."""

import numpy as np
import pytest

import fred_tf
from fred_tf import config, presets
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms import FORMS
from fred_tf.presets.for_bytes import STEP, within_bytes
from trainers.sweep import __main__ as sweep
from trainers.sweep import checking

DIGITS = presets.preset("digits_ipc1_dm_tiny")
QUICK = ["augmentation=none", "network.name=mlp", "outer_steps=2"]
BYTES = 3_000


def test_what_nobody_said_follows():
    given = config.override(DIGITS, ["memory_learning_rate=1000"])
    found = within_bytes(given, BYTES)
    memory, distiller = found.parameterization, found.distiller
    assert (memory.budget_bytes, memory.export_bytes) == (BYTES, BYTES)
    assert (memory.step, memory.rounded) == (STEP, "export")
    assert memory.coefficients_per_channel == 32
    # A step size is of so many images, a share of any.
    assert (distiller.memory_learning_rate, distiller.memory_share) == (0, 0.1)
    assert found.network == DIGITS.network


def test_what_settings_say_stays():
    given = config.override(
        DIGITS, ["parameterization.step=8", "memory_share=0.03"]
    )
    found = within_bytes(given, np.int64(BYTES))
    memory = found.parameterization
    assert (memory.step, memory.rounded) == (8, "training")
    assert found.distiller == given.distiller
    assert config.from_json(config.to_json(found)) == found


def test_only_steps_of_sgd_are_a_share():
    frepo = presets.preset("mnist_ipc1_frepo_cpu")
    found = within_bytes(frepo, BYTES, ["parameterization.name=frequency"])
    assert found.parameterization.step == STEP
    assert found.distiller.memory_share == 0


@pytest.mark.parametrize(
    ("name", "optimizer", "share"),
    [("digits_ipc1_dm_tiny", "adam", 0), ("digits_ipc1_kip_tiny", "sgd", 0.1)],
)
def test_the_optimizer_of_an_override_is_meant(name, optimizer, share, digits):
    frequency = "parameterization.name=frequency"
    overrides = [frequency, f"memory_optimizer={optimizer}"]
    found = presets.settled(
        digits, name, budget_bytes=BYTES, overrides=overrides
    ).distiller
    assert (found.memory_optimizer, found.memory_share) == (optimizer, share)


def size_of(folder) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def check_command(folder, preset):
    """An export tells the command that made its run, by the bytes alone."""
    said = (folder / "README.md").read_text()
    assert f"python -m trainers.distill --preset={preset} " in said
    assert f"--override parameterization.budget_bytes={BYTES}" in said
    assert "ipc=" not in said


@pytest.mark.parametrize(
    ("budget_bytes", "overrides", "message"),
    [
        (0, [], "`budget_bytes` must be .* of at least 1. Received: 0"),
        (0.5, [], "`budget_bytes` must be a whole number. Received: 0.5"),
        (9, [], "`parameterization.budget_bytes` must hold .* Received: 9"),
        (
            BYTES,
            ["parameterization.name=pixel"],
            "memories of frequencies.*'pixel'.*`ipc`",
        ),
        (BYTES, ["ipc=2"], "given once. Received: 3,000 bytes, and `ipc` 2"),
        (BYTES, ["budget_bytes=2900"], "3,000 .*`budget_bytes` 2,900 by"),
        (BYTES, ["parameterization.bits=4"], "step 4.0 and bits 4"),
    ],
)
def test_what_cannot_be_is_refused(budget_bytes, overrides, message, digits):
    with pytest.raises((TypeError, ValueError), match=message):
        fred_tf.distill(
            digits,
            "digits_ipc1_dm_tiny",
            budget_bytes=budget_bytes,
            overrides=[*QUICK, *overrides],
        )


def test_two_budgets_are_refused(digits):
    with pytest.raises(ValueError, match="Received both: 1 and 3000"):
        fred_tf.distill(digits, ipc=1, budget_bytes=BYTES)


def test_data_and_bytes_are_enough(digits, tmp_path, caplog):
    """And whoever scores the floats is told of it."""
    distilled = fred_tf.distill(
        digits, budget_bytes=BYTES, overrides=QUICK, progress=False
    )
    assert len(distilled.images) > 60
    distilled.export(tmp_path, ["coefficients_coded"])
    check_command(tmp_path, "dm")
    read = fred_tf.DistilledSet.load(tmp_path / "coefficients_coded")
    assert 0.01 < np.std(read.images - distilled.images) < 0.5
    scored = ["evaluation.networks=1", "evaluation.epochs=1"]
    for one, told in ((read, 0), (distilled, 1)):
        caplog.clear()
        one.evaluate(digits, overrides=scored)
        assert caplog.text.count("scored as floats. What 3,000") == told
    assert 0.9 * BYTES < size_of(tmp_path / "coefficients_coded") <= BYTES


def test_a_flag_makes_a_run_of_so_many_bytes(call, tmp_path):
    """Which a program that reads the run does not change."""
    flags = [f"--override={text}" for text in QUICK]
    asked = "--preset=digits_ipc1_dm_tiny", f"--budget_bytes={BYTES}", *flags
    place = f"--run_dir={tmp_path / 'run'}"
    code, said, errors = call("trainers.distill", place, *asked)
    assert code == 0, errors
    run = DistilledRun.restore(tmp_path / "run")
    assert run.config.parameterization.export_bytes == BYTES
    assert f"of {BYTES:,}" in said
    code, again, _ = call("trainers.distill", place, *asked)
    assert code == 0 and again.splitlines()[0] == said.splitlines()[0]
    code, _, errors = call("export.__main__", place, "--budget_bytes=2000")
    assert code == 0, errors
    folder = tmp_path / "run" / "export" / FORMS["coefficients_coded"].path
    assert size_of(folder) <= 2_000
    check_command(tmp_path / "run" / "export", "digits_ipc1_dm_tiny")
    code, _, errors = call("trainers.evaluate", place, "--budget_bytes=2000")
    assert code == 1 and "is scored as it is" in errors
    code, _, errors = call(
        "trainers.distill", place, *asked, "--override=ipc=2"
    )
    assert code == 1 and "given once" in errors


def test_cells_of_a_sweep_have_their_own_optimiser(call, tmp_path, monkeypatch):
    """And a step of its own; a memory that is not coded is named."""
    asked = []

    def run(config, grid, *_):
        asked.extend(checking.settings(config, cell) for cell in grid)
        return sweep.Outcome("", ())

    monkeypatch.setattr(sweep, "run", run)
    flags = [
        "--preset=digits_ipc1_dm_tiny",
        f"--sweep_dir={tmp_path}",
        f"--budget_bytes={BYTES}",
        *(f"--override={text}" for text in QUICK),
    ]
    axis = "--override=memory_optimizer=sgd,adam"
    code, _, errors = call(sweep.__name__, *flags, axis)
    assert code == 0, errors
    start = presets.preset("digits_ipc1_dm_tiny")
    for cell, name in zip(asked, ("sgd", "adam")):
        own = [*QUICK, f"memory_optimizer={name}"]
        alone = presets.within_bytes(start, BYTES, own)
        assert cell == config.override(alone, own)
    axis = "--override=parameterization.name=frequency,idc"
    code, _, errors = call(sweep.__name__, *flags, axis)
    assert code == 1 and "alone are coded. Received: 'idc'" in errors
