"""From a folder of photos to a trained Keras model, from wherever."""

import json
import re

import pytest

from fred_tf.disk.run_folder import RunFolder
from tests.datasets import photos

QUICK = (
    "--preset=digits_ipc1_dm_tiny",
    "--override=augmentation=none",
    "--override=network.name=mlp",
    "--override=real_batch_per_class=5",
    "--override=coefficients_per_channel=16",
    "--override=outer_steps=3",
    "--override=evaluation.networks=1",
    "--override=evaluation.epochs=1",
)


@pytest.fixture
def taken(tmp_path, monkeypatch):
    """Photos in own/photos; the working folder is beside it."""
    photos.take(tmp_path / "own" / "photos")
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def test_four_commands_from_photos_to_a_model(taken, call, monkeypatch, capsys):
    notes = taken / "own" / "photos" / "cat" / "notes.txt"
    notes.write_text("Names of cats.")
    code, said, _ = call(
        "trainers.distill",
        *QUICK,
        "--dataset=folder:../own/photos",
        "--image_size=8",
        "--run_dir=run",
    )
    assert code == 0 and "Next: python -m trainers.evaluate" in said
    # From another place, with no word of where the photos are.
    monkeypatch.chdir(taken / "there")
    run = taken / "here" / "run"
    code, said, _ = call("trainers.evaluate", f"--run_dir={run}")
    assert code == 0
    assert "on a held-back fifth of each class of the train split" in said
    exported = taken / "exported"
    code, _, _ = call(
        "export.__main__",
        f"--run_dir={run}",
        f"--export_dir={exported}",
        "--forms=images_float32,coefficients_float32,keras",
    )
    assert code == 0
    code, _, _ = call("trainers.report.__main__", f"--run_dir={run}")
    assert code == 0
    monkeypatch.setattr(
        "sys.argv",
        ["train_keras", str(exported / "images_float32"), str(taken / "own")],
    )
    from examples import beside_real, train_keras

    beside_real.main(lambda sets: train_keras.run(sets, epochs=2))
    assert "distilled alone: " in capsys.readouterr().out

    folder = RunFolder.read(run)
    assert folder.data_dir == str(taken / "own")
    assert folder.data["preparation"] == {"image_size": 8}
    assert folder.identity["preparation"] == {"image_size": 8}
    metadata = json.loads(
        (exported / "images_float32" / "metadata.json").read_text()
    )
    assert metadata["dataset"] == "folder:photos"
    data = metadata["details"]["data"]
    assert data["preparation"] == {"image_size": 8}
    assert data["train"] == folder.data["train"]
    kept = re.compile(re.escape(str(taken / "own")).encode() + rb"|\.\./own")
    told = [*exported.rglob("*"), *run.rglob("*.html"), *run.glob("e*.json")]
    for path in told:
        if path.is_file():
            assert not kept.search(path.read_bytes()), path
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert "held-back" in evaluation["data"]["tested_on"]
    assert evaluation["data"]["preparation"] == {"image_size": 8}
    assert "held-back fifth" in (run / "report.html").read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--image_size=64",), r"Images must be at least as large.*enlarge"),
        (
            ("--override=classes=cat,dgo", "--image_size=8"),
            "'dgo'. Did you mean 'dog'",
        ),
        ((), "must have the same size.*--image_size="),
    ],
)
def test_what_cannot_be_is_one_line_before_any_work(
    taken, call, given, message
):
    code, _, errors = call(
        "trainers.distill",
        *QUICK,
        "--dataset=folder:../own/photos",
        *given,
        "--run_dir=run",
    )
    assert code == 1
    assert re.search(message, errors.splitlines()[-1] or errors), errors
    assert not (taken / "here" / "run").exists()


def test_a_corrupt_photo_is_named_or_counted(taken, call, caplog):
    path = taken / "own" / "photos" / "dog" / "2.webp"
    path.write_bytes(path.read_bytes()[:40])
    command = (
        "trainers.distill",
        *QUICK,
        "--dataset=folder:../own/photos",
        "--image_size=8",
        "--run_dir=run",
    )
    code, _, errors = call(*command)
    assert code == 1 and f"{path} is not a readable picture" in errors
    assert "--skip_corrupt" in errors
    code, _, _ = call(*command, "--skip_corrupt")
    assert code == 0
    assert "1 of 36 images cannot be read" in caplog.text
    folder = RunFolder.read(taken / "here" / "run")
    assert folder.data["preparation"]["left_out"] == 1


def test_an_unknown_data_set_is_named(taken, call):
    code, _, errors = call(
        "trainers.distill", *QUICK, "--dataset=ciphar10", "--run_dir=run"
    )
    assert code == 1 and "'cifar10'" in errors
