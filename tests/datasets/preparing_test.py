"""Images on the disk are those in memory, whatever is made of them."""

import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fred_tf import datasets, seeds
from fred_tf.augmentations import SiameseAugmentation
from fred_tf.coresets import random_set
from fred_tf.datasets import (
    ClassBatches,
    Preparation,
    image_folder,
    raw_images,
)
from fred_tf.datasets.disk_images import DiskImages
from fred_tf.datasets.holdout import held_out
from fred_tf.networks import MLP, Functional
from fred_tf.normalizations import NORMALIZATIONS
from fred_tf.parameterizations import Frequency
from fred_tf.training.network_training import NetworkTraining


@pytest.fixture
def photos(tmp_path, generator):
    """Two classes of twelve small pictures of many sizes."""
    for name in ("ant", "bee"):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for number in range(12):
            shape = 8 + number, 20 - number, 3
            pixels = generator.integers(0, 256, shape, np.uint8)
            encoded = tf.io.encode_png(pixels).numpy()
            (folder / f"{number:02}.png").write_bytes(encoded)
    return tmp_path / "photos"


@pytest.fixture
def on_disk(tmp_path, monkeypatch):
    """Nothing is small enough for memory; returns the folder of the cache."""
    monkeypatch.setattr(raw_images, "MEMORY_SHARE", 0.0)
    monkeypatch.setenv(raw_images.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def load(photos, **preparation):
    return datasets.load(
        f"folder:{photos}", preparation=Preparation(8, **preparation)
    )


def test_one_class_is_refused_before_anything_is_decoded(photos, monkeypatch):
    shutil.rmtree(photos / "ant")
    monkeypatch.setattr(image_folder, "_decoded", None)
    with pytest.raises(
        ValueError, match=r"two classes .*\['bee'\] in .*photos"
    ):
        load(photos)


def test_the_disk_changes_nothing(photos, request):
    memory = load(photos)
    request.getfixturevalue("on_disk")
    disk = load(photos)
    assert isinstance(disk.train.images, DiskImages)
    assert isinstance(memory.train.images, np.ndarray)
    assert disk.facts == memory.facts
    np.testing.assert_array_equal(
        disk.normalized_train[3:9], memory.normalized_train[3:9]
    )
    draws = [
        ClassBatches(x.train, x.normalization, 2).draw([1, 2], 5)
        for x in (disk, memory)
    ]
    np.testing.assert_array_equal(*draws)
    streams = [
        next(
            iter(
                ClassBatches(x.train, x.normalization, 2).stream(
                    0, tf.data.Dataset.range(2), 5
                )
            )
        )["images"]
        for x in (disk, memory)
    ]
    np.testing.assert_array_equal(*streams)
    names = disk.class_names
    held = [held_out(x.train, names, 0.3)[1].digest for x in (disk, memory)]
    assert held[0] == held[1]


def test_what_is_on_the_disk_is_not_decoded_again(photos, on_disk, monkeypatch):
    first = load(photos).facts
    assert len(list(on_disk.iterdir())) == 2  # A folder of each split.
    decoded = []
    decode = image_folder.pictures.decode
    monkeypatch.setattr(
        image_folder.pictures,
        "decode",
        lambda data, where: decoded.append(where) or decode(data, where),
    )
    assert load(photos).facts == first
    # One picture of each split tells what all are like, with those ahead.
    assert len(set(decoded)) < 24
    (photos / "ant" / "00.png").touch()
    decoded.clear()
    assert load(photos).facts == first
    assert len(set(decoded)) == 24 and len(list(on_disk.iterdir())) > 2


def test_folders_of_pictures_of_equal_size_and_time_share_nothing(
    tmp_path, on_disk, generator
):
    """Bitmaps that were unpacked, for one; a copy elsewhere is the same."""
    for folder in "ab":
        for row in range(8):
            pixels = generator.integers(0, 256, (8, 8, 3), np.uint8)
            path = tmp_path / folder / "xy"[row % 2] / f"{row}.bmp"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
            os.utime(path, ns=(1, 1))
    shutil.copytree(tmp_path / "a", tmp_path / "moved")
    a, b = load(tmp_path / "a"), load(tmp_path / "b")
    assert np.any(a.train.images[:] != b.train.images[:])
    held = len(list(on_disk.iterdir()))
    moved = load(tmp_path / "moved")
    np.testing.assert_array_equal(a.train.images[:], moved.train.images[:])
    assert len(list(on_disk.iterdir())) == held


def test_left_out_images_are_left_out_of_the_cache(photos, on_disk, caplog):
    whole = (photos / "bee" / "03.png").read_bytes()
    (photos / "bee" / "03.png").write_bytes(whole[:60])
    facts = [load(photos, skip_corrupt=True).facts for _ in range(2)]
    assert facts[0] == facts[1]
    assert facts[0].preparation["left_out"] == 1
    assert caplog.text.count("1 of 24 images cannot be read") == 2


def test_what_is_made_of_the_disk_is_made_of_memory(photos, request):
    """The memory's beginning, its mask, coresets, whitening, experts."""
    memory = load(photos)
    request.getfixturevalue("on_disk")
    disk = load(photos)
    settings = Frequency.Settings(
        coefficients_per_channel=8, mask_statistics="whole_class"
    )
    begun = []
    for data in (memory, disk):
        made = Frequency.within_budget(settings, (8, 8, 3), 2, 1)
        made.adapt(data.normalized_train, data.train.labels, 0)
        begun.append(made.get_weights())
    for one, other in zip(*begun):
        np.testing.assert_array_equal(one, other)
    whitened = [
        NORMALIZATIONS["zca"].fit(x.train.images) for x in (memory, disk)
    ]
    assert whitened[0] == whitened[1]
    sets = [random_set(x, 2, 0).images for x in (memory, disk)]
    np.testing.assert_array_equal(*sets)
    training = NetworkTraining(
        Functional(MLP((8, 8, 3), 2)),
        SiameseAugmentation("none"),
        batch_size=7,
        normalization=memory.normalization,
    )
    first = training.start(tf.constant([0, 1]))
    trained = [
        training.passes(
            first, x.train.images, x.train.labels, [1, 2], 0, 2, 0.1
        )[0]
        for x in (memory, disk)
    ]
    for one, other in zip(*trained):
        np.testing.assert_array_equal(one, other)


def test_arrays_in_memory_are_prepared_too(generator):
    images = generator.integers(0, 256, (8, 9, 12, 3), np.uint8)
    labels = np.arange(8) % 4
    preparation = Preparation(6, "squash", colour="grey", classes="3,1")
    data = datasets.load((images, labels), preparation=preparation)
    assert data.class_names == ("3", "1")
    assert data.train.labels.tolist() == [1, 0, 1, 0]
    expected = [preparation(images[row], 1) for row in (1, 3, 5, 7)]
    np.testing.assert_array_equal(data.train.images, expected)
    assert data.test is None


def test_floats_in_memory_are_prepared_too():
    preparation = Preparation(4, classes="7,1")  # Fewer are sooner resized.
    data = datasets.load("digits", preparation=preparation)
    assert data.image_shape == (4, 4, 1)
    assert data.train.images.dtype == np.float32
    assert data.normalization.mean != datasets.KNOWN["digits"].mean
    assert data.facts.preparation == {"image_size": 4, "classes": "7,1"}


def test_a_draw_follows_from_its_seed_on_the_disk(photos, on_disk):
    batches = ClassBatches(
        load(photos).train, datasets.load("digits").normalization, 2
    )
    drawn = [batches.draw(seeds.named(0, "x"), 3) for _ in range(2)]
    np.testing.assert_array_equal(*drawn)
