"""CIFAR-10.1, CIFAR-10-C and ImageNet-C as TFDS keeps them, but tiny."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from fred_tf.datasets import (
    ImageData,
    Split,
    corruptions,
    dataset_spec,
    test_sets,
)
from fred_tf.normalizations import Standardize
from tests.datasets.prepared import prepare

NAMES = dataset_spec.classes_of("cifar10", map(str, range(10)))
IMAGE = tfds.features.Image(shape=(32, 32, 3))
# Their code in TFDS does not name the classes.
NUMBERED = tfds.features.ClassLabel(num_classes=10)


def make(
    dataset="cifar10", class_names=NAMES, size=32, classes=10
) -> ImageData:
    shape = (20, size, size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    split = Split(pixels, np.arange(20) % classes)
    fit = Standardize.fit(pixels)
    return ImageData(dataset, split, split, class_names, fit)


def examples(level: int, classes: int = 10, size: int = 32):
    """Returns two images of each class, all of one level."""
    return [
        {"image": np.full((size, size, 3), level, np.uint8), "label": label}
        for label in [*range(classes)] * 2
    ]


def written(folder, level, label=NUMBERED, split="test", classes=10):
    features = {"image": IMAGE, "label": label}
    prepare(folder, features, {split: examples(level, classes)})


@pytest.fixture
def folder(tmp_path):
    for config, level in (("v4", 4), ("v6", 6)):
        written(tmp_path / "cifar10_1" / config / "1.1.0", level)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "level"),
    [("cifar10_1", 6), ("cifar10_1/v4", 4), ("cifar10_1/v6:1.1.0", 6)],
)
def test_a_version_of_the_other_test_set_is_read(folder, name, level):
    split = test_sets.load(make(), test_sets.named(name), folder)
    assert len(split) == 20 and set(np.unique(split.images)) == {level}
    np.testing.assert_array_equal(split.labels, np.arange(20) % 10)


def test_numbers_stand_for_the_classes_of_cifar10_alone(folder):
    """SVHN has ten numbers and 32 x 32 pixels, too."""
    numbers = tuple(map(str, range(10)))
    assert len(test_sets.load(make("cifar10", numbers), "cifar10_1/v6", folder))
    for data in (
        make("svhn_cropped", numbers),
        make(class_names=("plane", *NAMES[1:])),
        make(class_names=NAMES[::-1]),
    ):
        with pytest.raises(ValueError, match="classes .* Received: .*airplane"):
            test_sets.load(data, "cifar10_1/v6", folder)


def test_what_does_not_fit_is_refused(folder, caplog):
    with pytest.raises(ValueError, match=r"shape of 'cifar10'.*\(16, 16, 3\)"):
        test_sets.load(make(size=16), "cifar10_1/v6", folder)
    with pytest.raises(FileNotFoundError, match="spatter_3.*--download"):
        test_sets.load(make(), "cifar10_corrupted/spatter_3", folder)
    with pytest.raises(ValueError, match="Did you mean.*'cifar10_1'"):
        test_sets.load(make(), "cifar101", folder)
    for name in ("digits", "folder:photos", "file:own.npz"):
        with pytest.raises(ValueError, match=f"`--test_on` .*: '{name}'"):
            test_sets.load(make(), name, folder)
    names = tfds.features.ClassLabel(names=list(NAMES))
    written(folder / "untested" / "1.0.0", 1, names, "train")
    with pytest.raises(ValueError, match=r"labels. Received: \['train'\]"):
        test_sets.load(make(), "untested", folder)
    written(folder / "single" / "1.0.0", 1, names, classes=1)
    with pytest.raises(ValueError, match="at least two classes"):
        test_sets.load(make(), "single", folder)
    written(folder / "fewer" / "1.0.0", 1, names, classes=9)
    assert len(test_sets.load(make(), "fewer", folder)) == 18
    assert "has NO image of 'truck'" in caplog.text


def test_an_extra_corruption_is_a_test_set(folder):
    written(folder / "cifar10_corrupted" / "spatter_3" / "1.0.0", 3)
    split = test_sets.load(make(), "cifar10_corrupted/spatter_3", folder)
    assert split.images.max() == 3


def test_cifar10_c_is_read_whole_and_in_the_order_of_tables(tmp_path):
    """Its builder has no names for the classes, and four corruptions more."""
    for level, name in enumerate(corruptions.CORRUPTIONS):
        name = corruptions.CIFAR_NAMES.get(name, name)
        config = tmp_path / "cifar10_corrupted" / f"{name}_2" / "1.0.0"
        written(config, level)
    all_names = corruptions.named("all")
    splits, facts = corruptions.load_all(make(), all_names, 2, tmp_path)
    assert [s.images[0, 0, 0, 0] for s in splits.values()] == [*range(15)]
    assert facts["severity"] == 2
    assert facts["sources"]["elastic_transform"].endswith("/elastic_2")
    assert corruptions.source(facts) == "tfds:cifar10_corrupted"
    assert {len(split) for split in splits.values()} == {20}
    few, _ = corruptions.load(make(), "fog", 2, tmp_path, images=10)
    assert len(few) == 10


def test_a_subset_of_imagenet_c_is_read(tmp_path):
    """Its classes alone, numbered as the subset is, at the subset's size."""
    synsets = ["n01440764", "n01443537", "n01484850"]  # As its builder has it.
    features = {
        "image": tfds.features.Image(shape=(14, 14, 3)),
        "label": tfds.features.ClassLabel(names=synsets),
    }
    wanted = ("shot_noise", "glass_blur", "elastic_transform")
    for level, name in enumerate(wanted):
        folder = tmp_path / "imagenet2012_corrupted" / f"{name}_5" / "3.1.0"
        told = examples(level, classes=3, size=14)
        prepare(folder, features, {"validation": told})
    data = make("imagenet2012", (synsets[2], synsets[0]), size=8, classes=2)
    splits, facts = corruptions.load_all(data, wanted, 5, tmp_path)
    assert [s.images[0, 0, 0, 0] for s in splits.values()] == [0, 1, 2]
    assert facts["sources"]["glass_blur"].endswith("/glass_blur_5")
    assert corruptions.source(facts) == "tfds:imagenet2012_corrupted"
    for split in splits.values():
        assert split.images.shape == (4, 8, 8, 3)
        np.testing.assert_array_equal(split.labels, [1, 0, 1, 0])


def test_only_corruptions_are_in_their_mean():
    values = {"cifar10_1/v6": (0.9, 0.9), "fog": (0.2, 0.4), "snow": (0.4, 0.4)}
    assert corruptions.means(values) == pytest.approx((0.3, 0.4))
