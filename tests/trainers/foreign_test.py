"""Sets of others are scored by `trainers.evaluate`, which says how."""

import keras
import numpy as np
import pytest

from fred_tf.disk import records

FIRST = ("--channels_first",)
PROGRAM = (
    "trainers.evaluate",
    "--preset=digits_ipc1_dm_tiny",
    "--override=network.name=mlp",
    "--override=augmentation=none",
    "--override=evaluation.networks=2",
    "--override=evaluation.epochs=1",
)


@pytest.fixture
def theirs(digits, tmp_path):
    """A file with an image of each class in [0, 1], channels first."""
    rows = [digits.train.indices_of(label)[0] for label in range(10)]
    images = np.moveaxis(digits.train.images[rows], -1, 1)
    np.savez(tmp_path / "x.npz", images=images, labels=np.arange(10))
    return f"--exported={tmp_path / 'x.npz'}"


def test_a_set_of_others_is_scored_and_the_protocol_told(
    theirs, digits, call, tmp_path
):
    folder = tmp_path / "theirs"
    said = (theirs, f"--run_dir={folder}", "--values=unit")
    code, output, errors = call(*PROGRAM, *said, "--channels_first")
    assert code == 0, errors
    record = records.read(folder / "evaluation_exported.json", "evaluation")
    assert record["images"] == 10 and record["floats_stored"] == 640
    assert record["data"]["test"] == digits.facts.test
    assert "pixels in [0, 1] units" in record["details"]["meaning"]
    mean = list(digits.normalization.mean)
    for told in (
        "set: 10 images [8, 8, 1], 1 of each of 10 classes, 640 floats; labels",
        "taken for: float32 pixels in [0, 1] units, 0 to 1; labels are classes",
        "networks: 2 of mlp (",
        "training: 1 epochs in batches of 256, sgd, step size 0.01, a tenth",
        "loss: cross_entropy",
        "augmentation: none",
        f"normalization: name standardize, mean {mean}",
        "which follow from 0",
        f"scored on: {len(digits.test)} images of digits, test, once",
    ):
        assert told in output
    # Said to be something else, it is another evaluation.
    code, _, errors = call(*PROGRAM, *said[:2], "--values=normalized", *FIRST)
    assert code == 1 and "`set` is " in errors and "--name" in errors


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (FIRST, "--values=unit"),
        (("--values=unit",), "(--channels_first)"),
        (("--values=unit", "--mean=a", "--deviation=1"), "joined by commas"),
        (("--values=unit", "--exported="), "must name a file"),
        (("--exported=x.pt",), "weights_only=True"),
        (("--exported=nowhere.npz",), "There is no file nowhere.npz"),
    ],
)
def test_what_is_not_said_or_read_is_refused(
    flags, message, theirs, call, tmp_path
):
    folder = tmp_path / "run"
    code, output, errors = call(*PROGRAM, theirs, f"--run_dir={folder}", *flags)
    assert (code, output) == (1, "") and message in errors
    assert "Traceback" not in errors and not folder.exists()


def test_what_arrays_mean_is_not_said_of_a_run(call, tmp_path):
    code, _, errors = call(*PROGRAM, f"--run_dir={tmp_path}", "--values=unit")
    assert code == 1 and "--values tells of a .npz file" in errors


def test_a_model_of_others_is_trained(digits, call, tmp_path):
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10)]
    )
    model.save(tmp_path / "My-Net.keras")
    flags = (
        f"--run_dir={tmp_path}",
        "--baseline=random",
        f"--model={tmp_path / 'My-Net.keras'}",
    )
    code, _, errors = call(*PROGRAM, *flags)
    assert code == 1 and "Received: network.name=mlp" in errors
    program = [flag for flag in PROGRAM if "network.name" not in flag]
    code, output, errors = call(*program, *flags)
    assert code == 0, errors
    assert "networks: 2 of keras_my_net (model Sequential, param" in output
    path = tmp_path / "evaluation_random_keras_my_net.json"
    identity = records.read(path, "evaluation")["identity"]
    assert identity["network"]["parameters"] == 650
    code, _, errors = call(*PROGRAM, *flags, "--networks=mlp")
    assert code == 1 and "Of `--networks` and `--model` one" in errors
    code, _, errors = call(*program, *flags[:2], "--model=x.h5")
    assert code == 1 and "Models are read from `.keras` files" in errors
