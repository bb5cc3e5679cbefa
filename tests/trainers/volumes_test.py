"""Volumes through all programs: distilled, scored, exported, shown."""

import numpy as np
import pytest

from export import exporting
from fred_tf import config as config_lib
from fred_tf import forms, presets
from fred_tf.datasets import load
from fred_tf.forms import FORMS
from fred_tf.scoring import score
from trainers import distill
from trainers.figures import FIGURES, MissingError, Subject, named_runs
from trainers.report import __main__ as report


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Arrays of boxes: flat ones and tall ones, without an axis of channels."""
    folder = tmp_path_factory.mktemp("volumes")
    generator = np.random.default_rng(0)
    labels = np.arange(36) % 2
    images = np.zeros((36, 8, 8, 8), np.uint8)
    for image, label in zip(images, labels):
        low = generator.integers(0, 3, 3)
        size = (2, 5, 5) if label else (5, 5, 2)
        place = [slice(start, start + n) for start, n in zip(low, size)]
        image[tuple(place)] = 1
    np.savez(
        folder / "boxes.npz",
        x_train=images[:24],
        y_train=labels[:24],
        x_test=images[24:],
        y_test=labels[24:],
    )
    return folder


@pytest.fixture(scope="module")
def made(folder):
    config = config_lib.override(
        presets.preset("dm"),
        [
            "dataset=file:boxes.npz",
            "network.width=4",
            "outer_steps=2",
            "augmentation=color_flip",
            # Measuring a step, and averaging it, are more graphs.
            "memory_learning_rate=100",
            "memory_average=0",
            "evaluation.epochs=2",
            "evaluation.networks=1",
        ],
    )
    return distill.run(config, folder / "run", str(folder), images_every=1)


def test_a_run_is_of_volumes(made):
    assert made.config.network.name == "convnet3d"
    assert made.config.augmentation == "flip"
    assert made.facts.image_shape == (8, 8, 8, 1)
    assert made.config.parameterization.coefficients_per_channel == 64
    assert made.parameterization.masks.shape == (2, 8, 8, 8)
    assert made.synthetic_set().images.shape == (16, 8, 8, 8, 1)


def test_it_is_exported_in_every_form_but_png(made, folder):
    written = exporting.run(made, folder / "export")
    names = {path.relative_to(folder / "export").as_posix() for path in written}
    usual = {form.path for form in FORMS.values() if form.by_default}
    assert names == usual - {"images_png"} | {"sizes.md"}
    for name in ("images_float32", "coefficients_float32", "keras"):
        read = forms.read(folder / "export" / FORMS[name].path)
        np.testing.assert_allclose(
            read.images, made.synthetic_set().images, atol=1e-4
        )
    with pytest.raises(ValueError, match=r"\[8, 8, 8, 1\] has.*'images_png'"):
        exporting.run(made, folder / "pictures", ["images_png"])


def test_it_is_scored_and_shown(made, folder):
    data = load("file:boxes.npz", folder)
    path = folder / "run" / "evaluation.json"
    result = score(made.config, made.synthetic_set(), data, path)
    assert 0 <= result.mean <= 1
    subject = Subject(named_runs(folder / "run", []), data)
    drawn = []
    # That of gradients builds the step again.
    wanted = set(FIGURES) - {"gradient_energy"}
    for name in wanted:
        try:
            assert FIGURES[name].draw(subject).axes
            drawn.append(name)
        except MissingError:
            continue
    # Nothing was scored on the way, and labels were not learned.
    assert wanted - set(drawn) == {"accuracy_by_step", "labels"}
    page = report.run(folder / "run").read_text()
    assert "from three sides and in slices" in page
