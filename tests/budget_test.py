import math

import numpy as np
import pytest

from fred_tf import budget, presets
from fred_tf import config as config_lib
from fred_tf.assembly import parameterization
from fred_tf.parameterizations import PARAMETERIZATIONS
from fred_tf.presets import fitting
from fred_tf.synthetic_set import LABEL_KINDS


@pytest.mark.parametrize(
    ("shape", "ipc", "kept", "instances"),
    [
        ((32, 32, 3), 1, 64, 16),
        ((32, 32, 3), 10, 160, 64),
        ((32, 32, 3), 50, 256, 200),
        ((32, 32, 3), 10, 400, 25),  # 25.6: the budget may be under-used
        ((128, 128, 3), 1, 2048, 8),
        ((16, 16, 16, 1), 1, 512, 8),
    ],
)
def test_instances_of_the_paper(shape, ipc, kept, instances):
    assert budget.instances_per_class(shape, ipc, kept) == instances


def frequency_floats(shape, ipc, kept, classes, label=0):
    """Returns the floats of all instances that a budget holds."""
    instances = budget.instances_per_class(shape, ipc, kept, label)
    return classes * instances * (kept * shape[-1] + label)


def test_frequency_floats_of_the_paper():
    assert frequency_floats((32, 32, 3), 1, 64, 10) == 30_720
    assert frequency_floats((32, 32, 3), 50, 256, 10) == 1_536_000


@pytest.mark.parametrize("label", [0, 10])
@pytest.mark.parametrize("images", [2, 3, 12])
def test_so_many_coefficients_hold_so_few_images(images, label):
    kept = budget.coefficients_of((9, 7, 3), 2, images, label)
    held = [
        budget.instances_per_class((9, 7, 3), 2, count, label)
        for count in (kept - 1, kept)
    ]
    assert held[1] <= images
    assert label == 0 or held[0] > images


@pytest.mark.parametrize("kept", [0, 1025])
def test_refuses_coefficients_outside_the_image(kept):
    with pytest.raises(ValueError, match=rf"32 \* 32 = 1024.*Received: {kept}"):
        budget.instances_per_class((32, 32, 3), 1, kept)


def test_refuses_ipc_zero():
    with pytest.raises(ValueError, match="`ipc`.*at least 1. Received: 0"):
        budget.floats_per_class((32, 32, 3), 0)


@pytest.mark.parametrize("name", presets.names())
def test_stored_floats_never_exceed_the_budget(name):
    config = presets.preset(name)
    shape, classes = config_lib.known_images(config) or ((128, 128, 3), 10)
    if "3d" in config.network.name:
        shape = (16, 16, 16, 1)
    config = fitting.sized(config, shape)
    memory = parameterization(config, shape, classes)
    settings = config.parameterization
    label = settings.label_floats(classes)
    allowed = classes * budget.floats_per_class(shape, config.ipc, label)
    assert memory.floats_stored <= allowed
    if settings.name in ("pixel", "idc"):
        assert memory.floats_stored == allowed
        return
    if settings.name == "haba":
        # A basis more would not fit.
        bases = classes * settings.hallucinators
        one = math.prod(shape[:-1]) * memory.bases.shape[-1] * classes
        assert memory.instances % bases == 0
        assert memory.floats_stored + one > allowed
        return
    assert memory.floats_stored == frequency_floats(
        shape,
        config.ipc,
        settings.coefficients_per_channel,
        classes,
        label,
    )


def test_learned_labels_take_room():
    """16 x 192 coefficients and as many labels of 10 are 15 of both."""
    shape = (32, 32, 3)
    assert budget.floats_per_class(shape, 1, 10) == 3082
    assert budget.instances_per_class(shape, 1, 64) == 16
    assert budget.instances_per_class(shape, 1, 64, 10) == 15
    assert frequency_floats(shape, 1, 64, 10, 10) == 10 * 15 * 202


@pytest.mark.parametrize("name", PARAMETERIZATIONS)
@pytest.mark.parametrize("kind", LABEL_KINDS)
def test_every_memory_counts_its_labels(name, kind):
    shape, classes, ipc = (8, 8, 3), 4, 12
    settings = PARAMETERIZATIONS[name].Settings(labels=kind)
    memory = PARAMETERIZATIONS[name].within_budget(
        settings, shape, classes, ipc
    )
    label_floats = memory.instances * classes
    assert memory.floats_stored > label_floats
    allowed = classes * budget.floats_per_class(shape, ipc, classes)
    assert memory.floats_stored <= allowed
    soft = memory.soft_labels().numpy()
    assert soft.shape == (memory.instances, classes)
    np.testing.assert_array_equal(soft.argmax(1), memory.labels)
    total = {"probabilities": 1, "scores": 0}[kind]
    np.testing.assert_allclose(soft.sum(1), total, atol=1e-6)


def test_a_budget_of_one_canvas_has_no_room_for_its_labels():
    settings = PARAMETERIZATIONS["idc"].Settings(labels="scores")
    with pytest.raises(ValueError, match="must hold a canvas and the learned"):
        PARAMETERIZATIONS["idc"].within_budget(settings, (8, 8, 1), 10, 1)
