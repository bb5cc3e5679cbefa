import re

import pytest

from fred_tf import config, presets
from tests.trainers.results.cells_test import CELLS
from trainers.results import cells, empty_cells
from trainers.results.cells import Cell
from trainers.results.published import TABLES


@pytest.mark.parametrize(
    ("cell", "run", "score"),
    [
        (
            ("cifar10", 2, "DM with FreD", "48.1±0.7", "unseen", ""),
            "runs/cifar10_2_dm_with_fred",
            "--networks=alexnet,vgg11,resnet18",
        ),
        (
            ("cifar10", 1, "DC", "24.3", "corrupted", "fog"),
            "runs/cifar10_1_dc",
            "--corruptions=all --corrupted_images=0 "
            "--override evaluation.learning_rate=0.01",
        ),
    ],
)
def test_how_a_cell_is_scored_is_in_its_command(cell, run, score):
    assert cell in CELLS
    _, command = empty_cells.told(Cell(*cell), ())
    assert command.endswith(
        f" && python -m trainers.evaluate --run_dir={run} {score}"
    )


@pytest.mark.parametrize(
    ("key", "preset"),
    [
        (("cifar10", 2, "TM"), "cifar10_ipc1_tm"),
        (("cifar10", 2, "TM with FreD"), "cifar10_ipc1_tm"),
        (("cifar10", 11, "TM with IDC"), "cifar10_ipc10_tm"),
        (("mnist", 50, "TM"), "mnist_ipc10_tm"),
        (("cifar10", 2, "TM with HaBa"), "cifar10_ipc2_haba"),
        (("cifar10", 1, "TM with IDC"), "cifar10_ipc1_tm"),
    ],
)
def test_a_preset_of_its_memory_alone_makes_no_cell_of_another(key, preset):
    """HaBa's has experts, momenta and an evaluation that others lack."""
    recipe, _ = empty_cells._recipe(key)
    assert recipe.preset == preset
    made = recipe.config
    assert cells.key_of(made) == key
    assert made.experts.standardized_batches == key[2].endswith("HaBa")
    momentum = made.distiller.memory_momentum
    assert momentum == (0.95 if key[2].endswith("HaBa") else 0.5)


@pytest.mark.parametrize("method", ["Random", "Herding", "Full data"])
@pytest.mark.parametrize("data", ["cifar10", "svhn_cropped", "mnist"])
def test_real_images_are_scored_as_in_the_rows(data, method):
    recipe, _ = empty_cells._recipe((data, 50, method))
    settings = recipe.config.evaluation
    assert recipe.config.objective.name != "feature_alignment"
    assert (settings.epochs, settings.networks) == (1000, 5)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.title)
def test_every_cell_can_be_made(table):
    for cell in cells.cells(table):
        recipe, _ = empty_cells._recipe(cell.key)
        made = config.override(presets.preset(recipe.preset), recipe.overrides)
        data, ipc, method = cells.key_of(made)
        assert data == cell.dataset
        if cell.method not in cells.CHOSEN.values():
            assert (ipc, method) == cell.key[1:]
        elif cell.ipc:
            assert ipc == cell.ipc


MADE = [cell for cell in CELLS if cell.method not in cells.CHOSEN.values()]


def settings(dataset, ipc, method):
    cell = next(c for c in CELLS if c[:3] == (dataset, ipc, method))
    recipe, _ = empty_cells._recipe(cell.key)
    return recipe.config


@pytest.mark.parametrize("method", ["KIP", "RFAD", "FRePo"])
def test_sets_of_regression_are_scored_as_the_papers_do(method):
    for cell in (c for c in CELLS if c.method == method):
        _, command = empty_cells.told(cell, ())
        scored = re.findall(r"--override (\S+)", command.split(" && ")[-1])
        recipe, _ = empty_cells._recipe(cell.key)
        own = config.override(recipe.config, scored)
        assert own.evaluation.by == "networks"
        if method == "FRePo":
            assert own.network.norm == "none"
        else:
            assert own.evaluation.networks == 5
            assert "evaluation.by=networks" in scored


def test_images_are_prepared_as_those_of_their_presets():
    for cell in MADE:
        of_data = empty_cells.known().of_data[cell.dataset]
        same = presets.preset(of_data[0]).preparation
        assert settings(*cell[:3]).preparation == same, cell


@pytest.mark.parametrize("dataset", ["mnist", "svhn_cropped"])
@pytest.mark.parametrize("method", ["DC", "DSA", "FRePo", "KIP"])
def test_digits_are_not_mirrored_by_what_is_brought(dataset, method):
    of_method = {c.ipc for c in MADE if (c[0], c[2]) == (dataset, method)}
    for ipc in of_method:
        own = settings(dataset, ipc, method)
        assert "flip" not in own.augmentation
        assert (own.augmentation != "none") == (method in ("DSA", "FRePo"))


def test_clothes_are_mirrored_and_have_the_settings_of_grey_images():
    own = settings("fashion_mnist", 10, "FRePo")
    assert "flip" in own.augmentation
    recipe, _ = empty_cells._recipe(("fashion_mnist", 10, "DM"))
    assert recipe.preset == "mnist_ipc1_dm"


@pytest.mark.parametrize(
    ("dataset", "ipc", "whitening", "scale"),
    [
        ("cifar10", 50, "zca_frepo", 0),
        ("cifar100", 10, "zca_frepo", 0.3162),
        ("tiny_imagenet", 1, "zca_frepo", 0.2236),
        ("imagenet_woof", 10, "standardize", 0),
        ("mnist", 50, "standardize", 0),
    ],
)
def test_colour_is_whitened_up_to_a_size(dataset, ipc, whitening, scale):
    own = settings(dataset, ipc, "FRePo")
    assert own.normalization == whitening
    assert own.objective.mirror == (dataset != "mnist")
    assert own.parameterization.label_scale == scale


@pytest.mark.parametrize("method", ["DC with FreD", "DM with FreD"])
def test_as_much_of_an_image_is_kept_as_in_presets_of_its_size(method):
    own = settings("imagenet_nette", 1, method)
    assert own.parameterization.coefficients_per_channel == 2048


@pytest.mark.parametrize(
    ("dataset", "ipc", "method", "said"),
    [
        ("mnist", 10, "KIP", empty_cells._LESS),
        ("mnist", 50, "KIP", empty_cells._BROUGHT_LESS),
        ("mnist", 50, "RFAD", empty_cells._BROUGHT_LESS),
        ("mnist", 10, "HaBa", empty_cells._ALIKE),
        ("mnist", 50, "FRePo", empty_cells._BROUGHT),
    ],
)
def test_what_does_less_than_the_paper_is_told(dataset, ipc, method, said):
    cell = next(c for c in CELLS if c[:3] == (dataset, ipc, method))
    assert empty_cells._recipe(cell.key)[1] == said


@pytest.mark.parametrize(
    ("dataset", "ipc", "method", "preset"),
    [
        ("imagenet_10", 10, "IDC", "imagenet_10_ipc10_idc"),
        ("imagenet_100", 10, "IDC-I", "imagenet_100_ipc10_idc_i"),
        ("imagenet_nette", 10, "HaBa", "imagenet_nette_ipc11_haba"),
        ("fashion_mnist", 50, "HaBa", "fashion_mnist_ipc51_haba"),
        ("cifar100", 20, "IDC", "cifar100_ipc20_idc"),
        ("mnist", 50, "CAFE+DSA", "mnist_ipc50_cafe_dsa"),
    ],
)
def test_cells_of_rivals_have_presets(dataset, ipc, method, preset):
    cell = next(c for c in CELLS if c[:3] == (dataset, ipc, method))
    assert empty_cells.known().published[cell.key] == (preset, ())


@pytest.mark.parametrize(
    ("ipc", "method", "recipe"),
    [
        (2, "DM with IDC", ("cifar10_ipc2_dm", "idc")),
        (2, "DC with HaBa", ("cifar10_ipc2_dc", "haba")),
        (1, "DSA", ("cifar10_ipc1_dsa", "pixel")),
    ],
)
def test_cells_of_other_memories_have_the_presets_of_objectives(
    ipc, method, recipe
):
    preset, memory = recipe
    cell = next(c for c in CELLS if c[:3] == ("cifar10", ipc, method))
    assert empty_cells.known().of_objective[cell.key] == (
        preset,
        (f"parameterization.name={memory}",),
    )
