import numpy as np
import pytest

from fred_tf.parameterizations.frequency_mask import (
    MASK_RULES,
    choose_mask,
    energy_share,
    explained_variance_ratio,
    top_frequencies,
)
from fred_tf.transforms import DCT, DFT, TRANSFORMS, Identity


def by_covariance(coefficients):
    """The definition: e_d^T Cov e_d / trace(Cov), with the full matrix."""
    flat = coefficients.astype(np.float64).mean(-1)
    flat = flat.reshape(len(flat), -1)
    centred = flat - flat.mean(0)
    covariance = centred.T @ centred / (len(flat) - 1)
    ratios = [row[d] for d, row in enumerate(covariance)]
    return np.array(ratios) / np.trace(covariance)


def test_ratio_equals_the_covariance_definition(digits):
    images = digits.train.images[digits.train.labels == 3][:9]
    coefficients = DCT("none")(images).numpy()
    ratio = explained_variance_ratio(coefficients)
    np.testing.assert_allclose(
        ratio.ravel(), by_covariance(coefficients), rtol=1e-9
    )
    assert ratio.sum() == pytest.approx(1)


def test_masks_equal_those_of_the_covariance(digits):
    images = digits.train.images[digits.train.labels == 5][:16]
    coefficients = DCT("none")(images).numpy()
    kept = top_frequencies(explained_variance_ratio(coefficients), 20)
    order = np.argsort(-by_covariance(coefficients), kind="stable")
    assert set(kept) == set(order[:20])


def test_ratio_depends_on_the_scale_of_the_transform(digits):
    images = digits.train.images[digits.train.labels == 0][:16]
    plain = explained_variance_ratio(DCT("none")(images).numpy())
    ortho = explained_variance_ratio(DCT("ortho")(images).numpy())
    weight = np.ones((8, 8))
    weight[0] *= 2
    weight[:, 0] *= 2
    expected = weight * ortho
    np.testing.assert_allclose(plain, expected / expected.sum(), rtol=1e-4)


def test_energy_keeps_what_a_class_has_in_common():
    """A frequency that never varies has energy, and no variance."""
    coefficients = np.zeros((4, 1, 3, 1))
    coefficients[:, 0, 0, 0] = 5.0
    coefficients[:, 0, 1, 0] = [1, -1, 1, -1]
    np.testing.assert_allclose(
        energy_share(coefficients), [[25 / 26, 1 / 26, 0]]
    )
    ratio = explained_variance_ratio(coefficients)
    np.testing.assert_allclose(ratio, [[0, 1, 0]])


def test_top_frequencies_breaks_ties_by_position():
    score = np.array([[1.0, 2.0], [2.0, 1.0]])
    np.testing.assert_array_equal(top_frequencies(score, 3), [0, 1, 2])


def test_identical_instances_have_no_variance():
    assert not explained_variance_ratio(np.ones((3, 2, 2, 1))).any()


def test_refuses_a_single_instance():
    with pytest.raises(ValueError, match="at least 2 instances.*Received: 1"):
        explained_variance_ratio(np.ones((1, 2, 2, 1)))


@pytest.mark.parametrize("rule", MASK_RULES)
@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_rule_keeps_exactly_as_many_as_asked(rule, name, generator):
    if name == "identity" and rule.endswith("frequency"):
        with pytest.raises(ValueError, match="Pixels have no frequency"):
            choose_mask(rule, 3, np.ones((2, 16, 16, 1)), Identity(), generator)
        return
    transform = TRANSFORMS[name]()
    coefficients = generator.normal(size=(5, 16, 16, 3)).astype(np.float32)
    kept = choose_mask(rule, 37, coefficients, transform, generator)
    assert kept.shape == (37,)
    assert len(set(kept)) == 37
    assert 0 <= kept.min() <= kept.max() < 256
    assert (np.diff(kept) > 0).all()


def mask(rule, count, transform, size=4):
    empty = np.zeros((1, size, size, 1))
    kept = np.zeros(size * size, bool)
    kept[choose_mask(rule, count, empty, transform, None)] = True
    return kept.reshape(size, size)


def test_low_frequencies_go_diagonal_by_diagonal():
    rows, columns = np.indices((4, 4))
    expected = rows + columns < 3
    found = mask("low_frequency", 6, DCT())
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        mask("high_frequency", 6, DCT()), rows + columns > 3
    )


@pytest.mark.parametrize(("size", "kept"), [(28, 49), (28, 98), (32, 64)])
def test_a_diagonal_that_is_cut_begins_with_the_lowest_row(size, kept):
    """Rounding of i / size + j / size must not decide."""
    order = sorted(np.ndindex(size, size), key=lambda p: (p[0] + p[1], p[0]))
    coefficients = np.ones((2, size, size, 1))
    found = choose_mask("low_frequency", kept, coefficients, DCT(), None)
    expected = sorted(row * size + column for row, column in order[:kept])
    np.testing.assert_array_equal(found, expected)


def test_low_frequencies_of_a_fourier_transform_come_with_their_mirrors():
    found = mask("low_frequency", 5, DFT())
    assert set(zip(*np.nonzero(found))) == {
        (0, 0),
        (0, 1),
        (0, 3),
        (1, 0),
        (3, 0),
    }


def test_random_masks_follow_their_generator():
    coefficients = np.ones((2, 8, 8, 1))

    def draw(seed):
        generator = np.random.default_rng(seed)
        return choose_mask("random", 9, coefficients, DCT(), generator)

    np.testing.assert_array_equal(draw(0), draw(0))
    assert set(draw(0)) != set(draw(1))
