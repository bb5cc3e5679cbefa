import numpy as np
import pytest

from fred_tf.figures import spectra
from fred_tf.parameterizations.frequency_mask import explained_variance_ratio
from fred_tf.transforms import DCT, DFT, Identity

ORTHO = DCT(norm="ortho")


@pytest.fixture(scope="module")
def images(digits):
    return digits.normalization(digits.train.images)


@pytest.mark.parametrize("transform", [ORTHO, DFT(), Identity()])
def test_energy_is_that_of_the_pixels(images, transform):
    """Parseval, and a mean over images and channels."""
    found = spectra.energy(images, transform)
    assert found.shape == (8, 8)
    expected = (images.astype(np.float64) ** 2).mean(0).sum()
    assert found.sum() == pytest.approx(expected, rel=1e-5)


def test_blocks_change_nothing(images, monkeypatch):
    whole = spectra.energy(images, ORTHO)
    monkeypatch.setattr(spectra, "_BLOCK", 100)
    np.testing.assert_allclose(spectra.energy(images, ORTHO), whole, rtol=1e-6)


def test_frequencies_hold_more_than_pixels(images):
    """What the paper rests on, seen on real images."""
    held = {
        name: spectra.kept_share(spectra.energy(images, transform))[1]
        for name, transform in (("dct", ORTHO), ("pixels", Identity()))
    }
    assert held["dct"][7] > held["pixels"][7] + 0.1


def test_explained_variance_is_the_mean_over_classes(digits, images):
    labels = digits.train.labels
    found = spectra.explained_variance(images, labels, ORTHO)
    assert found.sum() == pytest.approx(1)
    one = explained_variance_ratio(ORTHO(images[labels == 4]).numpy())
    alone = spectra.explained_variance(
        images[labels == 4], labels[labels == 4], ORTHO
    )
    np.testing.assert_allclose(alone, one, rtol=1e-4)
    with pytest.raises(ValueError, match="at least 2 images"):
        spectra.explained_variance(images[:1], labels[:1], ORTHO)


def test_kept_share_takes_the_best_first():
    positions, held = spectra.kept_share(np.array([[1.0, 0.0], [3.0, 4.0]]))
    np.testing.assert_allclose(positions, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(held, [0.5, 0.875, 1, 1])
    assert not np.isnan(spectra.kept_share(np.zeros(3))[1]).any()


def test_rings_average_what_is_equally_high():
    values = ORTHO.frequencies((8, 8))
    place, mean = spectra.by_frequency(values, ORTHO, bins=100)
    np.testing.assert_allclose(place * values.max(), mean)
    assert place[0] == 0 and place[-1] == 1
    flat = spectra.by_frequency(np.ones((8, 8)), ORTHO, bins=4)[1]
    np.testing.assert_array_equal(flat, np.ones(4))


def test_bands_add_up_to_the_image(images):
    some = images[:5]
    low = spectra.band(some, ORTHO, 0, 0.25)
    high = spectra.band(some, ORTHO, 0.25, 1)
    np.testing.assert_allclose(low + high, some, atol=1e-5)
    np.testing.assert_allclose(spectra.band(some, ORTHO, 0, 1), some, atol=1e-5)
    kept = np.abs(ORTHO(low).numpy()).max((0, 3)) > 1e-5
    assert np.count_nonzero(kept) <= 16
    assert kept[0, 0]
