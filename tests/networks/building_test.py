"""Networks are looked at once, however many ask."""

import pytest

from fred_tf.networks import VGG11, ConvNet, InstanceNorm, building

SETTINGS = ConvNet.Settings(width=2, depth=1)


@pytest.fixture
def built(monkeypatch) -> list:
    """The arguments of networks that were built since."""
    building.check.cache_clear()
    build, built = building.build, []

    def watched(*described):
        built.append(described)
        return build(*described)

    monkeypatch.setattr(building, "build", watched)
    return built


def test_what_was_built_is_not_built_to_be_checked_again(built):
    shape, how = (8, 8, 1), ("float32", "windows")
    for _ in range(2):
        building.check(SETTINGS, shape, 10, *how)
    assert len(built) == 1
    for other in (
        (ConvNet.Settings(width=3, depth=1), shape, 10, *how),
        (SETTINGS, (8, 8, 3), 10, *how),
        (SETTINGS, shape, 9, *how),
        (SETTINGS, shape, 10, "bfloat16", "windows"),
        (SETTINGS, shape, 10, "float32", "columns"),
    ):
        building.check(*other)
        assert built[-1] == other


def test_what_cannot_be_built_is_refused_each_time(built):
    for count in (1, 2):
        with pytest.raises(ValueError, match="Received: 8 x 8"):
            building.check(
                VGG11.Settings(), (8, 8, 1), 10, "float32", "windows"
            )
        assert len(built) == count


def test_it_is_built_as_described():
    network = building.build(SETTINGS, (8, 8, 1), 10, "bfloat16", "columns")
    layers = network._flatten_layers(include_self=False)
    assert "bfloat16" in {layer.compute_dtype for layer in layers}
    (norm,) = (x for x in network.steps if isinstance(x, InstanceNorm))
    assert norm.layout == "columns"
    assert network.settings == SETTINGS and network.classes == 10
