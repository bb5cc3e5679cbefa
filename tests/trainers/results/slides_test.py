import pytest

from fred_tf import config, presets
from fred_tf.datasets import corruptions
from trainers.results import published, slides
from trainers.results.published import STEPS, TABLES, Published
from trainers.results.row import Row
from trainers.results.rows import ROWS
from trainers.results.slides import Cell

CELLS = [cell for table in TABLES for cell in slides.cells(table)]


def record(outer_steps=180, source="", mean=0.5):
    return {
        "accuracies": [mean - 0.01, mean + 0.01],
        "mean": mean,
        "learning_rate": 0.01,
        "outer_steps": outer_steps,
        "data": {"preparation": {"source": source} if source else {}},
    }


def printed(monkeypatch, rows, results):
    """Returns the lines of cells, as columns without the outer bars."""
    monkeypatch.setattr(slides, "ROWS", rows)
    monkeypatch.setattr(slides.reading, "rows", lambda _: results)
    lines = slides.slides("results").split("\n")
    return [
        [part.strip() for part in line.strip("|").split("|")]
        for line in lines
        if line.startswith("| ") and not line.startswith("| data")
    ]


def cell_of(lines, *key):
    return [line[4:] for line in lines if tuple(line[:4]) == key]


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
    ("name", "key"),
    [
        ("cifar10_ipc1_fred_tm", ("cifar10", 1, "TM with FreD")),
        ("cifar10_ipc1_pixel_dc", ("cifar10", 1, "DC")),
        ("cifar10_ipc1_pixel_dsa", ("cifar10", 1, "DSA")),
        ("cifar10_ipc10_random", ("cifar10", 10, "Random")),
        ("mnist_ipc1_herding", ("mnist", 1, "Herding")),
        ("mnist_full", ("mnist", 0, "Full data")),
        ("cifar10_ipc10_pixel_rfad_usual", ("cifar10", 10, "RFAD")),
        # Scored by networks, which the paper's table is of.
        ("cifar10_ipc10_pixel_kip_usual", ("cifar10", 10, "KIP")),
        ("cifar10_ipc1_pixel_frepo", ("cifar10", 1, "FRePo")),
    ],
)
def test_rows_are_of_the_cells_that_their_settings_say(name, key):
    by_cell = slides._rows()
    assert name in by_cell[key]
    assert sum(names.count(name) for names in by_cell.values()) == 1


def test_what_is_another_row_is_in_no_cell():
    of_cells = {name for names in slides._rows().values() for name in names}
    for name in (
        "cifar10_ipc10_pixel_kip",
        "cifar10_ipc1_pixel_frepo_usual",
        "cifar10_ipc1_fred_tm_seed1",
        "cifar10_ipc1_fred_tm_on_vgg11",
        "cifar10_ipc1_fred_tm_gpu_as_images_png",
    ):
        assert name in ROWS and name not in of_cells
    start = slides._rows()["mnist", 1, ""]
    assert start == ["mnist_ipc1_start"]


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
    assert slides.method_of(config.override(settings, changes)) == method


def test_bases_are_counted_with_their_hallucinators():
    """One more image in the budget, but where the paper gives it, too."""
    one, two = (
        next(c for c in CELLS if c[:3] == ("cifar10", ipc, method))
        for ipc, method in ((1, "HaBa"), (2, "TM with HaBa"))
    )
    assert one.key == two.key == ("cifar10", 2, "TM with HaBa")


def test_every_row_made_is_a_line_and_says_its_steps(monkeypatch):
    rows = {
        name: ROWS[name]
        for name in ("cifar10_ipc1_fred_tm", "cifar10_ipc1_fred_tm_gpu")
    }
    results = {
        "cifar10_ipc1_fred_tm": record(source="a copy"),
        "cifar10_ipc1_fred_tm_gpu": record(2800, mean=0.588),
    }
    lines = printed(monkeypatch, rows, results)
    run = "`python -m trainers.results"
    assert cell_of(lines, "cifar10", "1", "TM with FreD", "60.6±0.8") == [
        [
            "50.0±1.0 (a copy)",
            "180 of 15,000",
            f"{run} --rows=cifar10_ipc1_fred_tm`",
        ],
        [
            "58.8±1.0",
            "2,800 of 15,000",
            f"{run} --pack=packs --rows=cifar10_ipc1_fred_tm_gpu`",
        ],
    ]


def test_an_empty_cell_says_why(monkeypatch):
    rows = {
        "cifar10_ipc1_pixel_dm": ROWS["cifar10_ipc1_pixel_dm"],
        "cifar10_ipc2_fred_dm_gpu": ROWS["cifar10_ipc2_fred_dm_gpu"],
    }
    lines = printed(monkeypatch, rows, {})
    run = "`python -m trainers.results"
    assert cell_of(lines, "cifar10", "1", "DM", "26.0±0.8") == [
        ["not made yet", "", f"{run} --rows=cifar10_ipc1_pixel_dm`"]
    ]
    assert cell_of(lines, "cifar10", "2", "DM with FreD", "55.9±0.4") == [
        [
            "not made yet, needs a GPU",
            "",
            f"{run} --pack=packs --rows=cifar10_ipc2_fred_dm_gpu`",
        ]
    ]
    assert cell_of(lines, "mnist", "50", "Random", "97.9†") == [
        ["no row", "", ""]
    ]
    ((why, _, command),) = cell_of(
        lines, "cifar100", "10", "TM with FreD", "42.7±0.2"
    )
    assert why == "no row, needs a GPU; there is a preset of the paper's size"
    assert "--preset=cifar100_ipc10_tm --run_dir" in command
    ((why, _, command),) = cell_of(
        lines, "cifar10", "2", "DM with IDC", "45.1±0.5"
    )
    assert why.endswith("a preset of the paper's size for this objective")
    assert "_dm --override parameterization.name=idc --run_dir" in command
    ((why, *_),) = cell_of(lines, "imagenet_10", "10", "IDC", "72.8")
    assert why == "no row, needs a GPU; there is a preset of the paper's size"
    ((why, *_),) = cell_of(lines, "mnist", "10", "DSA", "97.8")
    assert why == "no row"  # No preset has it.
    ((why, *_),) = cell_of(lines, "cifar10", "1", "KIP", "49.9±0.2")
    assert why == "no row; there is a preset of the paper's size"
    assert cell_of(lines, "cifar10, fog", "1", "DC", "24.3") == [
        ["no row is scored on corrupted images", "", ""]
    ]
    assert cell_of(lines, "cifar10", "2", "DM with FreD", "48.1±0.7") == [
        ["no row is scored on these networks", "", ""]
    ]
    assert all(line[4] for line in lines)


def test_the_mean_over_other_networks_wants_all_of_them(monkeypatch):
    origin = Row("cifar10_ipc2_dm")
    names = [f"a_on_{network}" for network in slides.UNSEEN]
    rows = {"a": origin} | {
        name: Row("cifar10_ipc2_dm", run_of="a") for name in names
    }
    results = {"a": record()} | {
        name: record(mean=mean) for name, mean in zip(names, (0.3, 0.4, 0.6))
    }
    key = "cifar10", "2", "DM with FreD", "48.1±0.7"
    ((here, steps, command),) = cell_of(
        printed(monkeypatch, rows, results), *key
    )
    assert (here, steps) == ("43.3", "180 of 20,000")
    assert command.endswith("--rows=a_on_alexnet,a_on_vgg11,a_on_resnet18`")
    del results[names[1]]
    ((here, *_),) = cell_of(printed(monkeypatch, rows, results), *key)
    assert here == "not made yet"


def test_cells_of_corrupted_images_and_their_mean(monkeypatch):
    origin = Row("cifar10_ipc1_tm")
    rows = {"a": origin, "a_corrupted": Row("cifar10_ipc1_tm", run_of="a")}
    names = corruptions.CORRUPTIONS
    by_name = {name: [0.3 + n / 100] * 2 for n, name in enumerate(names)}
    made = {"corrupted": by_name, "corrupted_by": "imagecorruptions"}
    results = {"a": record(), "a_corrupted": {**record(mean=0.9), **made}}
    lines = printed(monkeypatch, rows, results)
    command = "`python -m trainers.results --rows=a_corrupted`"
    for on, published_there, here in (
        ("gaussian noise", "56.7", "30.0±0.0"),
        ("frost", "56.5", "38.0±0.0"),
        ("jpeg", "58.9", "44.0±0.0"),
        ("mean of all", "57.0", "37.0±0.0"),
    ):
        key = f"cifar10, {on}", "1", "TM with FreD", published_there
        assert cell_of(lines, *key) == [
            [f"{here} (imagecorruptions)", "180 of 15,000", command]
        ]
    del results["a_corrupted"]
    lines = printed(monkeypatch, rows, results)
    key = "cifar10, fog", "1", "TM with FreD", "53.6"
    assert cell_of(lines, *key) == [["not made yet", "", command]]


def test_subsets_of_imagenet_have_a_mean_alone(monkeypatch):
    """That of each network over corruptions has a spread."""
    cell = next(c for c in CELLS if c.what == "corrupted" and not c.on)
    by_name = {name: [0.3, 0.5] for name in corruptions.CORRUPTIONS}
    made = {"corrupted": by_name, "corrupted_by": "tfds:imagenet2012_corrupted"}
    here = slides._here(cell, [{**record(), **made}])
    assert here == "40.0±10.0 (tfds:imagenet2012_corrupted)"


def test_steps_may_depend_on_the_budget():
    assert STEPS["DC"][10] == 10 * STEPS["DC"][1]
    cell = Cell("cifar10", 11, "DC with FreD", "55.8±0.4", "accuracy")
    assert slides._steps(cell, [record(400)]) == "400 of n/p"
    assert slides._steps(cell._replace(ipc=2), [record(400)]) == "400 of 1,000"
    assert slides._steps(cell, [record(None)]) == ""


def test_steps_may_depend_on_the_data():
    """Of ImageNet, FreD's code and IDC's take fewer."""
    for method, there, elsewhere in (
        ("DM with FreD", "1,000", "20,000"),
        ("IDC", "50,000", "200,000"),
        ("TM with FreD", "15,000", "15,000"),
    ):
        cell = Cell("imagenet_a", 1, method, "50.0", "accuracy")
        assert slides._steps(cell, [record(7)]) == f"7 of {there}"
        cell = cell._replace(dataset="cifar10")
        assert slides._steps(cell, [record(7)]) == f"7 of {elsewhere}"


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
    assert slides._presets()[cell.key] == (preset, ())


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
    assert slides._presets()[cell.key] == (
        preset,
        (f"parameterization.name={memory}",),
    )


def test_a_table_has_a_number_for_each_column():
    table = Published("one", (("cifar10", 1),), {"DC": "1.0 2.0"})
    with pytest.raises(ValueError, match="zip"):
        list(slides.cells(table))


def test_rows_of_haba_are_of_its_cells_at_the_budget_they_take():
    """Of the table that counts bases, and of the one that counts all."""
    for dataset in ("mnist", "cifar10"):
        name = f"{dataset}_ipc1_haba"
        assert "ipc 2" in ROWS[name].published
        assert slides._rows()[dataset, 2, "TM with HaBa"] == [name]
        counted = next(c for c in CELLS if c[:3] == (dataset, 1, "HaBa"))
        assert counted.key == (dataset, 2, "TM with HaBa")
        assert counted.published[:4] == ROWS[name].published[:4]
