"""What the benchmark of bytes compares; on digits, which take a second."""

import numpy as np
import pytest

from benchmarks import rate_distortion
from fred_tf import assembly, config, presets


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
