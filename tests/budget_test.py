import pytest

from fred_tf import budget, presets
from fred_tf import config as config_lib
from fred_tf.assembly import parameterization
from fred_tf.presets import fitting


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


def test_frequency_floats_of_the_paper():
    assert budget.frequency_floats((32, 32, 3), 1, 64, 10) == 30_720
    assert budget.frequency_floats((32, 32, 3), 50, 256, 10) == 1_536_000


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
    allowed = classes * budget.floats_per_class(shape, config.ipc)
    assert memory.floats_stored <= allowed
    assert memory.floats_stored == budget.frequency_floats(
        shape,
        config.ipc,
        config.parameterization.coefficients_per_channel,
        classes,
    )
