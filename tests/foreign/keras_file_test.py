"""Model files of others give an architecture, and run nothing."""

import json
import resource
import zipfile

import keras
import pytest

from fred_tf.foreign import KerasNetwork, keras_file

layers = keras.layers


@pytest.fixture
def saved(tmp_path):
    """Writes a model whose config was changed; returns its path."""

    def save(change=lambda config: None, weights=b"no weights"):
        images = keras.Input((8, 8, 1))
        x = layers.Flatten()(layers.ReLU()(layers.Conv2D(4, 3)(images)))
        model = keras.Model(images, layers.Dense(10)(x))
        model.compile("sgd", "mse")
        model.save(tmp_path / "whole.keras")
        with zipfile.ZipFile(tmp_path / "whole.keras") as archive:
            config = json.loads(archive.read("config.json"))
        change(config)
        with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
            archive.writestr("config.json", json.dumps(config))
            archive.writestr("model.weights.h5", weights)
        return tmp_path / "m.keras"

    return save


def layer(config, kind):
    return next(
        x for x in config["config"]["layers"] if x["class_name"] == kind
    )


def test_the_architecture_is_read_and_no_weights(saved):
    path = saved()
    network = KerasNetwork(path, (8, 8, 1), 10)
    assert network.shapes == [(3, 3, 1, 4), (4,), (144, 10), (10,)]
    assert not keras_file.made(keras_file.read(path)).compiled


def lambda_layer(config):
    code = keras.saving.serialize_keras_object(layers.Lambda(lambda x: 1 / 0))
    layer(config, "ReLU").update(code, name="re_lu")


def of_class(name, module="keras.layers", **options):
    def change(config):
        said = layer(config, "ReLU")
        said.update(class_name=name, module=module)
        said["config"] = {"name": "re_lu", **options}

    return change


def within(kind, **options):
    return lambda config: layer(config, kind)["config"].update(options)


def huge(config):
    for said in config["config"]["layers"]:
        said.pop("build_config", None)
    within("Conv2D", filters=64)(config)
    within("Dense", units=2**20)(config)


def registered(config):
    layer(config, "Dense")["registered_name"] = "mine>Dense"


def custom(config):
    layer(config, "Dense")["config"]["kernel_initializer"] = {
        "module": "os",
        "class_name": "function",
        "config": "system",
        "registered_name": "function",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda_layer, r"keras.layers.Lambda"),
        (of_class("TFSMLayer", filepath="evil"), "TFSMLayer"),
        (of_class("StringLookup", vocabulary="/etc/passwd"), "StringLookup"),
        (of_class("TorchModuleWrapper"), "TorchModuleWrapper"),
        (of_class("Evil", "evil"), "evil.Evil"),
        (of_class("ConvNet", "fred_tf.networks.convnet"), "convnet.ConvNet"),
        (registered, "keras.layers.Dense"),
        (custom, "os.function"),
        (within("Dense", activation={"class_name": "__lambda__"}), "__lambda"),
        (within("Dense", units=2**40), "the number 1099511627776"),
        (huge, r"weights and .*at most 268,435,456"),
        (within("Conv2D", filters=-3), "filters"),
        (within("Conv2D", kernel_size="wide"), "model of plain layers"),
        (lambda c: c["config"].pop("layers"), "model of plain layers"),
        (lambda c: c.update(class_name="Dense"), "keras.src.models.fun"),
        (lambda c: c.clear(), "no Sequential or functional"),
    ],
)
def test_what_is_no_plain_layer_of_bounded_size_is_refused(
    change, message, saved, monkeypatch
):
    monkeypatch.delattr(keras.saving, "load_model")
    path = saved(change)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=message) as error:
        keras_file.read(path)
    with keras.StatelessScope():
        pass  # Where Keras makes what was put off.
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert used < 200_000  # Kilobytes; the weights would be 10 GB.
    assert str(path) in str(error.value) and "network=function" in str(error)


def test_other_files_are_refused(tmp_path):
    for name, message in (
        ("m.h5", "Models are read from `.keras` files"),
        ("m.keras", "not a zip file"),
    ):
        (tmp_path / name).write_text("no archive")
        with pytest.raises(ValueError, match=message):
            keras_file.read(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("other.json", "{}")
    with pytest.raises(ValueError, match="config.json"):
        keras_file.read(tmp_path / "m.keras")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        keras_file.read(tmp_path / "nowhere.keras")
