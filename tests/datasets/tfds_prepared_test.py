"""Sets of TensorFlow Datasets as they are: of any sizes, classes chosen."""

import os

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from fred_tf import datasets
from fred_tf.datasets import tfds_examples
from fred_tf.datasets.preparation import Preparation
from tests.datasets.prepared import EXAMPLES, IMAGE, LABEL, prepare

ANY = {"image": tfds.features.Image(shape=(None, None, None)), "label": LABEL}


@pytest.fixture
def of_any_size(tmp_path, generator):
    """Six images of six sizes, one of them grey."""
    examples = [
        {
            "image": generator.integers(
                0, 256, (6 + n, 12 - n, 1 if n == 2 else 3), np.uint8
            ),
            "label": n % 2,
        }
        for n in range(6)
    ]
    splits = {"train": examples, "validation": examples[:4]}
    prepare(tmp_path / "insects" / "1.0.0", ANY, splits)
    return [example["image"] for example in examples]


def test_images_of_undeclared_sizes_become_of_one(of_any_size, tmp_path):
    squash = Preparation(6, "squash")
    data = datasets.load("insects", tmp_path, preparation=squash)
    expected = [squash(image, 3) for image in of_any_size]
    np.testing.assert_array_equal(data.train.images, expected)
    np.testing.assert_array_equal(data.test.images, expected[:4])
    assert data.facts.preparation == {"image_size": 6, "resize": "squash"}


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (0, "6 x 12 in image 0 of 'train'.*7 x 11 in image 1.*image_size=6"),
        (7, "6 x 12 in image 0 of 'train'.*enlarge"),
    ],
)
def test_sizes_are_told_before_anything_is_decoded(
    of_any_size, tmp_path, size, message, monkeypatch
):
    monkeypatch.setattr(tfds_examples.pictures, "decode", None)
    with pytest.raises(ValueError, match=message):
        datasets.load("insects", tmp_path, preparation=Preparation(size))


class Torn(tfds.features.Image):
    """Writes the third image without its end."""

    def encode_example(self, image):
        if isinstance(image, bytes):
            return image
        whole = super().encode_example(image)
        return whole[:45] if np.max(image) == 0 else whole


@pytest.mark.parametrize("shape", [(4, 5, 3), (None, None, 3)])
def test_damaged_images_are_left_out_when_asked(tmp_path, shape):
    examples = [dict(example) for example in EXAMPLES]
    examples[2]["image"] = np.zeros((4, 5, 3), np.uint8)
    folder = tmp_path / "insects" / "1.0.0"
    splits = {"train": examples, "test": EXAMPLES}
    prepare(folder, {"image": Torn(shape=shape), "label": LABEL}, splits)
    image = tfds.features.Image(shape=shape)
    tfds.features.FeaturesDict({"image": image, "label": LABEL}).save_config(
        folder
    )
    with pytest.raises((OSError, ValueError), match="damaged|image 2 of 'tr"):
        datasets.load("insects", tmp_path)
    data = datasets.load(
        "insects", tmp_path, preparation=Preparation(skip_corrupt=True)
    )
    assert len(data.train) == 5 and len(data.test) == 6
    assert data.facts.preparation["left_out"] == 1


@pytest.mark.parametrize(
    ("declared", "stored", "kind"),
    [
        ((4, 5, 1), (4, 5, 1), np.float32),
        ((4, 5, 3), (4, 5, 4), np.uint8),
        ((4, 5, 1), (4, 5, 3), np.uint8),
    ],
)
def test_leaving_out_damage_changes_no_pixel(
    tmp_path, generator, declared, stored, kind
):
    """Images are what their feature says, not what their files look like."""
    images = generator.random((6, *stored), np.float32)
    if kind == np.uint8:
        bytes_ = (255 * images).astype(np.uint8)
        images = [tf.io.encode_png(one).numpy() for one in bytes_]
    rows = [{**row, "image": one} for row, one in zip(EXAMPLES, images)]
    splits, shaped = {"train": rows, "test": rows}, {"shape": declared}
    folder = tmp_path / "insects" / "1.0.0"
    prepare(
        folder, {"image": Torn(**shaped, dtype=kind), "label": LABEL}, splits
    )
    image = tfds.features.Image(**shaped, dtype=kind)
    tfds.features.FeaturesDict({"image": image, "label": LABEL}).save_config(
        folder
    )
    plain, careful = (
        datasets.load("insects", tmp_path, preparation=Preparation(**how))
        for how in ({}, {"skip_corrupt": True})
    )
    np.testing.assert_array_equal(plain.train.images, careful.train.images)
    if kind == np.float32:
        np.testing.assert_array_equal(plain.train.images, images)


def test_float32_of_any_size_is_refused(tmp_path):
    """Its files are those of pictures of four channels of 8 bits."""
    image = tfds.features.Image(shape=(None, None, 1), dtype=np.float32)
    rows = [
        {**row, "image": np.ones((4, 5, 1), np.float32)} for row in EXAMPLES
    ]
    splits = {"train": rows, "test": rows}
    folder = tmp_path / "insects" / "1.0.0"
    prepare(folder, {"image": image, "label": LABEL}, splits)
    with pytest.raises(ValueError, match="float32 must .*Write them as uint8"):
        datasets.load("insects", tmp_path)


def test_some_classes_are_a_data_set(tmp_path):
    names = tfds.features.ClassLabel(names=["ant", "bee", "cow", "dog"])
    examples = [
        {"image": np.full((4, 5, 3), 10 * n, np.uint8), "label": n % 4}
        for n in range(8)
    ]
    prepare(
        tmp_path / "animals" / "1.0.0",
        {"image": IMAGE, "label": names},
        {"train": examples, "test": examples},
    )
    for classes in ("dog,bee", "3, 1"):
        data = datasets.load(
            "animals", tmp_path, preparation=Preparation(classes=classes)
        )
        assert data.class_names == ("dog", "bee")
        np.testing.assert_array_equal(data.train.labels, [1, 0, 1, 0])
        np.testing.assert_array_equal(
            data.train.images[:, 0, 0, 0], [10, 30, 50, 70]
        )
    with pytest.raises(ValueError, match="'dgo'. Did you mean 'dog'"):
        datasets.load(
            "animals", tmp_path, preparation=Preparation(classes="dgo,bee")
        )


@pytest.mark.parametrize("any_size", [True, False])
def test_images_of_other_classes_are_not_decoded(
    tmp_path, any_size, monkeypatch
):
    """Of a thousand classes ten may be wanted."""
    feature = ANY["image"] if any_size else IMAGE
    names = tfds.features.ClassLabel(names=["ant", "bee", "cow"])
    examples = [
        {"image": np.full((4, 5, 3), n, np.uint8), "label": n % 3}
        for n in range(12)
    ]
    folder = tmp_path / "animals" / "1.0.0"
    splits = {"train": examples, "test": examples}
    prepare(folder, {"image": feature, "label": names}, splits)
    decoded = []
    for room in (tfds_examples.pictures, tfds_examples.encoded_images):
        decode = room.decode
        monkeypatch.setattr(
            room,
            "decode",
            lambda data, where, *how, decode=decode: (
                decoded.append(where) or decode(data, where, *how)
            ),
        )
    preparation = Preparation(classes="cow,ant", skip_corrupt=True)
    data = datasets.load("animals", tmp_path, preparation=preparation)
    levels = [0, 2, 3, 5, 6, 8, 9, 11]
    np.testing.assert_array_equal(data.train.images[:, 0, 0, 0], levels)
    np.testing.assert_array_equal(data.train.labels, [1, 0] * 4)
    assert len(decoded) == 16
    assert decoded[1].startswith("image 2 of 'train'")


def test_known_constants_are_of_images_as_they_come(tmp_path):
    rows = [
        {"image": np.full((28, 28, 1), 9 * label, np.uint8), "label": label}
        for label in range(10)
    ]
    image = tfds.features.Image(shape=(28, 28, 1))
    label = tfds.features.ClassLabel(num_classes=10)
    prepare(
        tmp_path / "mnist" / "3.0.1",
        {"image": image, "label": label},
        {"train": rows, "test": rows},
    )
    data = datasets.load("mnist", tmp_path, preparation=Preparation(14))
    assert data.image_shape == (14, 14, 1)
    assert data.normalization.mean != (0.1307,)


def test_equal_names_sizes_and_times_are_no_identity(tmp_path):
    """Volumes of one size would be read from the cache of others; by links."""
    told = []
    for part, examples in (("a", EXAMPLES), ("b", EXAMPLES[::-1])):
        folder = tmp_path / part / "insects" / "1.0.0"
        shown = {"image": IMAGE, "label": LABEL}
        prepare(folder, shown, {"train": examples})
        (path,) = folder.glob("*.tfrecord*")
        os.utime(path, (1, 1))
        path.symlink_to(path.rename(tmp_path / part / "kept"))
        builder = tfds.builder_from_directory(folder)
        told.append(tfds_examples.raw(builder, "train").identity)
    assert told[0]["files"][0][:3] == told[1]["files"][0][:3]
    assert told[0] != told[1]
