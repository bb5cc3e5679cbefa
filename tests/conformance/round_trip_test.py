"""Every parameterization survives being written down, in every form."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, forms, presets
from fred_tf.forms import FORMS, SetForm
from fred_tf.forms.keras_memory import read_memory
from fred_tf.parameterizations import PARAMETERIZATIONS
from tests.packages import writable

# Members start from their defaults, but for these.
MEMBERS = {
    **{name: {"name": name} for name in PARAMETERIZATIONS},
    "frequency": {"name": "frequency", "coefficients_per_channel": 32},
    "joint frequency": {
        "name": "frequency",
        "coefficients_per_channel": 32,
        "channels": "joint",
    },
    "haba": {"name": "haba", "hallucinators": 2},
}


@pytest.fixture(params=MEMBERS.values(), ids=MEMBERS.keys())
def settings(request) -> config.Config:
    section = {f"parameterization.{k}": v for k, v in request.param.items()}
    return config.replace(
        presets.preset("digits_ipc1_dm_tiny"), {"ipc": 2, **section}
    )


@pytest.fixture
def memory(settings, digits):
    made = assembly.parameterization(settings, digits.image_shape, 10)
    assembly.adapt(made, digits, seed=3)
    return made


def test_settings_through_json(settings):
    values = json.loads(json.dumps(config.to_json(settings)))
    assert config.from_json(values) == settings


def test_layer_through_its_config(memory):
    values = keras.saving.serialize_keras_object(memory)
    again = keras.saving.deserialize_keras_object(values)
    again.set_weights(memory.get_weights())
    np.testing.assert_array_equal(again.decode(), memory.decode())
    assert again.get_config() == memory.get_config()


def test_memory_through_a_checkpoint(settings, memory, digits, tmp_path):
    state = {"memory": [v.value for v in memory.variables]}
    path = tf.train.Checkpoint(**state).save(str(tmp_path / "checkpoint"))
    other = assembly.parameterization(settings, digits.image_shape, 10)
    state = {"memory": [v.value for v in other.variables]}
    tf.train.Checkpoint(**state).restore(path).assert_consumed()
    np.testing.assert_array_equal(other.decode(), memory.decode())


@pytest.fixture
def decoded(memory, decoded_of):
    return decoded_of(memory)


def test_memory_through_a_keras_file(decoded, memory, tmp_path):
    written = forms.write(decoded, memory, tmp_path, ["keras"])
    again = read_memory(written["keras"])
    np.testing.assert_array_equal(again.decode(), memory.decode())
    assert type(again) is type(memory)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["memory.json", "memory.keras"]


def test_set_through_every_form_that_loses_nothing(decoded, memory, tmp_path):
    lossless = [
        name
        for name in writable(forms.fitting(decoded, memory))
        if isinstance(FORMS[name], SetForm) and not FORMS[name].lossy
    ]
    assert set(lossless) >= {"images_float32", "saved_model", "keras"}
    written = forms.write(decoded, memory, tmp_path, lossless)
    for path in written.values():
        read = forms.read(path)
        np.testing.assert_allclose(read.images, decoded.images, atol=1e-5)
        np.testing.assert_array_equal(read.labels, decoded.labels)
        assert read.floats_stored == memory.floats_stored
    read = FORMS["images_float32"].read(written["images_float32"])
    np.testing.assert_array_equal(read.images, decoded.images)
    loaded = tf.saved_model.load(str(written["saved_model"]))
    served = loaded.decode(tf.range(memory.instances))
    np.testing.assert_allclose(served["images"], decoded.images, atol=1e-5)
    np.testing.assert_array_equal(served["labels"], decoded.labels)


def test_budget_is_met(settings, memory):
    assert memory.floats_stored <= settings.ipc * 10 * 64
    counts = np.bincount(memory.labels, minlength=10)
    np.testing.assert_array_equal(counts, memory.instances_per_class)


def test_decoding_compiles_and_takes_any_order(memory):
    everything = memory.decode().numpy()
    compiled = tf.function(memory.decode, jit_compile=True)
    np.testing.assert_allclose(compiled(), everything, atol=1e-5)
    some = memory(tf.constant([5, 0, 5])).numpy()
    np.testing.assert_allclose(some, everything[[5, 0, 5]], atol=1e-6)
