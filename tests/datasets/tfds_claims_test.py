"""What prepared files claim is bounded before anything is allocated."""

import pytest
import tensorflow_datasets as tfds

from fred_tf import datasets
from fred_tf.datasets import tfds_images
from tests.datasets.prepared import EXAMPLES, IMAGE, LABEL, prepare


def claim(shape):
    """Returns features of images that claim to be of another shape."""
    return {"image": tfds.features.Image(shape=shape), "label": LABEL}


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((100_000, 100_000, 3), r"at most|from 1 to 16,777,216 pixels.*100000"),
        ((4096, 4097, 1), "from 1 to 16,777,216 pixels. Received: 4096 x 4097"),
        ((4096, 4096, 3), "bytes cannot hold 6 images"),
        ((4, 6, 3), "a size that it must not have"),
        ((5, 4, 3), "a size that it must not have"),
    ],
)
def test_what_features_claim_is_not_believed(tmp_path, shape, message):
    folder = tmp_path / "insects" / "1.0.0"
    features = {"image": IMAGE, "label": LABEL}
    splits = {"train": EXAMPLES, "test": EXAMPLES[:2]}
    prepare(folder, features, splits)
    tfds.features.FeaturesDict(claim(shape)).save_config(folder)
    with pytest.raises((ValueError, OSError), match=message):
        datasets.load("insects", tmp_path)


def test_examples_that_files_cannot_hold_are_not_believed(tmp_path):
    folder = tmp_path / "insects" / "1.0.0"
    features = {"image": IMAGE, "label": LABEL}
    prepare(folder, features, {"train": EXAMPLES, "test": EXAMPLES[:2]})
    path = folder / "dataset_info.json"
    path.write_text(path.read_text().replace('"6"', '"1000000000000"'))
    with pytest.raises(OSError, match="cannot hold 1,000,000,000,000 images"):
        datasets.load("insects", tmp_path)


class Huge(tfds.features.Image):
    """Writes images of 4 x 5 pixels that claim 100,000 x 100,000."""

    def encode_example(self, image):
        png = bytearray(super().encode_example(image))
        png[16:24] = 2 * (100_000).to_bytes(4)
        return bytes(png)


def test_an_image_that_claims_many_pixels_is_not_decoded(tmp_path):
    folder = tmp_path / "insects" / "1.0.0"
    huge = {"image": Huge(shape=(4, 5, 3)), "label": LABEL}
    prepare(folder, huge, {"train": EXAMPLES, "test": EXAMPLES[:2]})
    tfds.features.FeaturesDict(claim((4, 5, 3))).save_config(folder)
    with pytest.raises(OSError, match="must not have.*100000"):
        datasets.load("insects", tmp_path)
    with pytest.raises(OSError, match="must not have.*100000"):
        tfds_images.read_classes("insects", tmp_path, ("bee",), (2, 2, 3))


@pytest.mark.parametrize("classes", ["1000000000000", "100001", "0"])
def test_classes_beyond_number_are_not_named(tmp_path, classes):
    folder = tmp_path / "insects" / "1.0.0"
    features = {"image": IMAGE, "label": LABEL}
    prepare(folder, features, {"train": EXAMPLES, "test": EXAMPLES[:2]})
    path = folder / "features.json"
    path.write_text(path.read_text().replace('"2"', f'"{classes}"'))
    (folder / "label.labels.txt").unlink()
    with pytest.raises(ValueError, match=f"classes. Received .*: {classes}"):
        datasets.load("insects", tmp_path)


@pytest.mark.parametrize("length", [2**62, 2**31, 10_000])
def test_lengths_of_records_are_checked_before_they_are_read(tmp_path, length):
    """TensorFlow would end the process, for the checksum of 2^62 is right."""
    folder = tmp_path / "insects" / "1.0.0"
    features = {"image": IMAGE, "label": LABEL}
    prepare(folder, features, {"train": EXAMPLES, "test": EXAMPLES[:2]})
    path = folder / "insects-test.tfrecord-00000-of-00001"
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    for read in (
        lambda: datasets.load("insects", tmp_path),
        lambda: tfds_images.read_test("insects", tmp_path, ("ant", "bee")),
        lambda: tfds_images.read_classes("insects", tmp_path, ("bee",), (2, 2)),
    ):
        with pytest.raises(OSError, match=f"claims {length:,} bytes"):
            read()
