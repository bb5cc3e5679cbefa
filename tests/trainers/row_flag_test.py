"""--row means what `trainers.results` would make of that row."""

import unittest.mock

import pytest

from fred_tf.coresets.sheet import SheetSettings
from fred_tf.disk import records
from trainers import distill, row_flag, train_experts
from trainers.results import making
from trainers.results.row import Row
from trainers.results.rows import ROWS

OWN = [n for n, r in ROWS.items() if r.subject == "run" and not r.run_of]
QUICK = (
    "augmentation=none",
    "network.name=mlp",
    "outer_steps=2",
    "evaluation.networks=1",
)


class Enough(ValueError):
    """What a program was to do is known."""


@pytest.fixture
def asked(monkeypatch, call):
    """Returns the config that a program asks to be made."""

    def asked(program, *flags):
        made = []

        def run(config, *_, **__):
            made.append(config)
            raise Enough("It is known.")

        monkeypatch.setattr(program, "run", run)
        folder = "expert_dir" if program is train_experts else "run_dir"
        _, _, errors = call(program.__name__, f"--{folder}=/nowhere", *flags)
        assert errors.endswith("It is known.\n"), errors
        return made.pop()

    return asked


@pytest.mark.parametrize(
    "name",
    ["cifar10_ipc1_fred_tm", "mnist_ipc1_start", "cifar10_ipc1_fred_dm_seed2"],
)
def test_a_row_is_distilled_with_its_settings(name, asked):
    assert asked(distill, f"--row={name}") == ROWS[name].config()


def test_all_rows_with_runs_of_their_own_may_be_distilled():
    assert len(OWN) > 100
    for name in OWN:
        assert row_flag.distilled(ROWS[name]) == ROWS[name].config()


def test_other_flags_work_on_top(asked):
    row = "--row=cifar10_ipc1_fred_dm_seed1"
    assert asked(distill, row).seed == 1
    changed = asked(
        distill, row, "--seed=0", "--override=outer_steps=5", "--image_size=16"
    )
    assert (changed.seed, changed.outer_steps) == (0, 5)
    assert changed.preparation.image_size == 16
    assert changed.distiller.outlier_factor == 0  # Of the row.


def test_presets_have_seed_0_unless_it_is_given(asked):
    assert asked(distill, "--preset=digits_ipc1_dm").seed == 0
    assert asked(distill, "--preset=digits_ipc1_dm", "--seed=3").seed == 3


def test_experts_are_those_of_a_row_that_only_chooses_images(asked):
    name = "cifar10_ipc1_herding"
    assert asked(train_experts, f"--row={name}") == ROWS[name].config()


@pytest.mark.parametrize(
    ("module", "flags", "said"),
    [
        ("distill", ["cifar10_ipc1_fred_ttm"], "Did you mean 'cifar10_ipc1_fr"),
        (
            "distill",
            ["cifar10_ipc1_fred_tm", "--preset=dm"],
            "--preset=dm, --row=cifar10_ipc1_fred_tm. Leave one",
        ),
        (
            "distill",
            ["cifar10_ipc1_random"],
            "random real images. `python -m trainers.evaluate "
            "--row=cifar10_ipc1_random` makes it.",
        ),
        (
            "distill",
            ["mnist_ipc1_herding"],
            "`python -m trainers.select_coreset --row=mnist_ipc1_herding`",
        ),
        ("distill", ["digits_full"], "which scores the whole training split"),
        (
            "distill",
            ["mnist_ipc1_fred_dm_on_vgg11"],
            "scores the set of --row=mnist_ipc1_fred_dm. `python -m "
            "trainers.evaluate --row=mnist_ipc1_fred_dm_on_vgg11` makes it.",
        ),
        (
            "distill",
            ["cifar10_ipc1_fred_tm_corrupted"],
            "trainers.results --rows=cifar10_ipc1_fred_tm_corrupted` makes it",
        ),
        (
            "evaluate",
            ["cifar10_ipc1_fred_tm_corrupted", "--baseline=random"],
            "Received: cifar10_ipc1_fred_tm_corrupted, which takes corrupted "
            "test images. `python -m trainers.results --rows=",
        ),
        (
            "evaluate",
            ["cifar10_ipc1_fred_tm_gpu_as_images_png", "--baseline=random"],
            "which takes the export images_png.",
        ),
        (
            "evaluate",
            ["mnist_ipc1_herding"],
            "images chosen by herding. `python -m trainers.select_coreset "
            "--row=mnist_ipc1_herding --run_dir=DIR` chooses them, and --exp",
        ),
        ("sweep.__main__", ["digits_full"], "must be one that distils"),
    ],
)
def test_other_rows_are_refused_by_what_makes_them(module, flags, said, call):
    row, *others = flags
    if module != "sweep.__main__":
        others.append("--run_dir=/nowhere")
    code, output, errors = call(f"trainers.{module}", f"--row={row}", *others)
    assert (code, output) == (1, "")
    assert said in errors and "Traceback" not in errors


def test_the_rows_are_listed(call):
    code, output, _ = call("trainers.distill", "--list_rows")
    lines = output.splitlines()
    assert code == 0
    assert {line.split()[0] for line in lines[1:]} == {
        name for name, row in ROWS.items() if not row.repeats
    }
    (line,) = (x for x in lines if x.startswith("mnist_ipc1_start "))
    assert line.split()[1:] == [
        "run",
        "mnist_ipc1_dm_cpu",
        "outer_steps=0",
        "outlier_factor=0",
    ]


@pytest.fixture
def quick_rows(monkeypatch):
    """Rows in a few seconds, whose evaluations differ from their runs."""
    scored = ("evaluation.epochs=2", "network.width=16")
    rows = {
        "quick": Row("digits_ipc1_dm_tiny", QUICK, "run", scored),
        "quick_random": Row("digits_ipc1_dm_tiny", QUICK, "random", scored),
        "quick_herding": Row("digits_ipc1_tm_tiny", QUICK, "herding", scored),
        "quick_jpeg": Row(
            "digits_ipc1_dm_tiny", QUICK, "random", stored=SheetSettings(2_000)
        ),
    }
    for name, row in rows.items():
        monkeypatch.setitem(ROWS, name, row)
    return rows


def test_real_images_are_chosen_and_scored_as_the_row_says(
    quick_rows, call, tmp_path
):
    name = "quick_random"
    row = quick_rows[name]
    made = making.make(name, row, tmp_path / "runs", tmp_path / "results")
    flags = f"--run_dir={tmp_path}", f"--row={name}"
    code, output, errors = call("trainers.evaluate", *flags)
    assert code == 0, errors
    evaluation = records.read(tmp_path / "evaluation_random.json")
    assert evaluation["accuracies"] == made["accuracies"]


def test_herding_is_the_method_of_its_row(quick_rows, call, tmp_path):
    flags = f"--run_dir={tmp_path}", "--feature_epochs=1"
    code, _, errors = call(
        "trainers.select_coreset", *flags, "--row=quick_herding"
    )
    assert code == 0, errors
    chosen = records.read(tmp_path / "coreset.json")
    assert chosen["identity"]["method"] == "herding"


def test_images_are_stored_as_their_row_says(quick_rows, call, tmp_path):
    flags = f"--run_dir={tmp_path}", "--row=quick_jpeg"
    code, _, errors = call("trainers.select_coreset", *flags)
    assert code == 0, errors
    assert 1_000 < (tmp_path / "sheet.jpeg").stat().st_size <= 2_000


@pytest.mark.parametrize(
    ("flag", "stays"),
    [
        ("--override=outer_steps=1", True),
        ("--override=holdout=0.1", False),
        ("--override=normalization=zca", False),
        ("--override=network.width=32", False),
        ("--override=evaluation.epochs=3", False),
        ("--seed=1", False),
    ],
)
def test_a_row_scores_a_run_only_on_the_data_that_it_was_made_of(
    flag, stays, quick_rows, call, tmp_path, monkeypatch
):
    """The row would score a run that holds images out on the test split."""
    made = unittest.mock.MagicMock(step=1)
    made.parameterization.instances = made.parameterization.floats_stored = 10

    def run(config, *_, **__):
        made.config = config
        return made

    monkeypatch.setattr(distill, "run", run)
    monkeypatch.setattr(distill.coded_size, "told", lambda _: "")
    own = f"--run_dir={tmp_path}"
    code, output, errors = call("trainers.distill", own, "--row=quick", flag)
    assert code == 0, errors
    row = " --row=quick" if stays else ""
    assert f"Next: python -m trainers.evaluate{row} {own}" in output


@pytest.mark.slow  # The tests before ask for its parts.
def test_a_row_is_what_results_makes(quick_rows, call, tmp_path):
    """Bit for bit, and the run says how it is scored."""
    made = making.make("quick", quick_rows["quick"], tmp_path, tmp_path)
    flags = f"--run_dir={tmp_path / 'own'}", "--row=quick"
    code, output, errors = call("trainers.distill", *flags)
    assert code == 0, errors
    assert f"Next: python -m trainers.evaluate {flags[1]} {flags[0]}" in output
    code, output, errors = call("trainers.evaluate", *flags)
    assert code == 0, errors
    evaluation = records.read(tmp_path / "own" / "evaluation.json")
    assert evaluation["accuracies"] == made["accuracies"]
    assert "training: 2 epochs" in output  # Those of the row's evaluation.
