import socket
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds

from fred_tf import datasets
from fred_tf.datasets import tfds_images
from tests.datasets.prepared import EXAMPLES, IMAGE, LABEL, prepare


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def insects(tmp_path):
    folder = tmp_path / "insects" / "1.0.0"
    prepare(
        folder,
        {"image": IMAGE, "label": LABEL, "id": tfds.features.Text()},
        {"train": EXAMPLES, "test": EXAMPLES[:2]},
    )
    return folder


@pytest.mark.parametrize("name", ["insects", "insects:1.0.0", "insects:1.*.*"])
def test_a_prepared_folder_is_read_without_its_code(insects, tmp_path, name):
    data = datasets.load(name, str(tmp_path))
    assert data.name == name
    assert data.class_names == ("ant", "bee")
    assert data.image_shape == (4, 5, 3)
    assert data.train.images.dtype == np.uint8
    np.testing.assert_array_equal(
        data.train.images, [example["image"] for example in EXAMPLES]
    )
    np.testing.assert_array_equal(data.train.labels, [0, 1, 0, 1, 0, 1])
    assert len(data.test) == 2
    pixels = data.train.images.reshape(-1, 3) / 255
    np.testing.assert_allclose(data.normalization.mean, pixels.mean(0))


def test_known_names_keep_their_published_constants(tmp_path):
    rows = [
        {"image": np.full((28, 28, 1), 9 * label, np.uint8), "label": label}
        for label in range(10)
    ]
    prepare(
        tmp_path / "mnist" / "3.0.1",
        {
            "image": tfds.features.Image(shape=(28, 28, 1)),
            "label": tfds.features.ClassLabel(num_classes=10),
        },
        {"train": rows, "test": rows},
    )
    data = datasets.load("mnist", str(tmp_path))
    assert data.normalization.mean == (0.1307,)
    assert data.class_names == tuple("0123456789")


def test_a_set_under_a_known_name_must_have_its_size(tmp_path):
    prepare(
        tmp_path / "mnist" / "1.0.0",
        {"image": IMAGE, "label": LABEL},
        {"train": EXAMPLES, "test": EXAMPLES},
    )
    with pytest.raises(ValueError, match=r"\(28, 28, 1\).*\(4, 5, 3\) of 2"):
        datasets.load("mnist:1.0.0", str(tmp_path))


def test_validation_stands_in_for_test(tmp_path):
    prepare(
        tmp_path / "insects" / "1.0.0",
        {"image": IMAGE, "label": LABEL},
        {"train": EXAMPLES, "validation": EXAMPLES[:3]},
    )
    data = datasets.load("insects", str(tmp_path))
    assert len(data.test) == 3
    assert data.facts.to_json()["tested_on"] == "validation"


def test_a_set_without_test_images_holds_some_back(tmp_path, caplog):
    prepare(
        tmp_path / "insects" / "1.0.0",
        {"image": IMAGE, "label": LABEL},
        {"train": EXAMPLES},
    )
    data = datasets.load("insects", str(tmp_path))
    assert (len(data.train), len(data.test)) == (4, 2)
    assert "held-back fifth" in data.facts.tested_on
    assert "has no test images with labels" in caplog.text


def test_a_set_without_training_images_is_refused(tmp_path):
    prepare(
        tmp_path / "insects" / "1.0.0",
        {"image": IMAGE, "label": LABEL},
        {"test": EXAMPLES},
    )
    with pytest.raises(
        ValueError, match=r"`train` split. Received: \['test'\]"
    ):
        datasets.load("insects", str(tmp_path))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"image": IMAGE, "id": tfds.features.Text()}, "'label'.*'id': 'Text'"),
        ({"id": tfds.features.Text(), "label": LABEL}, "'image'.*'id': 'Text'"),
    ],
)
def test_unsuitable_features_are_listed(tmp_path, features, message):
    prepare(
        tmp_path / "insects" / "1.0.0",
        features,
        {"train": EXAMPLES, "test": EXAMPLES},
    )
    with pytest.raises(ValueError, match=message):
        datasets.load("insects", str(tmp_path))


def test_unsuitable_sets_are_refused_before_any_download(tmp_path):
    with pytest.raises(ValueError, match="'image' of type Image"):
        datasets.load("imdb_reviews", str(tmp_path), download=True)


@pytest.mark.parametrize("name", ["cifar10", "fashion_mnist:3.0.1"])
def test_a_missing_set_is_refused_at_once(tmp_path, name):
    begun = time.monotonic()
    with pytest.raises(
        FileNotFoundError, match=f"{tmp_path}.*--download.*--data_dir"
    ):
        datasets.load(name, str(tmp_path))
    assert time.monotonic() - begun < 5
    assert not list(tmp_path.iterdir())


def test_download_is_asked_for_missing_sets_only(
    insects, tmp_path, monkeypatch
):
    class Downloading(Exception):
        pass

    def download(builder):
        raise Downloading(builder.name)

    monkeypatch.setattr(
        tfds.core.DatasetBuilder, "download_and_prepare", download
    )
    assert len(datasets.load("insects", str(tmp_path), download=True).train)
    with pytest.raises(Downloading, match="cifar10"):
        datasets.load("cifar10", str(tmp_path), download=True)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("ciphar10", "cifar10"),
        ("MNIST", "mnist"),
        ("insect", "insects"),
        ("huggingface:mnist", "svhn_cropped"),
        ("my data", "svhn_cropped"),
        ("", "svhn_cropped"),
    ],
)
def test_unknown_names_suggest_known_ones(insects, tmp_path, name, near):
    with pytest.raises(ValueError, match=f"Did you mean one of.*'{near}'"):
        datasets.load(name, str(tmp_path), download=True)


def test_a_path_alone_is_told_from_a_name(tmp_path):
    with pytest.raises(ValueError, match=f"one of .'folder:{tmp_path}'"):
        datasets.load(str(tmp_path))
    (tmp_path / "a.npz").write_bytes(b"")
    with pytest.raises(ValueError, match=f"Python.*'file:{tmp_path}/a.npz'"):
        datasets.load(f"{tmp_path}/a.npz")


def test_an_unknown_version_of_an_own_set_is_refused(insects, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"insects must hold.*Received: \['1.0.0'\]"
    ):
        datasets.load("insects:2.0.0", str(tmp_path))


def test_metadata_are_needed(insects, tmp_path):
    (insects / "features.json").unlink()
    with pytest.raises(FileNotFoundError, match="with features.json"):
        datasets.load("insects", str(tmp_path))


def test_an_unknown_version_is_refused(tmp_path):
    with pytest.raises(ValueError, match="version 9.9.9, only: 3.0.1"):
        datasets.load("mnist:9.9.9", str(tmp_path), download=True)


def flipped(content):
    return content[:200] + bytes([content[200] ^ 1]) + content[201:]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-10], "record 5, .* claims 190 bytes"),
        (lambda content: b"", "0 bytes cannot hold 6 images"),
        (lambda content: 2 * content, "expected to contain 6 elements"),
        (flipped, "corrupted record"),
    ],
)
def test_damaged_shards_are_reported_with_their_path(
    insects, tmp_path, damage, message
):
    shard = insects / "insects-train.tfrecord-00000-of-00001"
    shard.write_bytes(damage(shard.read_bytes()))
    with pytest.raises(OSError, match=f"{insects} is damaged.*{message}"):
        datasets.load("insects", str(tmp_path))


def test_a_missing_shard_is_reported(insects, tmp_path):
    (insects / "insects-test.tfrecord-00000-of-00001").unlink()
    with pytest.raises(OSError, match=f"{insects} is damaged.*No such file"):
        datasets.load("insects", str(tmp_path))


@pytest.mark.parametrize("file", ["features.json", "dataset_info.json"])
def test_damaged_metadata_are_reported(insects, tmp_path, file):
    (insects / file).write_text('{"fea')
    with pytest.raises(OSError, match=f"{insects} is damaged.*{file}"):
        datasets.load("insects", str(tmp_path))


def test_some_classes_of_a_test_split_are_read(tmp_path):
    """Numbered by their place in the list, resized."""
    features = {
        "image": tfds.features.Image(shape=(4, 6, 3)),
        "label": tfds.features.ClassLabel(names=["ant", "bee", "cow", "dog"]),
    }
    examples = [
        {"image": np.full((4, 6, 3), 10 * n, np.uint8), "label": n % 4}
        for n in range(8)
    ]
    prepare(tmp_path / "animals" / "1.0.0", features, {"validation": examples})
    split = tfds_images.read_classes(
        "animals", str(tmp_path), ("dog", "bee"), (2, 2, 3)
    )
    np.testing.assert_array_equal(split.labels, [1, 0, 1, 0])
    assert split.images.shape == (4, 2, 2, 3)
    assert split.images.dtype == np.uint8
    np.testing.assert_array_equal(split.images[:, 0, 0, 0], [10, 30, 50, 70])
    with pytest.raises(ValueError, match=r"lacks \['cat'\]"):
        tfds_images.read_classes(
            "animals", str(tmp_path), ("cat", "dog"), (2, 2, 3)
        )


def test_a_split_without_labels_is_not_used(tmp_path, caplog):
    """Competitions keep the labels of their test images."""
    hidden = [{**example, "label": -1} for example in EXAMPLES]
    features = {"image": IMAGE, "label": LABEL}
    splits = {"train": EXAMPLES, "test": hidden, "validation": EXAMPLES[:4]}
    prepare(tmp_path / "insects" / "1.0.0", features, splits)
    assert len(datasets.load("insects", tmp_path).test) == 4
    assert "The split `test` of insects has no labels (-1)" in caplog.text
    del splits["validation"]
    prepare(tmp_path / "moths" / "1.0.0", features, splits)
    assert len(datasets.load("moths", tmp_path).scored) == 2
    assert len(datasets.load("moths", tmp_path, holdout=0.4).test) == 2


def test_sixteen_bits_keep_their_levels(tmp_path):
    """As folders of such images do."""
    levels = np.arange(40, dtype=np.uint16).reshape(2, 4, 5, 1) * 1000
    examples = [{"image": x, "label": n} for n, x in enumerate(levels)]
    image = tfds.features.Image(shape=(4, 5, 1), dtype=np.uint16)
    prepare(
        tmp_path / "insects" / "1.0.0",
        {"image": image, "label": LABEL},
        {"train": examples, "test": examples},
    )
    data = datasets.load("insects", tmp_path)
    np.testing.assert_array_equal(
        data.train.images, levels.astype(np.float32) / np.float32(65535)
    )


@pytest.mark.parametrize("name", ["fly\x07", "fl\x85y"])
def test_names_of_classes_are_checked(tmp_path, name):
    names = tfds.features.ClassLabel(names=["ant", name])
    prepare(
        tmp_path / "insects" / "1.0.0",
        {"image": IMAGE, "label": names},
        {"train": EXAMPLES, "test": EXAMPLES},
    )
    with pytest.raises(ValueError, match="`class_names` must be .*Rename"):
        datasets.load("insects", tmp_path)


def test_names_that_are_no_utf8_are_damage(insects, tmp_path):
    (insects / "label.labels.txt").write_bytes(b"ant\nb\xe9e\n")
    with pytest.raises(
        OSError, match=f"{insects} is damaged.*labels.txt.*utf-8"
    ):
        datasets.load("insects", tmp_path)


def test_classes_of_another_order_are_no_corrupted_copy(insects, tmp_path):
    assert len(tfds_images.read_test("insects", tmp_path, ("ant", "bee"))) == 2
    with pytest.raises(ValueError, match=r"\['bee', 'ant'\]. Received: "):
        tfds_images.read_test("insects", tmp_path, ("bee", "ant"))
    assert tfds_images.is_prepared("insects", tmp_path)
    assert not tfds_images.is_prepared("cifar10_corrupted/fog_5", tmp_path)
