import pytest

from fred_tf.datasets import corruptions
from tests.trainers.results.cells_test import CELLS
from trainers.results import slides
from trainers.results.cells import Cell
from trainers.results.published import STEPS
from trainers.results.row import Row
from trainers.results.rows import ROWS


def record(outer_steps=180, source="", mean=0.5, channels="separate"):
    return {
        "accuracies": [mean - 0.01, mean + 0.01],
        "mean": mean,
        "learning_rate": 0.01,
        "outer_steps": outer_steps,
        "identity": {
            "config": {"parameterization": {"channels": channels}},
            "subject": "run",
        },
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


@pytest.fixture(scope="module")
def few():
    """Lines of tables that two rows are for, of which none is made."""
    rows = {
        "cifar10_ipc1_pixel_dm": ROWS["cifar10_ipc1_pixel_dm"],
        "cifar10_ipc2_fred_dm_gpu": ROWS["cifar10_ipc2_fred_dm_gpu"],
    }
    with pytest.MonkeyPatch.context() as patch:
        return printed(patch, rows, {})


def test_what_the_papers_do_not_have_is_told_as_ours(monkeypatch):
    name = "cifar10_ipc1_fred_tm_joint"
    lines = printed(
        monkeypatch, {name: ROWS[name]}, {name: record(channels="joint")}
    )
    ((here, _, _),) = cell_of(lines, "cifar10", "1", "TM with FreD", "60.6±0.8")
    assert here == "50.0±1.0 (joint channels, ours)"


def test_an_empty_cell_says_why(few):
    run = "`python -m trainers.results"
    assert cell_of(few, "cifar10", "1", "DM", "26.0±0.8") == [
        ["not made yet", "", f"{run} --rows=cifar10_ipc1_pixel_dm`"]
    ]
    assert cell_of(few, "cifar10", "2", "DM with FreD", "55.9±0.4") == [
        [
            "not made yet, needs a GPU",
            "",
            f"{run} --pack=packs --rows=cifar10_ipc2_fred_dm_gpu`",
        ]
    ]
    assert all(line[4] for line in few)


@pytest.mark.parametrize(
    ("cell", "reason", "start"),
    [
        (
            ("mnist", "50", "Random", "97.9†"),
            "no row is of these images",
            "evaluate --run_dir=runs/mnist_50_random "
            "--preset=mnist_ipc1_dm --override ipc=50 --baseline=random",
        ),
        (
            ("cifar10", "50", "Herding", "40.4±0.6"),
            "no row has as many of these images",
            "select_coreset --preset=cifar10_ipc50_dm --method=herding "
            "--run_dir=runs/cifar10_50_herding && python -m trainers.evaluate ",
        ),
        (
            ("cifar100", "10", "TM with FreD", "42.7±0.2"),
            "no row is of these images, needs a GPU; there is a preset of the "
            "paper's size",
            "train_experts --preset=cifar100_ipc10_tm "
            "--expert_dir=runs/cifar100_10_tm_with_fred_experts && ",
        ),
        (
            ("cifar10", "2", "DM with IDC", "45.1±0.5"),
            "no row; there is a preset of the paper's size for this objective",
            "distill --preset=cifar10_ipc2_dm "
            "--override parameterization.name=idc --run_dir",
        ),
        (
            ("imagenet_10", "10", "IDC", "72.8"),
            "no row is of these images, needs a GPU; there is a preset of the "
            "paper's size",
            "distill --preset=imagenet_10_ipc10_idc --run_dir",
        ),
        (
            ("mnist", "10", "DSA", "97.8"),
            "no row is of these images; from the method's preset of other data "
            "or another ipc",
            "distill --preset=cifar10_ipc10_dsa --override dataset=mnist "
            "--override augmentation=color_crop_cutout_scale_rotate "
            "--override parameterization.name=pixel --run_dir",
        ),
        (
            ("cifar10", "50", "RFAD", "71.1†"),
            "no row has as many of these images; from the method's preset of "
            "other data or another ipc, which does less than the paper",
            "distill --preset=cifar10_ipc10_rfad_cpu --override ipc=50 ",
        ),
        (
            ("cifar10, fog", "1", "DC", "24.3"),
            "no row is scored on corrupted images; there is a preset of the "
            "paper's size for this objective",
            "distill --preset=cifar10_ipc1_dc ",
        ),
        (
            ("cifar10", "2", "DM with FreD", "48.1±0.7"),
            "no row is scored on these networks; there is a preset of the "
            "paper's size",
            "distill --preset=cifar10_ipc2_dm --run_dir",
        ),
    ],
)
def test_a_cell_without_a_row_says_what_makes_it(few, cell, reason, start):
    ((why, steps, command),) = cell_of(few, *cell)
    assert (why, steps) == (reason, "")
    assert command.startswith(f"`python -m trainers.{start}")


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


def test_rows_of_haba_are_of_its_cells_at_the_budget_they_take():
    """Of the table that counts bases, and of the one that counts all."""
    for dataset in ("mnist", "cifar10"):
        name = f"{dataset}_ipc1_haba"
        assert "ipc 2" in ROWS[name].published
        assert slides._rows()[dataset, 2, "TM with HaBa"] == [name]
        counted = next(c for c in CELLS if c[:3] == (dataset, 1, "HaBa"))
        assert counted.key == (dataset, 2, "TM with HaBa")
        assert counted.published[:4] == ROWS[name].published[:4]


@pytest.mark.parametrize(
    "flag", ["--rows=digits_ipc1_random", "--seeds=2", "--figure=a.png"]
)
def test_nothing_is_made_beside_it(call, flag):
    program = "trainers.results.__main__"
    code, _, errors = call(program, "--table=slides", flag)
    assert code == 1 and f"makes no rows. Received: {flag[:7]}" in errors
