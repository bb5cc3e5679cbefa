"""Each example at a small size, on real images in place of distilled ones."""

import dataclasses
import pathlib
import runpy
import sys

import keras
import numpy as np
import pytest

import fred_tf
from examples import continual, mix_with_real, train_keras, warm_start
from examples.beside_real import BesideReal, images_of, main
from examples.distilled import Distilled
from fred_tf import datasets, forms
from fred_tf.coresets import random_set
from fred_tf.datasets import Preparation
from fred_tf.forms.images import Images


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("exports") / "images_float32"
    return str(Images().write(random_set(digits, 10, seed=0), None, path))


@pytest.fixture(scope="module")
def sets(folder, digits):
    return BesideReal(folder, digits)


def test_fit_learns_from_the_records(sets):
    assert train_keras.run(sets, epochs=20)["distilled alone"] > 0.6


@pytest.mark.slow  # The programs themselves are run below.
def test_a_mixture_beats_few_real_images(sets):
    found = mix_with_real.run(sets, per_class=1, steps=40)
    assert found["mixed"] > found["real alone"] + 0.05


@pytest.mark.slow
def test_memory_keeps_earlier_tasks(sets):
    found = continual.run(sets, tasks=2, steps=20)
    assert found["with memory"] > found["without memory"] + 0.2


def test_few_classes_are_fewer_tasks(tmp_path, monkeypatch):
    few = datasets.load("digits", preparation=Preparation(classes="3,5,8"))
    path = Images().write(random_set(few, 1, 0), None, tmp_path / "e")
    fitted = []
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: fitted.append(_))
    continual.run(BesideReal(str(path), few))
    assert len(fitted) == 2 * 3


@pytest.mark.slow
def test_a_warm_start_is_ahead(sets):
    found = warm_start.run(sets, epochs=20, steps=5)
    assert found["warm start"] > found["cold start"] + 0.05


def test_other_encodings_are_refused(digits, tmp_path):
    Images("png").write(random_set(digits, 1, 0), None, tmp_path / "p")
    with pytest.raises(SystemExit, match="images_float32"):
        BesideReal(str(tmp_path / "p"), digits)


def test_a_set_that_comes_with_the_library_is_taken_by_name(folder):
    shipped = fred_tf.load_distilled("digits_ipc1")
    with images_of("digits_ipc1") as exported:
        np.testing.assert_array_equal(
            Distilled(exported).images, shipped.images
        )
    with images_of(folder) as given:
        assert given == folder
    with pytest.raises(ValueError, match="one of .*'digits_ipc1'"):
        with images_of("digits"):
            pass
    with pytest.raises(SystemExit, match="no folder runs/images_float32"):
        with images_of("runs/images_float32"):
            pass


def test_held_out_images_are_the_test_images(tmp_path, monkeypatch):
    """As the run had them: the rest is what there is to train on."""
    data = datasets.load("digits", holdout=0.25)
    chosen = random_set(data, 1, seed=0)
    told = {"config": {"holdout": 0.25}}
    held = dataclasses.replace(chosen, details=told)
    folder = str(Images().write(held, None, tmp_path / "images_float32"))
    monkeypatch.setattr(sys, "argv", ["train_keras", folder])
    found = []
    main(lambda sets: found.append(sets) or {})
    np.testing.assert_array_equal(found[0].labels, data.train.labels)


@pytest.mark.parametrize("given", [[], ["digits_ipc1", "data", "more"]])
def test_programs_take_a_set_and_where_its_data_are(given, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train_keras", *given])
    with pytest.raises(SystemExit, match="An example takes the name of a set"):
        main(None)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("train_keras", ["distilled alone: "]),
        ("mix_with_real", ["real alone: ", "mixed: "]),
        ("continual", ["without memory: ", "with memory: "]),
        ("warm_start", ["cold start: ", "warm start: "]),
    ],
)
def test_programs_say_their_accuracies(folder, monkeypatch, capsys, name, said):
    """All of `python -m examples.<name> <folder>`, but for the training.

    Which the tests before do.
    """
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: None)
    monkeypatch.setattr(sys, "argv", [name, folder])
    root = pathlib.Path(__file__).parents[2]
    runpy.run_path(str(root / "examples" / f"{name}.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(said)
    for line, words in zip(lines, said):
        assert words in line
        assert " % test accuracy" in line


@pytest.mark.parametrize("name", ["zca", "zca_kip"])
def test_whitened_sets_bring_their_matrix(name, tmp_path):
    data = datasets.load("digits", normalization=name)
    chosen = random_set(data, 1, seed=0)
    places = forms.write(chosen, None, tmp_path, ["images_float32"]).values()
    sets = BesideReal(*map(str, places), data)
    with pytest.raises(SystemExit, match="images_float32,whitening"):
        sets.train()
    forms.write(chosen, None, tmp_path, ["whitening"])
    images, _ = sets.train(slice(20))
    expected = data.normalization(data.train.images[:20])
    np.testing.assert_allclose(images, expected, atol=1e-5)
    other = datasets.load("digits", normalization=name, holdout=0.5)
    forms.write(random_set(other, 1, seed=0), None, tmp_path, ["whitening"])
    with pytest.raises(SystemExit, match="is of other training images"):
        sets.train(slice(20))
