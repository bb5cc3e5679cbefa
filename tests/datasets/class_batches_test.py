import numpy as np
import pytest
import tensorflow as tf

from fred_tf import datasets, seeds
from fred_tf.datasets import ClassBatches, Split, class_batches
from fred_tf.normalizations import ZCA, Standardize

NUMBERED = Standardize((0.0,), (1 / 255,))


def numbered(labels, size=1):
    """Image i is filled with i, and `NUMBERED` leaves it so."""
    numbers = np.arange(len(labels), dtype=np.uint8)
    images = np.tile(numbers[:, None, None, None], (1, size, size, 1))
    return Split(images, labels)


def members(drawn):
    return np.rint(drawn[..., 0, 0, 0]).astype(int)


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits")


def test_images_are_real_normalised_and_of_their_class(digits):
    batches = ClassBatches(digits.train, digits.normalization, 10)
    drawn = batches.draw(seeds.named(0, "batch"), 7).numpy()
    assert drawn.shape == (10, 7, 8, 8, 1)
    assert drawn.dtype == np.float32
    mean, deviation = digits.normalization.mean, digits.normalization.deviation
    for label in range(10):
        own = digits.train.images[digits.train.labels == label]
        own = (own.astype(np.float64) - mean) / deviation
        distances = np.abs(drawn[label][:, None] - own[None]).max((2, 3, 4))
        assert distances.min(1).max() < 1e-5
        assert len(set(distances.argmin(1))) == 7


def test_images_are_whitened_once(digits, monkeypatch):
    """And in each draw where all of them would take too much memory."""
    zca = ZCA.fit(digits.train.images)
    once = ClassBatches(digits.train, zca, 10)
    monkeypatch.setattr(class_batches, "_MOST_BYTES", 0)
    each = ClassBatches(digits.train, zca, 10)
    monkeypatch.setattr(ZCA, "__call__", lambda *_: pytest.fail("again"))
    drawn = once.draw([1, 2], 7).numpy()
    monkeypatch.undo()
    np.testing.assert_allclose(drawn, each.draw([1, 2], 7), atol=1e-5)
    images, labels = once.draw_any([3, 4], 20)
    np.testing.assert_allclose(images, each.draw_any([3, 4], 20)[0], atol=1e-5)


def test_bytes_are_scaled():
    split = Split(np.full((2, 1, 1, 1), 51, np.uint8), [0, 1])
    batches = ClassBatches(split, Standardize((0.1,), (0.5,)), 2)
    drawn = batches.draw([0, 0], 1).numpy()
    np.testing.assert_allclose(drawn.ravel(), 0.2, rtol=1e-6)


def test_a_whole_class_is_drawn_as_a_permutation():
    split = numbered([1, 0, 1, 1, 0, 0])
    drawn = members(ClassBatches(split, NUMBERED, 2).draw([3, 4], 3).numpy())
    assert sorted(drawn[0]) == [1, 4, 5]
    assert sorted(drawn[1]) == [0, 2, 3]


def test_the_draw_follows_from_the_seed():
    batches = ClassBatches(numbered([0] * 200), NUMBERED, 1)
    first = members(batches.draw([1, 2], 20).numpy())
    again = members(batches.draw([1, 2], 20).numpy())
    other = members(batches.draw([1, 3], 20).numpy())
    np.testing.assert_array_equal(first, again)
    assert set(first[0]) != set(other[0])


def test_classes_draw_differently():
    batches = ClassBatches(numbered([0] * 100 + [1] * 100), NUMBERED, 2)
    first, second = members(batches.draw([1, 2], 20).numpy())
    assert set(first) != set(second - 100)


def test_every_image_and_pair_is_equally_likely():
    # Class 1 is the smaller one: what pads its row must not be drawn.
    batches = ClassBatches(numbered([0] * 12 + [1] * 6), NUMBERED, 2)
    draws = 3000
    stream = tf.data.Dataset.range(draws).map(
        lambda step: batches.draw(seeds.fold([5, 6], step), 3)
    )
    drawn = members(np.stack(list(stream.as_numpy_iterator())))
    for label, (first, size) in enumerate([(0, 12), (12, 6)]):
        pairs = np.zeros((size, size))
        for a, b, c in np.sort(drawn[:, label] - first):
            pairs[[a, a, b], [b, c, c]] += 1
        pairs = pairs[np.triu_indices(size, 1)]
        chance = 3 * 2 / (size * (size - 1))
        spread = np.sqrt(draws * chance * (1 - chance))
        assert pairs.sum() == 3 * draws
        assert np.abs(pairs - draws * chance).max() < 5 * spread


@pytest.mark.parametrize("wrap", [tf.function, lambda draw: draw])
def test_eager_function_and_stream_agree(digits, wrap):
    batches = ClassBatches(digits.train, digits.normalization, 10)
    expected = batches.draw(seeds.fold([1, 2], 0), 4)
    draw = wrap(lambda step: batches.draw(seeds.fold([1, 2], step), 4))
    # The same images; rounding may differ where a graph folds constants.
    np.testing.assert_allclose(draw(tf.constant(0)), expected, rtol=1e-6)
    stream = tf.data.Dataset.range(1).map(draw, num_parallel_calls=2)
    assert stream.element_spec.shape == (10, 4, 8, 8, 1)
    np.testing.assert_allclose(next(iter(stream)), expected, rtol=1e-6)


def test_a_graph_captures_the_images_without_copying_them():
    split = numbered([0] * 200, size=32)
    batches = ClassBatches(split, NUMBERED, 1)
    draw = tf.function(lambda seed: batches.draw(seed, 4))
    graph = draw.get_concrete_function(tf.TensorSpec([2], tf.int32)).graph
    assert split.images.nbytes > 200_000
    assert graph.as_graph_def().ByteSize() < 20_000


@pytest.mark.parametrize("per_class", [0, 3])
def test_too_small_a_class_is_named(per_class):
    batches = ClassBatches(numbered([0, 0, 0, 1, 1]), NUMBERED, 2)
    message = rf"class 1: 2\). Received: {per_class}"
    with pytest.raises(ValueError, match=message):
        batches.check(per_class)
    with pytest.raises(ValueError, match=message):
        batches.draw([0, 0], per_class)
    batches.check(2)


def test_a_missing_class_is_named():
    batches = ClassBatches(numbered([0, 2]), NUMBERED, 3)
    with pytest.raises(ValueError, match=r"class 1: 0\)"):
        batches.check(1)
