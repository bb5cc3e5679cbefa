"""What `load` takes: names, arrays, pipelines."""

import numpy as np
import pytest
import tensorflow as tf

from fred_tf.datasets import load


@pytest.fixture
def images(generator):
    return generator.integers(0, 256, (12, 8, 8, 3), np.uint8)


LABELS = np.arange(12) % 3


def test_arrays_with_and_without_test_images(images):
    alone = load((images, LABELS))
    assert alone.name == "arrays"
    assert alone.class_names == ("0", "1", "2")
    assert alone.test is None
    with pytest.raises(ValueError, match="'arrays' has none.*holdout"):
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
    data = load((pipeline, pipeline.take(1)))
    np.testing.assert_array_equal(data.train.images, images)
    np.testing.assert_array_equal(data.train.labels, LABELS)
    assert len(data.scored) == max(1, batch)
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
        (lambda d: d.take(0), "must have elements"),
    ],
)
def test_pipelines_that_cannot_be_read(images, change, message):
    pipeline = tf.data.Dataset.from_tensor_slices((images, LABELS))
    with pytest.raises(ValueError, match=message):
        load(change(pipeline))


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
    with pytest.raises(ValueError, match="handed over in memory"):
        load("arrays")
    with pytest.raises(ValueError, match="must be a float|must be uint8"):
        load((images.astype(np.int64), LABELS))
    with pytest.raises(ValueError, match="Divide pixels by 255"):
        load((images.astype(np.float32), LABELS))
