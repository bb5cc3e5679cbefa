"""What the benchmark of bytes compares; on digits, which take a second."""

import numpy as np
import pytest

from benchmarks import rate_distortion
from fred_tf import assembly, config, presets
from fred_tf.forms.coded_content import Source


@pytest.fixture(scope="module")
def memory(digits):
    settings = config.replace(
        presets.preset("digits_ipc1_dm"),
        {"ipc": 4, "parameterization.coefficients_per_channel": 16},
    )
    made = assembly.parameterization(settings, digits.image_shape, 10)
    assembly.adapt(made, digits, seed=0)
    return made


def test_coders_are_in_their_order(memory):
    """No code is below its ideal, and none of frequencies below the entropy."""
    sizes = {
        name: (levels, parameters)
        for name, levels, parameters in rate_distortion.coded(memory, 0.2)
    }
    bits = {name: levels for name, (levels, _) in sizes.items()}
    for name in rate_distortion.MODELS:
        assert bits["entropy"] <= bits[f"ideal code, {name}"]
    assert bits["entropy"] <= bits["ideal code, adaptive"]
    ours = bits["range coder"]
    assert ours == pytest.approx(bits["ideal code, logistic"], rel=0.02)
    assert ours < bits["zlib, level 9"]
    assert bits["zlib, level 9"] <= bits["zlib, level 1"]
    assert sizes["range coder"][1] > 0


def test_models_are_distributions_of_their_deviation():
    x = np.linspace(-60, 60, 24_001)
    for name, cumulative in rate_distortion.MODELS.items():
        density = np.diff(cumulative(x, 2.0))
        middle = (x[1:] + x[:-1]) / 2
        assert density.sum() == pytest.approx(1), name
        assert (density * middle**2).sum() == pytest.approx(4, rel=1e-3), name


def test_entropy_is_that_of_the_counts():
    counts = np.array([[2.0, 0, 2], [1, 1, 2], [0, 4, 0]])
    assert rate_distortion.entropy(counts) == pytest.approx(4 * 1 + 4 * 1.5)


@pytest.fixture
def source(memory, decoded_of, monkeypatch):
    monkeypatch.setattr(rate_distortion, "STEPS", (1.5,))
    monkeypatch.setattr(rate_distortion, "BUDGETS", (0.95, 0.01))
    return Source.of(decoded_of(memory), memory)


def test_levels_that_are_worth_their_bits_take_fewer(source):
    ((step, _, nearest, *by_rate, saved),) = rate_distortion.equal_errors(
        source
    )
    assert step == "1.5" and len(by_rate) == 5
    assert min(map(int, by_rate)) < 0.95 * int(nearest)
    assert 5 <= int(saved.removesuffix(" %")) < 30


def test_a_budget_costs_trained_levels_less_than_others(source):
    more, less = rate_distortion.over_budget(source)
    assert (more[0], more[2]) == ("1.5", "0.95")
    written, of_nearest, lost = map(float, more[3:])
    assert 1 <= written < of_nearest and lost < 0.8
    assert less[2:] == ["0.01", "none", "none", "none"]
