"""What `load` takes: names, arrays, pipelines."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.datasets import load
from fred_tf.datasets.preparation import Preparation


@pytest.fixture
def images(generator):
    return generator.integers(0, 256, (12, 8, 8, 3), np.uint8)


LABELS = np.arange(12) % 3


def test_arrays_with_and_without_test_images(images):
    alone = load((images, LABELS))
    assert alone.name == "arrays"
    assert alone.class_names == ("0", "1", "2")
    assert alone.test is None
    with pytest.raises(ValueError, match="'arrays', which has none.*holdout"):
        _ = alone.scored
    both = load(((images, LABELS), (images[:3], LABELS[:3])), name="mine")
    assert both.name == "mine" and len(both.scored) == 3
    np.testing.assert_array_equal(both.train.images, images)
    held = load((images, LABELS), holdout=0.25)
    assert held.name == "arrays, holdout 0.25" and len(held.scored) == 3


def test_grey_images_and_columns_of_labels(images):
    grey = images[..., 0] / np.float32(255)
    data = load((grey, LABELS[:, None]))
    assert data.image_shape == (8, 8, 1)
    np.testing.assert_array_equal(data.train.labels, LABELS)


@pytest.mark.parametrize("batch", [0, 5])
def test_pipelines_batched_or_not(images, batch):
    pipeline = tf.data.Dataset.from_tensor_slices((images, LABELS))
    if batch:
        pipeline = pipeline.batch(batch)
    data = load((pipeline, pipeline.take(2)))
    np.testing.assert_array_equal(data.train.images, images)
    np.testing.assert_array_equal(data.train.labels, LABELS)
    assert len(data.scored) == 2 * max(1, batch)
    assert load(pipeline).test is None


@pytest.mark.parametrize(
    ("column", "batch"), [(False, 0), (False, 5), (True, 0), (True, 5)]
)
@pytest.mark.parametrize("grey", [False, True])
def test_pipelines_of_grey_images_and_columns(images, grey, column, batch):
    shown = images[..., 0] if grey else images
    labels = LABELS[:, None] if column else LABELS
    pipeline = tf.data.Dataset.from_tensor_slices((shown, labels))
    data = load(pipeline.batch(batch) if batch else pipeline)
    np.testing.assert_array_equal(
        data.train.images, shown[..., None] if grey else shown
    )
    np.testing.assert_array_equal(data.train.labels, LABELS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.repeat(), "must end"),
        (lambda d: d.map(lambda image, label: image), r"\(image, label\)"),
        (lambda d: d.map(lambda x, y: ({"image": x}, y)), "arrays of numbers"),
        (lambda d: d.map(lambda x, y: (x, {"label": y})), "arrays of numbers"),
        (lambda d: d.map(lambda x, y: ("a.png", y)), "numbers.*tf.string"),
        (lambda d: d.take(0), "must have elements"),
    ],
)
def test_pipelines_that_cannot_be_read(images, change, message):
    pipeline = tf.data.Dataset.from_tensor_slices((images, LABELS))
    with pytest.raises(ValueError, match=message):
        load(change(pipeline))


def test_pipelines_of_ragged_images_are_refused(images):
    rows = tf.ragged.constant([[1, 2], [3]])
    pipeline = tf.data.Dataset.from_tensor_slices((rows, LABELS[:2]))
    with pytest.raises(ValueError, match="numbers.*Received.*RaggedTensorSpec"):
        load(pipeline)


def test_one_hot_rows_as_long_as_images_are_high_are_no_batches():
    rows = np.eye(8, dtype=np.int64)[np.arange(16) % 8]
    shown = np.zeros((16, 8, 8, 3), np.uint8)
    pipeline = tf.data.Dataset.from_tensor_slices((shown, rows))
    with pytest.raises(ValueError, match="one-hot|argmax|integers"):
        load(pipeline)


def test_looking_for_damage_keeps_published_constants():
    plain, careful = (
        load("digits", preparation=Preparation(**how))
        for how in ({}, {"skip_corrupt": True})
    )
    assert plain.normalization == careful.normalization


def test_images_of_many_sizes_say_so(images):
    pipeline = tf.data.Dataset.from_generator(
        lambda: ((images[0, :size], 0) for size in (4, 8)),
        output_signature=(
            tf.TensorSpec([None, 8, 3], tf.uint8),
            tf.TensorSpec([], tf.int32),
        ),
    )
    with pytest.raises(ValueError, match="same size.*tf.image.resize"):
        load(pipeline)


def test_what_is_no_data_is_refused(images):
    with pytest.raises(TypeError, match="pair of arrays.*Received: int"):
        load(3)
    given = [[0, 1], [0, 1]], (LABELS, [0])
    for odd, told in zip(given, ("list of list of int, int, ", "tuple of nd")):
        with pytest.raises(TypeError, match=f"Rec.*: {told}.*numpy.asarray"):
            load(odd)
    with pytest.raises(ValueError, match="handed over in memory"):
        load("arrays")
    with pytest.raises(ValueError, match="must be a float|must be uint8"):
        load((images.astype(np.int64), LABELS))
    with pytest.raises(ValueError, match="Divide pixels by 255"):
        load((images.astype(np.float32), LABELS))


def test_classes_in_memory_may_be_named(images):
    data = load((images, LABELS), class_names=["ant", "bee", "wasp"])
    assert data.class_names == ("ant", "bee", "wasp")
    told = load((images, LABELS), class_names=np.array(data.class_names))
    assert repr(told.class_names) == repr(data.class_names)  # Stands in code.
    for odd in (["ant", "bee"], {"ant", "bee", "wasp"}, np.array("ant"), 3):
        with pytest.raises(ValueError, match="name each of 3 .*Give a list"):
            load((images, LABELS), class_names=odd)
    with pytest.raises(ValueError, match="Received: 'abc'. Give a list"):
        load((images, LABELS), class_names="abc")
    with pytest.raises(ValueError, match="for data in memory.*Leave it out"):
        load("digits", class_names=list("0123456789"))
    with pytest.raises(ValueError, match="`name` is for data in .*'mine'"):
        load("digits", name="mine")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"preparation": 64}, "`preparation` must be a `Preparation`. .*: 64"),
        ({"holdout": "0.1"}, "`holdout` must be a number. Received: '0.1'"),
    ],
)
def test_arguments_of_another_kind_are_refused(images, given, message):
    with pytest.raises(TypeError, match=message):
        load((images, LABELS), **given)


def test_a_normalization_that_is_no_name_is_refused(images):
    with pytest.raises(ValueError, match="must be one of .*Received: None"):
        load((images, LABELS), normalization=None)


def test_one_class_and_labels_of_none_are_refused(images):
    with pytest.raises(ValueError, match="at least two classes"):
        load((images, 0 * LABELS))
    with pytest.raises(ValueError, match="-1 to 1. Below 0 .* leave them out"):
        load((images, LABELS - 1))
    with pytest.raises(ValueError, match="largest value .* 65535 of uint16"):
        load((images.astype(np.uint16), LABELS))
    # What the holdout replaces need not be fit for scores.
    alone = (images[:1], LABELS[:1])
    assert len(load(((images, LABELS), alone), holdout=0.25).scored) == 3
    with pytest.raises(ValueError, match="none of '1', '2' in 'arrays'"):
        load(((images, LABELS), alone))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gs://photos", "must be a path of this machine"),
        ("photos[1]", "must hold none of"),
        ("", "must name a file or folder"),
        ("a\nb", "must hold no control characters"),
        ("ph\udce9", "must be UTF-8"),
    ],
)
def test_paths_are_checked(path, message):
    with pytest.raises(ValueError, match=f"`folder:` {message}"):
        load(f"folder:{path}")
    with pytest.raises(ValueError, match=f"`data_dir` {message}"):
        load("digits", data_dir=path)


def test_a_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/photos must hold"):
        load("folder:~/photos")


def test_names_in_memory_are_lines(images):
    with pytest.raises(ValueError, match="`dataset` must be a single line"):
        load((images, LABELS), name="my\nphotos")


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("digits", {}, r"\(8, 8, 1\) of 10 .*\(8, 8, 3\) of 3.*another name"),
        ("mnist:mine", {"colour": "rgb"}, r"\(28, 28, 3\) of 10 classes"),
        ("mine, holdout 0.5", {}, "Received: 'mine, holdout 0.5'. Choose ano"),
    ],
)
def test_names_in_memory_are_not_those_of_other_data(
    images, name, given, message
):
    """Settings would take the sizes of these, and records their split."""
    with pytest.raises(ValueError, match=message):
        load((images, LABELS), name=name, preparation=Preparation(**given))


def test_a_known_set_in_memory_is_standardised_by_itself(digits):
    pair = digits.train.images, digits.train.labels
    data = load(pair, name="digits")
    assert data.normalization.mean != digits.normalization.mean
    with pytest.raises(ValueError, match="another name"):
        load((pair[0][pair[1] < 9], pair[1][pair[1] < 9]), name="digits")


@pytest.mark.parametrize("largest", [12, 2**31 - 1])
def test_classes_are_as_many_as_can_be(images, largest):
    """Nothing is made for each of two thousand million names."""
    labels = LABELS.copy()
    labels[0] = largest
    with pytest.raises(ValueError, match=f"without gaps.*label {largest} "):
        load((images, labels))


@pytest.mark.parametrize(("step", "is_told"), [(1, True), (85, False)])
def test_bytes_of_fewer_bits_are_told_of(images, step, is_told, caplog):
    """Their numbers stay: only who made them knows what is meant."""
    few = images // np.uint8(64) * np.uint8(step)
    data = load((few, LABELS))
    np.testing.assert_array_equal(data.train.images, few)
    assert ("hardly more than black" in caplog.text) == is_told
