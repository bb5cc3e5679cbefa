import pytest

from fred_tf import config, presets
from trainers.results import cells, published
from trainers.results.cells import Cell
from trainers.results.published import TABLES, Published

CELLS = [cell for table in TABLES for cell in cells.cells(table)]


@pytest.mark.parametrize(
    "cell",
    [
        ("svhn_cropped", 1, "TM with FreD", "82.2±0.6", "accuracy", ""),
        ("cifar10", 10, "HaBa", "69.9±0.4", "accuracy", ""),
        ("cifar100", 50, "FRePo", "44.3±0.2", "accuracy", ""),
        ("cifar10", 0, "Full data", "84.8±0.1", "accuracy", ""),
        ("mnist", 1, "CAFE", "93.1†", "accuracy", ""),
        ("fashion_mnist", 10, "IDC", "86.0", "accuracy", ""),
        ("cifar100", 10, "IDC-I", "36.6", "accuracy", ""),
        ("tiny_imagenet", 50, "TM with FreD", "26.4", "accuracy", ""),
        ("imagenet_squawk", 10, "TM with FreD", "67.3", "accuracy", ""),
        ("imagenet_fruit", 1, "TM with IDC", "38.0", "accuracy", ""),
        ("imagenet_meow", 10, "HaBa", "42.9", "accuracy", ""),
        ("imagenet_woof", 1, "DM with FreD", "31.0", "accuracy", ""),
        ("imagenet_10", 20, "IDC", "76.6", "accuracy", ""),
        ("imagenet_yellow", 0, "Full data", "84.4", "accuracy", ""),
        ("mnist", 0, "Full data", "99.6", "accuracy", ""),
        ("cifar10", 10, "RFAD", "66.3", "accuracy", ""),
        ("imagenet_e", 1, "DM with FreD", "45.0", "accuracy", ""),
        ("cifar10", 2, "TM with HaBa", "56.8±0.4", "accuracy", ""),
        ("cifar10", 51, "TM with FreD", "69.1±0.7", "unseen", ""),
        ("cifar10", 1, "TM with FreD", "53.6", "corrupted", "fog"),
        ("cifar10", 1, "IDC", "38.5", "corrupted", "mean of all"),
        ("imagenet_meow", 10, "TM", "30.1±0.5", "corrupted", ""),
    ],
)
def test_numbers_stand_in_their_cells(cell):
    assert Cell(*cell) in CELLS


def test_what_is_not_published_is_no_cell():
    assert not any(
        c.dataset == "svhn_cropped" and c.method == "DM" for c in CELLS
    )
    assert len(CELLS) == len(set(CELLS)) > 350
    for table in TABLES:
        for numbers in table.rows.values():
            assert len(numbers.split()) == len(table.columns)


@pytest.mark.parametrize("method", published.CORRUPTED)
def test_means_over_corruptions_are_those_of_the_numbers(method):
    *numbers, mean = map(float, published.CORRUPTED[method].split())
    assert len(numbers) == 15
    assert sum(numbers) / 15 == pytest.approx(mean, abs=0.15)


@pytest.mark.parametrize(
    ("changes", "method"),
    [
        ([], "TM with FreD"),
        (["parameterization.name=idc"], "TM with IDC"),
        (["parameterization.name=idc", "factor=1"], "TM"),
        (["parameterization.name=pixel"], "TM"),
        (["outer_steps=0"], ""),
    ],
)
def test_methods_are_read_off_the_settings(changes, method):
    settings = presets.preset("cifar10_ipc1_tm")
    assert cells.method_of(config.override(settings, changes)) == method


@pytest.mark.parametrize(
    ("preset", "changes", "called"),
    [
        ("cifar10_ipc1_tm", [], ("TM", "FreD")),
        (
            "cifar10_ipc1_tm",
            ["parameterization.channels=joint"],
            ("TM", "FreD, joint channels"),
        ),
        ("cifar10_ipc10_kip", [], ("KIP", "pixels")),
        ("cifar10_ipc10_rfad_cpu", [], ("RFAD", "pixels")),
        ("cifar10_ipc1_idc", [], ("IDC", "IDC")),
        ("cifar10_ipc1_idc_i", [], ("IDC", "pixels")),
    ],
)
def test_both_tables_call_settings_alike(preset, changes, called):
    settings = config.override(presets.preset(preset), changes)
    assert cells.called(config.to_json(settings)) == called
    method = cells.method_of(settings)
    matched, stored = called
    assert method == (
        matched if stored == "pixels" else f"{matched} with {stored[:4]}"
    )


def test_bases_are_counted_with_their_hallucinators():
    """One more image in the budget, but where the paper gives it, too."""
    one, two = (
        next(c for c in CELLS if c[:3] == ("cifar10", ipc, method))
        for ipc, method in ((1, "HaBa"), (2, "TM with HaBa"))
    )
    assert one.key == two.key == ("cifar10", 2, "TM with HaBa")


def test_a_table_has_a_number_for_each_column():
    table = Published("one", (("cifar10", 1),), {"DC": "1.0 2.0"})
    with pytest.raises(ValueError, match="zip"):
        list(cells.cells(table))
