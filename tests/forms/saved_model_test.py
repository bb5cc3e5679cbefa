import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

from fred_tf import settings
from fred_tf.forms import stored_memory
from fred_tf.forms.saved_model import SavedModel
from fred_tf.normalizations import ZCA, Standardize
from fred_tf.synthetic_set import SyntheticSet

KEPT = 5


class Spectrum(keras.layers.Layer):
    """The least a parameterization can be: values, a table, an inverse."""

    Settings = settings.Settings

    def __init__(self, values, table, inverse):
        super().__init__()
        self.values = self.add_weight(shape=values.shape, initializer="zeros")
        self.table = self.add_weight(
            shape=table.shape,
            dtype="int32",
            initializer="zeros",
            trainable=False,
        )
        self.values.assign(values)
        self.table.assign(table)
        self.inverse = inverse
        self.labels = np.repeat(np.arange(10, dtype=np.int32), 2)
        self.built = True

    def get_config(self):
        return dict.fromkeys(stored_memory.SIZES)

    def call(self, indices):
        kept = tf.gather(tf.convert_to_tensor(self.table), indices // 2)
        values = tf.gather(tf.convert_to_tensor(self.values), indices)
        rows = tf.gather(tf.constant(self.inverse), kept)
        images = tf.einsum("nk,nkp->np", values, rows)
        return tf.reshape(images, [-1, 8, 8, 1])


@pytest.fixture(scope="module")
def layer() -> Spectrum:
    """Two digits per class in the class's leading right singular vectors."""
    data = load_digits()
    flat = data.data / 16
    _, _, inverse = np.linalg.svd(flat, full_matrices=False)
    chosen = np.concatenate(
        [np.flatnonzero(data.target == label)[:2] for label in range(10)]
    )
    coefficients = flat[chosen] @ inverse.T
    energy = (coefficients**2).reshape(10, 2, -1).sum(axis=1)
    table = np.argsort(-energy)[:, :KEPT].astype(np.int32)
    values = np.take_along_axis(
        coefficients, np.repeat(table, 2, axis=0), axis=1
    )
    return Spectrum(values, table, inverse.astype(np.float32))


@pytest.fixture(scope="module")
def decoded(layer) -> SyntheticSet:
    return SyntheticSet(
        layer(tf.range(20)).numpy(),
        layer.labels,
        tuple("0123456789"),
        Standardize((0.0,), (1.0,)),
        "digits",
        20 * KEPT,
        details={"ipc": 2},
    )


@pytest.fixture(scope="module")
def folder(layer, decoded, tmp_path_factory):
    path = tmp_path_factory.mktemp("a b") / "model"
    return SavedModel().write(decoded, layer, path)


# TensorFlow itself loads Keras lazily, so blocking it proves it is not needed.
READER = """
import sys
sys.modules.update(fred_tf=None, export=None, keras=None)
import numpy as np
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
images = []
for indices in ([3], list(range(20)), []):
    decoded = loaded.decode(tf.constant(indices, tf.int32))
    images.append(decoded["images"].numpy())
    np.testing.assert_array_equal(decoded["labels"], np.array(indices) // 2)
served = loaded.signatures["serving_default"](indices=tf.constant([3]))
np.testing.assert_array_equal(served["images"], images[0])
np.savez(sys.argv[2], *images)
"""


def test_tensorflow_alone_decodes_the_same_images(layer, folder, tmp_path):
    subprocess.run(
        [sys.executable, "-c", READER, folder, tmp_path / "images.npz"],
        check=True,
        cwd=tmp_path,
    )
    with np.load(tmp_path / "images.npz") as images:
        one, every, none = images.values()
    expected = layer(tf.range(20)).numpy()
    np.testing.assert_allclose(every, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(one, expected[[3]], rtol=0, atol=1e-6)
    assert none.shape == (0, 8, 8, 1)
    assert np.ptp(every) > 0.5


@pytest.mark.parametrize("indices", [[0, 20], [-1]])
def test_indices_out_of_range_are_refused(folder, indices):
    model = tf.saved_model.load(str(folder))
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"must lie in \[0, 20\)"
    ):
        model.decode(tf.constant(indices))


def test_a_class_is_drawn_without_repeats(layer, folder):
    model = tf.saved_model.load(str(folder))
    both = model.decode_class(tf.constant(7), tf.constant(2), tf.constant(0))
    np.testing.assert_array_equal(both["labels"], [7, 7])
    expected = layer(tf.constant([14, 15])).numpy()
    orders = {
        tuple(
            int(np.abs(expected - image).sum((1, 2, 3)).argmin())
            for image in model.decode_class(
                tf.constant(7), tf.constant(2), tf.constant(seed)
            )["images"].numpy()
        )
        for seed in range(20)
    }
    assert orders == {(0, 1), (1, 0)}
    served = model.signatures["decode_class"](
        label=tf.constant(7), n=tf.constant(2), seed=tf.constant(0)
    )
    np.testing.assert_array_equal(served["images"], both["images"])


@pytest.mark.parametrize(("label", "n"), [(7, 3), (10, 1), (-1, 1), (7, -1)])
def test_more_than_a_class_has_is_refused(folder, label, n):
    model = tf.saved_model.load(str(folder))
    with pytest.raises(tf.errors.InvalidArgumentError, match="must lie in"):
        model.decode_class(tf.constant(label), tf.constant(n), tf.constant(0))


def test_everything_comes_in_one_call(layer, folder):
    model = tf.saved_model.load(str(folder))
    for everything in (model.dataset(), model.signatures["dataset"]()):
        np.testing.assert_array_equal(everything["labels"], layer.labels)
        np.testing.assert_allclose(
            everything["images"], layer(tf.range(20)), rtol=0, atol=1e-6
        )


def test_facts_travel_where_serving_ignores_them(folder):
    path = folder / "assets.extra" / "metadata.json"
    facts = json.loads(path.read_text())
    assert facts["format_version"] == 4
    assert facts["details"] == {"ipc": 2}
    assert set(tf.saved_model.load(str(folder)).signatures) == {
        "decode",
        "decode_class",
        "dataset",
        "pixels",
        "serving_default",
    }


def test_pixels_are_the_images_undone_and_within_range(
    small_set, small_memory, tmp_path
):
    wide = Standardize((0.1307,), (4.0,))
    decoded = dataclasses.replace(small_set, normalization=wide)
    path = SavedModel().write(decoded, small_memory, tmp_path / "model")
    loaded = tf.saved_model.load(str(path))
    served = loaded.signatures["pixels"](indices=tf.constant([3, 0]))
    expected = np.clip(decoded.pixels()[[3, 0]], 0, 1)
    assert 0 == expected.min() < expected.max() == 1
    np.testing.assert_allclose(served["pixels"], expected, atol=1e-5)
    np.testing.assert_array_equal(served["labels"], [1, 0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="`indices` must"):
        loaded.pixels(tf.constant([4]))


def test_a_whitened_set_has_no_pixels(small_set, small_memory, tmp_path):
    """Its matrix is larger than all else."""
    own = ZCA.fit(np.random.default_rng(0).random((20, 4, 4, 1), np.float32))
    whitened = dataclasses.replace(small_set, normalization=own)
    path = SavedModel().write(whitened, small_memory, tmp_path / "model")
    assert "pixels" not in tf.saved_model.load(str(path)).signatures


@pytest.mark.parametrize(
    "name",
    [
        "saved_model.pb",
        "fingerprint.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
        "assets.extra/metadata.json",
    ],
)
def test_damage_is_named(folder, tmp_path, name):
    """TensorFlow itself loads a model of which a bit has changed."""
    copy = shutil.copytree(folder, tmp_path / "moved")
    SavedModel().verify(copy)
    path = copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} has SHA-256") as raised:
        SavedModel().verify(copy)
    assert str(copy) in str(raised.value)
    path.unlink()
    with pytest.raises(ValueError, match=f"{name} is missing"):
        SavedModel().verify(copy)


def test_what_is_no_export_of_ours_is_not_verified(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="assets.extra/manifest.json"):
        SavedModel().verify(tmp_path)
    copy = shutil.copytree(folder, tmp_path / "moved")
    variables = copy / "variables"
    variables.rename(tmp_path / "elsewhere")
    variables.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="data-0.* is not a plain file"):
        SavedModel().verify(copy)


def test_memory_is_stored_compactly(layer, folder):
    variables = tf.saved_model.load(str(folder)).variables
    shapes = sorted(tuple(variable.shape) for variable in variables)
    assert shapes == [(10, KEPT), (20, KEPT)]


def test_no_file_names_the_place_of_writing(folder):
    for path in filter(lambda p: p.is_file(), folder.rglob("*")):
        assert str(folder.parent).encode() not in path.read_bytes(), path


def test_failure_midway_leaves_the_old_model(
    layer, decoded, tmp_path, monkeypatch
):
    folder = SavedModel().write(decoded, layer, tmp_path / "model")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    def full_disk(_, path, **__):
        pathlib.Path(path, "saved_model.pb").write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        SavedModel().write(decoded, layer, folder)
    after = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert after == before
    assert list(tmp_path.iterdir()) == [folder]


def test_a_foreign_folder_is_not_replaced(layer, decoded, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(
        FileExistsError, match="holds no assets.extra/manifest.json"
    ):
        SavedModel().write(decoded, layer, tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_an_earlier_model_is_replaced(layer, decoded, tmp_path):
    folder = SavedModel().write(decoded, layer, tmp_path / "model")
    doubled = Spectrum(
        2 * layer.values.numpy(), layer.table.numpy(), layer.inverse
    )
    SavedModel().write(decoded, doubled, folder)
    model = tf.saved_model.load(str(folder))
    np.testing.assert_allclose(
        model.decode(tf.range(20))["images"],
        2 * layer(tf.range(20)),
        rtol=0,
        atol=1e-6,
    )
