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
