"""What every member of every family promises; a new one needs no line here."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from fred_tf import normalizations, seeds
from fred_tf.coresets import CORESETS
from fred_tf.datasets import SOURCES, load
from fred_tf.forms import FORMS, SetForm
from fred_tf.networks import NETWORKS, Functional
from fred_tf.normalizations import NORMALIZATIONS
from fred_tf.objectives import OBJECTIVES
from fred_tf.parameterizations import PARAMETERIZATIONS, Frequency
from fred_tf.settings import made_of
from fred_tf.transforms import TRANSFORMS
from tests.conformance.grid_test import LARGE
from tests.packages import skip_without


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (table, name)
        for table in (OBJECTIVES, PARAMETERIZATIONS, NETWORKS)
        for name in table
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_members_say_what_they_are(table, name):
    member = table[name]
    assert member.Settings.name == name
    assert member.called() and member.called_briefly()
    settings = member.Settings()
    values = json.loads(json.dumps(settings.to_json()))
    assert made_of(member.Settings, values) == settings
    if member.paper is not None:
        assert member.paper.arxiv in member.paper.bibtex()
    with pytest.raises(ValueError, match="has no field 'no_such'"):
        made_of(member.Settings, {"no_such": 1})


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("shape", [(8, 8), (4, 8, 8)])
def test_transforms_are_undone(name, shape, generator):
    transform = TRANSFORMS[name]()
    images = generator.normal(size=(3, *shape, 2)).astype(np.float32)
    coefficients = transform(images)
    assert coefficients.shape == images.shape
    assert coefficients.dtype == images.dtype
    np.testing.assert_allclose(
        transform.inverse(coefficients), images, atol=1e-4
    )
    energy = np.sum(np.square(coefficients)) / np.sum(images**2)
    if transform.gain(shape) == 1:
        assert energy == pytest.approx(1, rel=1e-4)
    config = keras.saving.serialize_keras_object(transform)
    again = keras.saving.deserialize_keras_object(config)
    np.testing.assert_array_equal(again(images), coefficients)
    compiled = tf.function(transform.inverse, jit_compile=True)
    np.testing.assert_allclose(compiled(coefficients), images, atol=1e-4)
    if transform.has_frequencies:
        assert transform.frequencies(shape).shape == shape
        assert transform.frequencies(shape).ravel()[0] == 0


@pytest.mark.parametrize("name", CORESETS)
def test_coresets_choose_distinct_rows(name, generator):
    features = generator.normal(size=(20, 5)).astype(np.float32)
    rows = CORESETS[name](features, 7)
    assert rows.shape == (7,) and len(set(rows.tolist())) == 7
    assert 0 <= rows.min() <= rows.max() < 20
    np.testing.assert_array_equal(CORESETS[name](features, 7), rows)
    np.testing.assert_array_equal(CORESETS[name](features, 3), rows[:3])


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_normalizations_are_undone_and_rebuilt(name, digits):
    images = digits.train.images[:50]
    fitted = NORMALIZATIONS[name].fit(digits.train.images)
    fitted.check(images.shape[1:])
    normalized = fitted(images)
    assert normalized.dtype == np.float32
    np.testing.assert_allclose(fitted.undo(normalized), images, atol=1e-5)
    np.testing.assert_allclose(
        fitted(tf.constant(images)), normalized, atol=1e-6
    )
    config = json.loads(json.dumps(fitted.get_config()))
    again = normalizations.from_config(config)
    assert again == fitted and hash(again) == hash(fitted)
    data = load("digits", normalization=name)
    assert data.normalization.name == name


@pytest.mark.parametrize(
    "name",
    [
        # `networks_test.py` builds smaller ones of the kind.
        pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE))
        for name in NETWORKS
    ],
)
def test_networks_are_rebuilt_and_run_on_tensors(name, colour, voxels):
    data = voxels if name == "convnet3d" else colour
    network = NETWORKS[name](data.image_shape, 2)
    config = keras.saving.serialize_keras_object(network)
    again = keras.saving.deserialize_keras_object(config)
    shapes = [w.shape for w in network.trainable_weights]
    assert [w.shape for w in again.trainable_weights] == shapes
    functional = Functional(network)
    parameters = functional.initialize(tf.constant(seeds.named(0, "test")))
    images = data.normalization(data.train.images[:4])
    assert functional.logits(parameters, images).shape == (4, 2)
    assert functional.embed(parameters, images).shape[0] == 4


@pytest.fixture(scope="module")
def decoded(digits, decoded_of):
    settings = Frequency.Settings(coefficients_per_channel=16)
    memory = Frequency((8, 8, 1), 10, 2, settings)
    images = digits.normalization(digits.train.images)
    memory.adapt(images, digits.train.labels, 0)
    return memory, decoded_of(memory)


@pytest.mark.parametrize("name", FORMS)
def test_forms_are_written_again_and_read(name, decoded, digits, tmp_path):
    skip_without(name)
    memory, written = decoded
    form = FORMS[name]
    if name == "whitening":  # Of which others have none.
        own = NORMALIZATIONS["zca"].fit(digits.train.images)
        written = dataclasses.replace(written, normalization=own)
    if name == "views":  # Volumes have them.
        volumes = written.images.reshape(-1, 4, 4, 4, 1)
        written = dataclasses.replace(written, images=volumes)
    assert form.name == name
    assert form.fits(written, memory)
    for _ in range(2):  # An export replaces an earlier one.
        path = form.write(written, memory, tmp_path / form.path)
    assert path.exists()
    if not isinstance(form, SetForm):
        return
    form.verify(path)
    assert form.recognises(path)
    read = form.read(path)
    np.testing.assert_array_equal(read.labels, written.labels)
    assert read.class_names == written.class_names
    assert read.floats_stored == written.floats_stored
    tolerance = 0.3 if form.lossy else 1e-5
    np.testing.assert_allclose(read.images, written.images, atol=tolerance)


def test_each_source_takes_its_own(digits, tmp_path):
    pair = (digits.train.images, digits.train.labels)
    examples = {
        "digits": "digits",
        "folder": f"folder:{tmp_path}",
        "arrays": pair,
        "pipeline": tf.data.Dataset.from_tensor_slices(pair),
        "tfds": "mnist",
    }
    for name, example in examples.items():
        takers = [n for n, source in SOURCES.items() if source.takes(example)]
        assert takers[0] == name
