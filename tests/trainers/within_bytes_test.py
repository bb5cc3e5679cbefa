"""Sets that their export rounds are scored as what fits the bytes."""

import pytest

from fred_tf import config, forms, presets
from fred_tf.disk import records
from fred_tf.disk.evaluation_files import KIND
from fred_tf.distilled_run import DistilledRun
from fred_tf.scoring import description
from trainers.report import headline
from trainers.sweep import __main__ as sweep
from trainers.sweep.grid import cells

QUICK = [
    "outer_steps=2",
    "evaluation.epochs=1",
    "evaluation.networks=1",
    "augmentation=none",
    "network.name=mlp",
    "parameterization.step=1",
]
LATE = "late: budget_bytes=3000; parameterization.rounded=export"


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    root = tmp_path_factory.mktemp("swept")
    points = [LATE, "through: budget_bytes=3000", "floats: ipc=1"]
    sweep.run(presets.preset("digits_ipc1_dm_tiny"), cells(QUICK, points), root)
    return root


def scored(cell) -> str:
    return records.read(cell / "evaluation.json", KIND)["identity"]["set"]


def test_a_sweep_scores_what_its_bytes_hold(swept):
    late, through, floats = (
        swept / f"point={x}" for x in ("late", "through", "floats")
    )
    for cell in (late, through):
        folder = cell / "within_bytes"
        size = sum(path.stat().st_size for path in folder.iterdir())
        assert size <= 3000
        run = DistilledRun.restore(cell)
        told = description(run.config, forms.read(folder))
        assert scored(cell) == told["identity"]["set"]
    run = DistilledRun.restore(late)
    told = description(run.config, run.synthetic_set())
    assert scored(late) != told["identity"]["set"]
    assert not (floats / "within_bytes").exists()


def test_an_evaluation_of_floats_says_that_they_are_not_rounded(
    swept, call, caplog
):
    for point, said in (("late", True), ("through", False)):
        caplog.clear()
        folder = swept / f"point={point}"
        name = "--name=again"
        assert call("trainers.evaluate", f"--run_dir={folder}", name)[0] == 0
        assert ("--budget_bytes=3000" in caplog.text) == said
        assert ("The set is scored as floats" in caplog.text) == said


def test_a_page_tells_floats_from_what_their_export_makes_of_them(swept):
    for point, said in (("late", True), ("through", False), ("floats", False)):
        run = DistilledRun.restore(swept / f"point={point}")
        page = headline.of_run(run, headline.evaluations(run))
        assert ("before its export rounds it" in page) == said


def test_settings_are_kept_and_another_budget_replaces_the_bytes():
    asked = config.override(
        presets.preset("digits_ipc1_dm_tiny"),
        [*QUICK, *LATE.partition(": ")[2].split("; ")],
    )
    again = config.from_json(config.to_json(asked))
    assert again == asked
    memory = config.override(asked, ["ipc=1"]).parameterization
    assert (memory.step, memory.budget_bytes) == (1, 0)


def test_bytes_are_refused_where_they_would_count_for_nothing(
    swept, call, tmp_path
):
    late = "trainers.evaluate", f"--run_dir={swept / 'point=late'}"
    preset = "--preset=digits_ipc1_dm_tiny"
    new = f"--sweep_dir={tmp_path / 'new'}"
    for command, message in (
        ([*late, "--budget_bytes=900"], "900 for what is scored as it is"),
        ([*late, preset, "--budget_bytes=900"], "is scored as it is"),
        ([*late, "--baseline=random"], "--stored_bytes=3000"),
        (
            ["trainers.sweep.__main__", preset, new, "--budget_bytes=3000"]
            + ["--override=ipc=2", "--override=seed=0,1"],
            "3,000 bytes, and `ipc` 2",
        ),
        (
            ["trainers.sweep.__main__", preset, new, "--override=ipc=0,1"],
            "Cell 'ipc=0': ",
        ),
    ):
        code, output, errors = call(*command)
        assert (code, message in errors) == (1, True), errors
        assert "Traceback" not in errors
    assert not (tmp_path / "new").exists()


def test_settings_on_the_command_line_count_for_a_run(swept, call):
    floats = "trainers.evaluate", f"--run_dir={swept / 'point=floats'}"
    code, _, errors = call(*floats, "--seed=1")
    assert code == 1 and "`seed` is" in errors
    code, _, errors = call(*floats, "--preset=digits_ipc1_dm_tiny")
    assert code == 1 and "`network" in errors
    code, output, _ = call(*floats, "--name=again")
    assert code == 0 and "evaluation_again.json" in output
