"""The global settings of Keras change nothing that is decoded or trained."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import fred_tf
from fred_tf import config, presets
from fred_tf.forms.coefficients import Coefficients
from fred_tf.forms.keras_memory import KerasMemory
from fred_tf.forms.saved_model import SavedModel
from fred_tf.networks import NETWORKS, Functional
from fred_tf.networks.network import Network
from fred_tf.parameterizations import PARAMETERIZATIONS
from fred_tf.synthetic_set import SyntheticSet
from fred_tf.transforms import TRANSFORMS

GLOBALS = {
    "mixed_float16": ("mixed_float16", "float32", "channels_last"),
    "mixed_bfloat16": ("mixed_bfloat16", "float32", "channels_last"),
    "float64": (None, "float64", "channels_last"),
    "float16": (None, "float16", "channels_last"),
    "channels first": (None, "float32", "channels_first"),
    "all at once": ("mixed_float16", "float64", "channels_first"),
}
MEMBERS = {
    **{name: {} for name in PARAMETERIZATIONS},
    "frequency": {"coefficients_per_channel": 20, "bits": 4},
    "haba": {"hallucinators": 2},
}


@pytest.fixture(params=GLOBALS.values(), ids=GLOBALS)
def odd_globals(request):
    """A context; outside it all is as usual."""
    policy, floatx, data_format = request.param
    before = (
        keras.config.dtype_policy(),
        keras.config.floatx(),
        keras.config.image_data_format(),
    )

    def set_all(policy, floatx, data_format):
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy or floatx)
        keras.config.set_image_data_format(data_format)

    yield lambda: set_all(policy, floatx, data_format)
    set_all(*before)


@pytest.fixture(scope="module")
def few(digits):
    """Normalised images and labels of two classes."""
    rows = np.flatnonzero(digits.train.labels < 2)[:60]
    images = digits.normalization(digits.train.images[rows])
    return images, digits.train.labels[rows]


def memory_of(name, few):
    member = PARAMETERIZATIONS[name]
    settings = member.Settings(**MEMBERS[name])
    memory = member.within_budget(settings, (8, 8, 1), 2, 3)
    memory.adapt(*few, seed=0)
    return memory


@pytest.mark.parametrize("name", PARAMETERIZATIONS)
def test_images_are_decoded_bit_for_bit(name, few, odd_globals):
    made = memory_of(name, few)
    expected, arrays = made.decode().numpy(), made.get_weights()
    odd_globals()
    # One made before, and one made under them.
    np.testing.assert_array_equal(made.decode().numpy(), expected)
    memory = memory_of(name, few)
    for found, wanted in zip(memory.get_weights(), arrays, strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    images = memory.decode().numpy()
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, expected)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_take_and_give_float32(name, few, odd_globals):
    images, _ = few
    expected = TRANSFORMS[name]()(images).numpy()
    odd_globals()
    transform = TRANSFORMS[name]()
    np.testing.assert_array_equal(transform(images).numpy(), expected)
    assert transform.inverse(tf.constant(expected)).dtype == tf.float32
    assert type(transform)(dtype="float64").compute_dtype == "float64"


@pytest.mark.parametrize("name", ["convnet", "lenet"])
def test_networks_give_the_same_logits(name, few, odd_globals):
    images = tf.constant(few[0][:2].repeat(2, 1).repeat(2, 2))
    settings = {"convnet": NETWORKS["convnet"].Settings(4, 2)}.get(name)

    def logits():
        network = Functional(NETWORKS[name]((16, 16, 1), 2, settings))
        parameters = network.initialize(tf.constant([0, 1]))
        return network.logits(parameters, images).numpy()

    expected = logits()
    odd_globals()
    np.testing.assert_array_equal(logits(), expected)


@pytest.mark.parametrize("odd_globals", [GLOBALS["all at once"]], indirect=True)
@pytest.mark.parametrize("name", ["alexnet", "resnet10ap", "convnet3d"])
def test_no_layer_of_a_network_follows_them(name, odd_globals):
    odd_globals()
    shape = (8, 8, 8, 1) if name == "convnet3d" else (16, 16, 3)
    for layer in NETWORKS[name](shape, 2)._flatten_layers():
        assert layer.dtype_policy.name == "float32"
        assert getattr(layer, "data_format", "channels_last") == "channels_last"


def test_layers_with_the_channels_first_are_refused():
    class Flat(Network):
        def make_layers(self, image_shape):
            return [keras.layers.Flatten()]

        Settings = NETWORKS["lenet"].Settings

    assert Flat((4, 4, 1), 2).count_params() == 34
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="Flatten with channels first. Gi"):
            Flat((4, 4, 1), 2)
    finally:
        keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize(
    "odd_globals",
    [
        pytest.param(GLOBALS["float64"], marks=pytest.mark.slow),
        GLOBALS["all at once"],
    ],
    indirect=True,
    ids=["float64", "all at once"],
)
@pytest.mark.parametrize(
    "form",
    [Coefficients(), SavedModel(), KerasMemory()],
    ids=lambda form: form.name,
)
def test_what_is_written_under_them_is_the_same(
    form, few, odd_globals, digits, tmp_path
):
    """And it is read under them, bit for bit."""
    memory = memory_of("frequency", few)
    expected = SyntheticSet(
        memory.decode().numpy(),
        memory.labels,
        ("zero", "one"),
        digits.normalization,
        "digits",
        memory.floats_stored,
    )
    path = tmp_path / form.path
    form.write(expected, memory, path)
    odd_globals()
    np.testing.assert_array_equal(form.read(path).images, expected.images)
    form.write(expected, memory, path)
    np.testing.assert_array_equal(form.read(path).images, expected.images)
    keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(form.read(path).images, expected.images)


@pytest.mark.slow
@pytest.mark.parametrize("odd_globals", [GLOBALS["all at once"]], indirect=True)
def test_a_run_and_its_evaluation_are_the_same(digits, odd_globals):
    settings = config.replace(
        presets.preset("digits_ipc1_dm_tiny"),
        {
            "outer_steps": 2,
            "network.norm": "batch",
            "evaluation.networks": 1,
            "evaluation.epochs": 3,
        },
    )

    def made():
        distilled = fred_tf.distill(digits, settings, progress=False)
        return distilled.images, distilled.evaluate(digits).accuracies

    images, accuracies = made()
    odd_globals()
    again, scores = made()
    np.testing.assert_array_equal(again, images)
    assert scores == accuracies
