"""CAFE, IDC and HaBa as they were published."""

import numpy as np
import pytest

from fred_tf import config, presets
from fred_tf.datasets.dataset_spec import KNOWN


@pytest.mark.parametrize("ipc", [1, 10, 50])
@pytest.mark.parametrize(
    "dataset", ["mnist", "fashion_mnist", "svhn_cropped", "cifar10", "cifar100"]
)
def test_published_values_of_cafe(dataset, ipc):
    for name, epochs in (("cafe", 600), ("cafe_dsa", 1_000)):
        settings = presets.preset(f"{dataset}_ipc{ipc}_{name}")
        objective = settings.objective
        weights = objective.early_weight, objective.last_weight
        assert (*weights, objective.features_weight) == (0.1, 1.0, 2.0)
        assert objective.discrimination_weight == 0.01
        assert (objective.settled_range, objective.moved_range) == (0.04, 0.03)
        assert (objective.window, objective.accuracy_images) == (10, 128)
        assert objective.real_batch_per_class == 256
        assert objective.network_learning_rate == 0.01
        known = config.resolved(settings, (32, 32, 3))
        assert known.distiller.memory_learning_rate == 0.1
        assert settings.distiller.memory_momentum == 0.5
        # Ten steps for each of its networks.
        assert settings.distiller.drops == (12_000, 16_000, 18_000)
        assert settings.distiller.drop_factor == 0.5
        assert settings.parameterization.name == "pixel"
        assert settings.evaluation.epochs == epochs
        digits = dataset in ("mnist", "svhn_cropped")
        assert ("flip" in settings.augmentation) == (
            name == "cafe_dsa" and not digits
        )


def test_cafe_drops_at_the_same_shares_of_a_run():
    for name in presets.names():
        settings = presets.preset(name)
        if settings.objective.name == "feature_alignment" and (
            settings.dataset != "digits"
        ):
            steps = settings.outer_steps
            assert settings.distiller.drops == tuple(
                steps * tenths // 10 for tenths in (6, 8, 9)
            )


@pytest.mark.parametrize(
    ("name", "step", "images", "matching", "networks", "scoring"),
    [
        # Step of a canvas in [0, 1]; augmentations, and which of them mix.
        ("cifar10_ipc1", 5e-4, 2000, "color+crop+cutout", 0.5, ("flip", 0.5)),
        (
            "cifar10_ipc50",
            2.5e-2,
            2000,
            "color+crop+cutout",
            0.5,
            ("flip", 0.5),
        ),
        ("cifar100_ipc20", 1e-2, 2000, "color+crop+cutout", 0.5, ("flip", 0.5)),
        ("svhn_cropped_ipc10", 5e-3, 500, "color+crop+cutout", 0.5, ("", 0.5)),
        ("mnist_ipc10", 1e-4, 500, "color+crop", 0.0, ("", 0.0)),
        (
            "fashion_mnist_ipc1",
            7.66e-6,
            500,
            "color+crop+cutout",
            0.5,
            ("flip", 0.5),
        ),
    ],
)
def test_published_values_of_idc(
    name, step, images, matching, networks, scoring
):
    settings = presets.preset(f"{name}_idc")
    deviation = np.array(KNOWN[settings.dataset].deviation)
    assert settings.distiller.memory_learning_rate == pytest.approx(
        step / np.mean(deviation**2), rel=1e-3
    )
    assert settings.distiller.memory_momentum == 0.5
    assert settings.parameterization.factor == 2
    assert settings.augmentation == matching
    absolute = "mnist" in settings.dataset
    own = settings.objective
    assert own.distance == ("absolute" if absolute else "squared")
    assert (own.real_batch_per_class, own.network_steps) == (64, 100)
    assert (own.network_images, own.network_cutmix) == (images, networks)
    assert settings.outer_steps == 200_000
    evaluation = settings.evaluation
    drawn = "+".join(filter(None, (scoring[0], "color+crop_scale_rotate")))
    assert (evaluation.augmentation, evaluation.cutmix) == (drawn, scoring[1])
    assert (evaluation.batch_size, evaluation.schedule) == (64, "two_drops")
    assert evaluation.epochs == 1000


def test_published_values_of_canvases_that_are_not_cut():
    strokes = presets.preset("mnist_ipc10_idc_i")
    assert strokes.parameterization.factor == 1
    assert strokes.augmentation == "color+crop+cutout"
    assert strokes.objective.network_cutmix == 0.5
    assert strokes.evaluation.cutmix == 0.5
    numbers = presets.preset("svhn_cropped_ipc1_idc_i")
    assert numbers.evaluation.cutmix == 0
    assert numbers.evaluation.augmentation == "color+crop_scale_rotate+cutout"
    assert presets.preset("svhn_cropped_ipc10_idc_i").evaluation.cutmix == 0.5


@pytest.mark.parametrize(
    ("name", "step", "images", "epochs"),
    [
        # Step of a canvas in [0, 1] that is standardised by ImageNet's
        # constants; decoded images of a class.
        ("imagenet_10_ipc10_idc", 3e-3, 90, 1_000),
        ("imagenet_10_ipc20_idc", 6e-3, 127, 1_000),
        ("imagenet_10_ipc10_idc_i", 3e-3, 10, 2_000),
        ("imagenet_10_ipc20_idc_i", 6e-3, 20, 1_500),
        ("imagenet_100_ipc10_idc", 1e-3, 90, 600),
        ("imagenet_100_ipc20_idc_i", 2e-3, 20, 1_000),
        ("imagenet_100_ipc10_idc_i", 1e-3, 10, 1_300),
    ],
)
def test_published_values_of_idc_at_224_pixels(name, step, images, epochs):
    settings = presets.preset(name)
    classes = int(settings.preparation.classes.removeprefix("imagenet_"))
    assert name.startswith(f"imagenet_{classes}_")
    assert settings.distiller.memory_learning_rate == pytest.approx(
        step / 0.05107, rel=1e-3
    )
    shape = (224, 224, 3)
    assert config.instances_per_class(settings, shape, classes) == images
    assert settings.preparation.image_size == 224
    assert settings.preparation.resize == "crop"
    assert settings.preparation.antialias and settings.preparation.enlarge
    assert settings.network.name == "resnet10ap"
    objective, scored = settings.objective, settings.evaluation
    assert objective.distance == "absolute"
    assert (objective.network_images, objective.network_cutmix) == (500, 1)
    assert settings.outer_steps == 500 * objective.network_steps == 50_000
    assert (scored.epochs, scored.cutmix) == (epochs, 1)
    hundred = classes == 100
    assert objective.real_batch_per_class == (128 if hundred else 64)
    for rate in (objective.network_learning_rate, scored.learning_rate):
        assert rate == (0.1 if hundred else 0.01)
    for decay in (objective.network_weight_decay, scored.weight_decay):
        assert decay == (1e-4 if hundred else 5e-4)
    for batch in (objective.network_batch, scored.batch_size):
        assert batch == (128 if hundred else 64)


@pytest.mark.parametrize(
    "dataset", ["mnist", "fashion_mnist", "svhn_cropped", "cifar10", "cifar100"]
)
def test_haba_has_the_bases_of_its_table(dataset):
    """1, 10 and 50 of a class, in the budget that its hallucinators need."""
    known = KNOWN[dataset]
    for ipc in (2, 11, 51):
        settings = presets.preset(f"{dataset}_ipc{ipc}_haba")
        images = config.instances_per_class(
            settings, known.image_shape, known.classes
        )
        assert images == 5 * (ipc - 1)
        whitened = dataset.startswith("cifar")
        assert settings.normalization == ("zca" if whitened else "standardize")


@pytest.mark.parametrize("word", ["nette", "woof", "squawk"])
def test_haba_has_the_images_of_the_paper_at_128_pixels(word):
    """Those that trajectory matching of pixels and FreD have, too."""
    for ipc in (2, 11):
        settings = presets.preset(f"imagenet_{word}_ipc{ipc}_haba")
        other = presets.preset(f"imagenet_{word}_ipc1_tm")
        assert settings.preparation == other.preparation
        assert settings.network == other.network


@pytest.mark.parametrize(
    ("ipc", "bases", "steps", "start", "rate_step", "rate"),
    [
        (2, 1, 50, 2, 1e-7, 0.01),
        (11, 10, 30, 20, 1e-5, 0.001),
        (51, 50, 30, 20, 1e-5, 0.01),
    ],
)
def test_published_values_of_haba(ipc, bases, steps, start, rate_step, rate):
    """Its numbers of bases, in a budget that counts hallucinators."""
    settings = presets.preset(f"cifar10_ipc{ipc}_haba")
    assert config.instances_per_class(settings, (32, 32, 3), 10) == 5 * bases
    matched = settings.objective
    assert (matched.student_steps, matched.expert_epochs) == (steps, 2)
    assert matched.max_start_epoch == start
    assert matched.student_learning_rate_step == rate_step
    assert matched.student_learning_rate == rate
    assert matched.student_learning_rate_momentum == 0.9
    assert settings.distiller.memory_learning_rate == 100
    assert settings.distiller.memory_momentum == 0.95
    assert settings.parameterization.hallucinator_learning_rate == 100
    assert settings.parameterization.diversity_weight == 0.1
    assert settings.parameterization.decode == "one"
    assert settings.evaluation.views == "one"
    # Of experts and evaluations, not of students.
    assert settings.experts.standardized_batches
    assert settings.evaluation.standardized_batches
    assert settings.normalization == "zca"
    assert settings.outer_steps == 15_000
