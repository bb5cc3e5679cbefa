"""Which real images memories begin with."""

import numpy as np
import pytest

from fred_tf import assembly, config, open_run
from fred_tf.chosen_images import feature_network
from fred_tf.coresets import herd, select_by_features, select_random
from fred_tf.distilled_run import DistilledRun
from fred_tf.experts.soft_labels import soft_labels
from fred_tf.experts.store import ExpertStore
from fred_tf.parameterizations import PARAMETERIZATIONS
from trainers.elsewhere import packing

HERDING = "parameterization.initial_images=herding"
# Settings under which a memory gives back what it begins with.
WHOLE = {
    "pixel": (),
    "frequency": ("coefficients_per_channel=64",),
    "idc": ("parameterization.factor=1", "parameterization.decode=single"),
    "haba": (),
}


def test_all_memories_are_tried():
    assert set(WHOLE) == set(PARAMETERIZATIONS)


def memory_of(name, settings, digits):
    changes = f"parameterization.name={name}", "ipc=3", *WHOLE[name]
    settings = config.override(settings, changes)
    return assembly.parameterization(settings, digits.image_shape, 10)


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_chosen_is_what_a_memory_begins_with(name, quick, digits):
    def last(count):
        rows = [digits.train.indices_of(c)[-count:] for c in range(10)]
        return np.concatenate(rows)

    memory = memory_of(name, quick, digits)
    real = digits.normalized_train
    memory.adapt(real, digits.train.labels, 0, last)
    if name == "haba":  # Its bases; hallucinators are drawn.
        begun = memory.bases.numpy()
    else:
        begun = memory.decode().numpy()
    expected = real[last(len(begun) // 10)]
    np.testing.assert_allclose(begun, expected, atol=1e-4)


@pytest.mark.parametrize("name", WHOLE)
def test_without_a_choice_they_are_drawn(name, quick, digits):
    data = digits.normalized_train, digits.train.labels
    drawn, chosen = (memory_of(name, quick, digits) for _ in range(2))
    drawn.adapt(*data, 5)
    chosen.adapt(*data, 5, lambda n: select_random(data[1], n, 10, 5))
    for one, other in zip(drawn.get_weights(), chosen.get_weights()):
        np.testing.assert_array_equal(one, other)


def test_a_run_begins_with_what_its_experts_would_choose(
    quick_tm, quick_experts, digits, tmp_path
):
    asked = HERDING, "parameterization.name=pixel", "outer_steps=0"
    settings = config.override(quick_tm, asked)
    with open_run.opened(settings, digits, tmp_path, quick_experts) as run:
        begun = run.distiller.parameterization.decode().numpy()
    network = assembly.network(settings, digits.image_shape, 10)
    last = ExpertStore(quick_experts).trajectory(0)[-1].astype("float32")
    normalised = digits.normalized_train

    def features(label):
        rows = normalised[digits.train.indices_of(label)]
        return network.embed(network.unflatten(last), rows, []).numpy()

    rows = select_by_features(herd, features, digits, settings.ipc)
    np.testing.assert_array_equal(begun, normalised[rows])
    drawn = select_random(digits.train.labels, settings.ipc, 10, settings.seed)
    assert set(rows) != set(drawn)
    # The folder says so, and what was stopped is not chosen anew.
    kept = DistilledRun.restore(tmp_path)
    assert kept.config.parameterization.initial_images == "herding"
    with open_run.opened(settings, digits, tmp_path, quick_experts) as run:
        again = run.distiller.parameterization.decode().numpy()
    np.testing.assert_array_equal(again, begun)


def test_without_experts_a_network_is_trained(quick, digits, monkeypatch):
    seen = []

    def features(settings, data, experts=None, epochs=0):
        seen.append((experts, epochs))
        return lambda label: np.eye(len(data.train.indices_of(label))), None

    monkeypatch.setattr(feature_network, "features", features)
    settings = config.override(quick, [HERDING, "outer_steps=0"])
    with open_run.opened(settings, digits):
        assert seen == [(None, feature_network.EPOCHS)]


def test_other_names_are_refused(quick):
    with pytest.raises(ValueError, match="initial_images` must be one of"):
        config.override(quick, ["parameterization.initial_images=herdin"])


def test_records_of_before_are_as_they_were(quick):
    assert "initial_images" not in config.to_json(quick)["parameterization"]


def test_experts_of_elsewhere_choose_nothing_here(
    quick_tm, tmp_path, monkeypatch
):
    monkeypatch.setattr(packing, "check_jax", lambda: None)
    with pytest.raises(ValueError, match="initial_images` 'random'.*Received"):
        packing.pack(config.override(quick_tm, [HERDING]), tmp_path / "pack")
    assert not (tmp_path / "pack").exists()


def test_labels_begin_as_what_experts_think(
    quick_taught, quick_experts, digits
):
    """Of the real images, however little a memory holds of them."""
    settings = config.override(quick_taught, ["outer_steps=0"])
    with open_run.opened(settings, digits, experts=quick_experts) as run:
        memory = run.distiller.parameterization
        begun = memory.soft_labels().numpy()
    rows = select_random(
        digits.train.labels, memory.instances_per_class, 10, settings.seed
    )
    network = assembly.network(settings, digits.image_shape, 10)
    store = ExpertStore(quick_experts)
    shown = digits.normalized_train[rows]
    expected = soft_labels(network, store, shown)
    np.testing.assert_allclose(begun, expected, atol=1e-5)
    assert memory.instances_per_class > settings.ipc
    blurred = soft_labels(network, store, memory.decode().numpy())
    assert np.abs(blurred - expected).max() > 5e-3


# Another memory starts from its own defaults.
TAUGHT = {
    "labels": "probabilities",
    "initial_labels": "experts",
    "label_learning_rate": 1.0,
}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"initial_labels": "expert"}, "must be one of"),
        ({"labels": "fixed"}, "Received: `parameterization.labels` 'fixed'"),
        ({"label_scale": 2.0}, "`label_scale` 2"),
        ({"name": "haba", **TAUGHT}, "'haba'.*made of parts"),
        ({"name": "idc", **TAUGHT}, "'idc'.*made of parts"),
    ],
)
def test_labels_that_experts_cannot_give_are_refused(
    quick_taught, changes, message
):
    changes = {f"parameterization.{k}": v for k, v in changes.items()}
    with pytest.raises(ValueError, match=message):
        config.replace(quick_taught, changes)
