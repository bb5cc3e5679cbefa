import dataclasses
import importlib
import importlib.util
import sys

import numpy as np
import pytest

from fred_tf.datasets import ImageData, Split, corruptions
from fred_tf.datasets.raw_images import HELD_BACK_SPLIT
from fred_tf.normalizations import Standardize
from trainers.results.published import ON

needs_library = pytest.mark.skipif(
    not importlib.util.find_spec("imagecorruptions"),
    reason='needs pip install ".[corruptions]"',
)

# Whose own library compiles it, which takes seconds; of the two that are given
# a seed the other one is quick.
every_corruption = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow)
        if name == "glass_blur"
        else name
        for name in corruptions.CORRUPTIONS
    ],
)


def test_names():
    """In the order of the papers' tables."""
    labels = [label.split()[0] for label in ON[:-1]]
    for name, label in zip(corruptions.named("all"), labels, strict=True):
        assert name.startswith(label)
    assert corruptions.named("fog, snow") == ("fog", "snow")
    with pytest.raises(ValueError, match="Did you mean 'fog'"):
        corruptions.named("snow,fogg")


def make(name="photos", size=32, channels=3, classes=2, **more) -> ImageData:
    generator = np.random.default_rng(0)
    shape = (2 * classes, size, size, channels)
    images = generator.integers(0, 256, shape).astype(np.uint8)
    split = Split(images, np.arange(2 * classes) % classes)
    how = {"class_names": tuple("abcdefghij"[:classes]), **more}
    return ImageData(
        name, split, split, normalization=Standardize.fit(images), **how
    )


def test_small_images_are_refused(digits):
    with pytest.raises(ValueError, match=r"at least 32 x 32.*\(8, 8, 1\)"):
        corruptions.load(digits, "fog", 5)
    with pytest.raises(ValueError, match="`severity`.*Received: 6"):
        corruptions.load(digits, "fog", 6)


@pytest.fixture
def asked(monkeypatch) -> list:
    """Whatever TFDS is asked for is prepared; what it was asked for."""
    names = []

    def is_prepared(name, data_dir):
        names.append(name)
        return True

    monkeypatch.setattr(corruptions.tfds_images, "is_prepared", is_prepared)
    return names


def test_prepared_images_come_first(asked, monkeypatch):
    """TFDS has its own names for two of them."""
    data = make("cifar10:3.0.2", classes=10)
    monkeypatch.setattr(
        corruptions.tfds_images,
        "read_test",
        lambda name, data_dir, names: data.test,
    )
    split, source = corruptions.load(data, "glass_blur", 3, images=10)
    assert asked == ["cifar10_corrupted/frosted_glass_blur_3"]
    assert source == "tfds:cifar10_corrupted/frosted_glass_blur_3"
    assert len(split) == 10


def test_images_of_synsets_come_from_imagenet(asked, monkeypatch):
    """Those of the data's classes, as large as the data's images."""

    def read_classes(name, data_dir, class_names, image_shape, antialias):
        asked.append((name, class_names, image_shape, antialias))
        return data.test

    data = dataclasses.replace(
        make("folder:nette"),
        class_names=("n01440764", "n02102040"),
        preparation={"image_size": 32, "antialias": False},
    )
    monkeypatch.setattr(corruptions.tfds_images, "read_classes", read_classes)
    _, source = corruptions.load(data, "glass_blur", 3)
    name = "imagenet2012_corrupted/glass_blur_3"
    assert asked == [name, (name, data.class_names, (32, 32, 3), False)]
    assert source == f"tfds:{name}"


@pytest.mark.parametrize(
    ("module", "builder", "theirs"),
    [
        ("cifar10_corrupted", "Cifar10Corrupted", corruptions.CIFAR_NAMES),
        ("imagenet2012_corrupted", "Imagenet2012Corrupted", {}),
    ],
)
def test_prepared_names_are_those_of_tensorflow_datasets(
    module, builder, theirs
):
    package = "tensorflow_datasets.image_classification"
    builder = getattr(importlib.import_module(f"{package}.{module}"), builder)
    known = {config.name for config in builder.BUILDER_CONFIGS}
    for name in corruptions.CORRUPTIONS:
        name = theirs.get(name, name)
        assert {f"{name}_{s}" for s in corruptions.SEVERITIES} <= known


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecorruptions", None)
    with pytest.raises(ModuleNotFoundError, match=r"\.\[corruptions\]"):
        corruptions.load(make(), "fog", 5)


@pytest.mark.parametrize("refuse", ["check", "load_all"])
def test_first_images_that_lack_a_class_are_refused_before_they_are_made(
    refuse, monkeypatch
):
    """As those of a folder do, whose pictures follow each other by class."""
    data = make(classes=3)
    tested = Split(data.test.images, np.repeat(np.arange(3), 2))
    data = dataclasses.replace(data, test=tested)
    monkeypatch.setattr(corruptions, "corrupt", None)
    monkeypatch.setattr(corruptions, "_library", lambda: None)
    with pytest.raises(ValueError, match="first 4 corr.*none of 'c'.*images=0"):
        getattr(corruptions, refuse)(data, ("fog", "snow"), 5, images=4)


SYNSETS = {"class_names": ("n01440764", "n02102040")}


@pytest.mark.parametrize(
    "other",
    [
        {"size": 64},
        {"channels": 1},
        {"classes": 2},
        {"holdout": 0.5},
        {"name": "cifar10:3.0.2", "holdout": 0.5},
        {"name": "folder:nette", "classes": 2, "channels": 1, **SYNSETS},
        {"name": "folder:nette", "classes": 2, "holdout": 0.5, **SYNSETS},
        {
            "name": "folder:nette",
            "classes": 2,
            "tested_on": HELD_BACK_SPLIT,
            **SYNSETS,
        },
    ],
)
def test_other_images_than_those_prepared_are_computed(
    asked, monkeypatch, other
):
    """CIFAR-10-C is of 32 x 32 pixels in colour, and of the test split."""
    computed = lambda images, name, severity: images  # noqa: E731
    monkeypatch.setattr(corruptions, "corrupt", computed)
    data = make(**{"name": "cifar10", "classes": 10, **other})
    _, source = corruptions.load(data, "fog", 5)
    assert source.startswith("imagecorruptions") and not asked


@needs_library
@every_corruption
def test_subsets_of_imagenet_are_corrupted_at_its_size(name, monkeypatch):
    """Enlarged from 128 pixels, the same each time."""
    import imagecorruptions

    shapes, corrupt = [], imagecorruptions.corrupt

    def watched(image, **how):
        shapes.append(image.shape)
        return corrupt(image, **how)

    monkeypatch.setattr(imagecorruptions, "corrupt", watched)
    data = make("folder:nette", size=128)
    split, source = corruptions.load(data, name, 5, images=2)
    assert source == "imagecorruptions at 224 pixels"
    assert shapes == [(224, 224, 3)] * 2
    assert split.images.shape == (2, 128, 128, 3)
    assert split.images.dtype == np.uint8
    assert np.any(split.images != data.test.images[:2])
    again, _ = corruptions.load(data, name, 5, images=2)
    np.testing.assert_array_equal(again.images, split.images)


@pytest.mark.parametrize(
    ("shape", "enlarged"),
    [
        ((32, 32, 3), (32, 32)),
        ((63, 80, 3), (63, 80)),
        ((64, 96, 1), (224, 336)),
        ((128, 128, 3), (224, 224)),
        ((224, 300, 3), (224, 300)),
    ],
)
def test_sizes_that_strengths_are_made_for(shape, enlarged):
    assert corruptions._enlarged(shape) == enlarged


@needs_library
@pytest.mark.parametrize("channels", [1, 3])
@every_corruption
def test_computes_them_the_same_each_time(name, channels):
    data = make(channels=channels)
    before = np.random.get_state()[1].copy()
    split, source = corruptions.load(data, name, 5)
    assert source == "imagecorruptions"
    assert split.images.shape == data.test.images.shape
    assert np.any(split.images != data.test.images)
    again, _ = corruptions.load(data, name, 5, images=2)
    np.testing.assert_array_equal(again.images, split.images[:2])
    np.testing.assert_array_equal(np.random.get_state()[1], before)
