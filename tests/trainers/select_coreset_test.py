import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest

from fred_tf import config, datasets, presets
from fred_tf import config as config_lib
from fred_tf.coresets import random_set, sheet
from fred_tf.coresets.sheet import SheetSettings
from fred_tf.datasets import Split
from fred_tf.disk import records
from fred_tf.experts.store import ExpertStore
from fred_tf.forms.images import Images
from trainers import select_coreset, train_experts

TM = config.replace(presets.preset("digits_ipc1_tm_tiny"), {"ipc": 2})


@pytest.mark.parametrize("method", ["random", "herding", "k_center"])
def test_writes_real_images_that_evaluate_reads(method, tmp_path, digits):
    folder = select_coreset.run(TM, tmp_path, method, feature_epochs=1)
    chosen = Images().read(folder)
    written = json.loads((tmp_path / "coreset.json").read_text())
    real = digits.normalization(digits.train.images[written["chosen"]])
    np.testing.assert_array_equal(chosen.images, real)
    np.testing.assert_array_equal(chosen.labels, np.repeat(np.arange(10), 2))
    assert chosen.floats_stored == 20 * 64
    assert (tmp_path / "gallery.png").stat().st_size > 0

    before = (folder / "features.json").stat().st_mtime_ns
    select_coreset.run(TM, tmp_path, method, feature_epochs=1)
    assert (folder / "features.json").stat().st_mtime_ns == before
    other = config.replace(TM, {"ipc": 3})
    with pytest.raises(ValueError, match="`ipc` is 2 there, 3 is asked for"):
        select_coreset.run(other, tmp_path, method, feature_epochs=1)


def test_a_picture_of_somebody_else_stays(tmp_path):
    (tmp_path / "gallery.png").write_bytes(b"a photograph")
    with pytest.raises(FileExistsError, match="gallery.png, which fred_tf"):
        select_coreset.run(TM, tmp_path, "random")
    assert not (tmp_path / "coreset.json").exists()
    (tmp_path / "gallery.png").unlink()
    own = tmp_path / "sheet.jpeg"
    own.write_bytes(b"a photograph")
    stored = SheetSettings(4000)
    for _ in range(2):
        with pytest.raises(FileExistsError, match="sheet.jpeg without a cor"):
            select_coreset.run(TM, tmp_path, "random", stored=stored)
    assert own.read_bytes() == b"a photograph"
    select_coreset.run(TM, tmp_path, "random")


def test_a_folder_that_is_not_complete_is_completed(tmp_path):
    folder = select_coreset.run(TM, tmp_path, "random")
    written = (tmp_path / "coreset.json").read_text()
    shutil.rmtree(folder)
    assert select_coreset.run(TM, tmp_path, "random").is_dir()
    assert (tmp_path / "coreset.json").read_text() == written
    damaged = folder / "features.json"
    damaged.write_text(damaged.read_text() + " ")
    with pytest.raises(ValueError, match="features.json has SHA-256"):
        select_coreset.run(TM, tmp_path, "random")


def test_the_export_of_another_set_is_not_replaced(tmp_path, digits):
    Images().write(random_set(digits, 1, 0), None, tmp_path / "tfrecord")
    with pytest.raises(ValueError, match="no coreset.json"):
        select_coreset.run(TM, tmp_path, "random")


def test_features_of_other_convolutions_are_another_choice(tmp_path):
    select_coreset.run(TM, tmp_path, "herding", feature_epochs=1)
    other = config.replace(TM, {"convolutions": "bfloat16"})
    with pytest.raises(ValueError, match="`features.convolutions` is"):
        select_coreset.run(other, tmp_path, "herding", feature_epochs=1)


def test_features_of_an_expert(tmp_path, expert_dir):
    """Whatever the store's path; other experts make another choice."""
    here = str(tmp_path / "moved")
    shutil.copytree(expert_dir, here)
    made = tmp_path / "made"
    folder = select_coreset.run(TM, made, "herding", expert_dir=here)
    assert len(Images().read(folder).labels) == 20
    written = json.loads((made / "coreset.json").read_text())
    facts = ExpertStore.open(here).facts(0)
    assert written["feature_network_accuracy"] == facts["test_accuracy"]
    again = select_coreset.run(TM, made, "herding", expert_dir=str(expert_dir))
    assert again == folder
    manifest = pathlib.Path(here, "manifest.json")
    record = json.loads(manifest.read_text())
    record["identity"]["seed"] = 5
    manifest.write_text(json.dumps(records.seal(record)))
    with pytest.raises(ValueError, match="expert.seed` is 0 there, 5 is asked"):
        select_coreset.run(TM, made, "herding", expert_dir=here)


@pytest.mark.parametrize(
    ("method", "message"),
    [("random", "Leave it out"), ("herding", "There is no expert store")],
)
def test_wrong_flags_fail_before_data_are_read(
    method, message, tmp_path, monkeypatch
):
    monkeypatch.setattr(datasets, "load", None)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        select_coreset.run(
            TM, tmp_path / "a", method, expert_dir=str(tmp_path / "none")
        )
    assert not (tmp_path / "a").exists()


def test_bytes_of_real_images_are_those_of_a_picture(tmp_path, monkeypatch):
    coded = presets.within_bytes(TM, 4_000)
    with monkeypatch.context() as patch:
        patch.setattr(datasets, "load", None)
        with pytest.raises(ValueError, match="4000.*--stored_bytes=4000"):
            select_coreset.run(coded, tmp_path, "random")
    stored = SheetSettings(4_000, quality=40)
    select_coreset.run(coded, tmp_path, "random", stored=stored)


@pytest.mark.parametrize(
    "asked",
    [
        ("--preset=digits_ipc1_dm_tiny", "--stored_bytes=3000"),
        ("--row=mnist_7840_bytes_random_jpeg",),
    ],
)
def test_bytes_of_a_picture_are_not_those_of_a_budget(asked, call, tmp_path):
    """Which had counted for nothing."""
    place = f"--run_dir={tmp_path / 'no'}"
    code, _, errors = call(
        "trainers.select_coreset", place, "--budget_bytes=9000", *asked
    )
    assert code == 1 and "Leave --budget_bytes out." in errors
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("size", "axes", "message"),
    [
        (10, (8, 8, 1), "Received: 10 bytes.*--stored_bytes"),
        (9000, (4, 4, 4, 1), "one channel or three"),
    ],
)
def test_a_picture_that_cannot_be_is_refused_before_a_network_is_trained(
    size, axes, message, tmp_path, digits, monkeypatch
):
    train = digits.train
    images = train.images.reshape(-1, *axes)
    data = dataclasses.replace(
        digits, train=Split(images, train.labels), test=None
    )
    monkeypatch.setattr(datasets, "load", lambda *_, **__: data)
    monkeypatch.setattr(select_coreset.chosen_images, "choice", None)
    with pytest.raises(ValueError, match=message):
        select_coreset.run(TM, tmp_path, "herding", stored=SheetSettings(size))
    assert not (tmp_path / "coreset.json").exists()


def test_moving_moments_are_not_made_up(tmp_path):
    settings = config_lib.override(TM, ["network.norm=batch", "count=1"])
    train_experts.run(settings, tmp_path / "experts")
    with pytest.raises(ValueError, match="An expert needs .*leave out --exp"):
        select_coreset.run(
            settings,
            tmp_path / "a",
            "herding",
            expert_dir=str(tmp_path / "experts"),
        )


def test_other_images_make_another_choice(tmp_path, digits, monkeypatch):
    select_coreset.run(TM, tmp_path, "random")
    darker = dataclasses.replace(
        digits, train=Split(digits.train.images // 2, digits.train.labels)
    )
    monkeypatch.setattr(datasets, "load", lambda *_, **__: darker)
    with pytest.raises(ValueError, match="`data.train` is .*Choose another --"):
        select_coreset.run(TM, tmp_path, "random")


def test_features_need_no_test_images(tmp_path, digits, monkeypatch):
    alone = dataclasses.replace(digits, test=None)
    monkeypatch.setattr(datasets, "load", lambda *_, **__: alone)
    select_coreset.run(TM, tmp_path, "herding", feature_epochs=1)
    record = records.read(tmp_path / "coreset.json", "coreset")
    assert record["feature_network_accuracy"] is None
    assert len(record["chosen"]) == 10 * TM.ipc


def test_corrected_test_labels_make_another_choice(
    tmp_path, digits, monkeypatch
):
    """Their accuracies are kept in the record."""
    select_coreset.run(TM, tmp_path, "random")
    labels = (digits.test.labels + 1) % 10
    corrected = dataclasses.replace(
        digits, test=Split(digits.test.images, labels)
    )
    monkeypatch.setattr(datasets, "load", lambda *_, **__: corrected)
    with pytest.raises(ValueError, match="`data.test` is .*Choose another --"):
        select_coreset.run(TM, tmp_path, "random")


def test_as_many_images_as_a_picture_of_some_bytes_holds(tmp_path, digits):
    stored = SheetSettings(3_000, quality=40)
    folder = select_coreset.run(TM, tmp_path, "random", stored=stored)
    picture = tmp_path / "sheet.jpeg"
    data = picture.read_bytes()
    record = records.read(tmp_path / "coreset.json", "coreset")
    assert 2_000 < len(data) <= 3_000
    assert "ipc" not in record["identity"]
    chosen, read = record["chosen"], Images().read(folder)
    levels = sheet.decode(data, len(chosen), (8, 8, 1), stored)
    np.testing.assert_array_equal(read.images, digits.normalization(levels))
    np.testing.assert_array_equal(
        read.labels, np.repeat(np.arange(10), len(chosen) // 10)
    )
    # Whatever the `ipc`; what is missing is written again.
    picture.unlink()
    other = config.replace(TM, {"ipc": 3})
    select_coreset.run(other, tmp_path, "random", stored=stored)
    assert picture.read_bytes() == data
    stored = SheetSettings(3_000, quality=41)
    with pytest.raises(ValueError, match="`stored.quality` is 40 there, 41"):
        select_coreset.run(TM, tmp_path, "random", stored=stored)
