"""What a page says first: numbers that were measured, or how to measure."""

import dataclasses
import json
import re
import shlex

import pytest

from fred_tf import config, scoring
from fred_tf.disk import evaluation_files, records
from fred_tf.training.evaluation import Evaluation
from tests.trainers.report.browsing import Outline
from trainers import within_bytes
from trainers.report import evaluating, headline


@pytest.fixture
def keep(run):
    """Keeps an evaluation of real images somewhere, like the run's own."""
    written = []

    def keep(folder, method, images, accuracies, data=None, **identity):
        own = records.read(run.folder.path / "evaluation.json")
        path = folder / f"evaluation_{method}_{len(written)}.json"
        records.write(
            path,
            evaluation_files.KIND,
            {**own["identity"], "set": "0" * 64, **identity},
            {**own["data"], **(data or {})},
            images=images,
            details={"method": method},
            accuracies=accuracies,
        )
        written.append(path)

    yield keep
    for path in written:
        path.unlink()


def rows(run) -> list[list[str]]:
    text = headline.of_run(run, headline.evaluations(run))
    Outline(text)
    found = re.findall("<td.*?>(.*?)</td>", text)
    return [found[start : start + 4] for start in range(0, len(found), 4)]


def test_real_images_stand_beside_the_set(run, keep):
    here, above = run.folder.path, run.folder.path.parent
    keep(here, "random", 10, [0.25, 0.75])
    keep(above, "full", 1433, [0.875])
    keep(here, "random", 20, [0.5, 0.5])
    own, random, as_many, full = rows(run)
    assert own[:3] == ["this set", "20", "2,560"]
    assert random == ["random real images", "10", "2,560", "50.0 ± 25.0 %"]
    expected = ["as many random real images", "20", "5,120", "50.0 ± 0.0 %"]
    assert as_many == expected
    # One network has no spread.
    assert full == ["all training images", "1,433", "366,848", "87.5 %"]


def test_all_images_may_be_trained_on_otherwise_and_say_so(run, keep):
    """Nothing smaller is compared with them for what it costs to train."""
    here = run.folder.path
    keep(here, "full", 1433, [0.875], evaluation={"epochs": 7})
    keep(here, "full", 1433, [0.9], evaluation={"by": "kernel"})
    keep(here, "full", 1433, [0.9], network={"name": "lenet"})
    expected = ["all training images, trained otherwise", "1,433"]
    assert rows(run)[-1] == [*expected, "366,848", "87.5 %"]
    keep(here, "full", 1433, [0.75])
    assert rows(run)[-1][::3] == ["all training images", "75.0 %"]


def test_the_best_that_is_known_is_told(run, keep):
    for scores in ([0.25], [0.5], [0.125]):
        keep(run.folder.path, "random", 10, scores)
    assert rows(run)[1][-1] == "50.0 %"


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"test": "0" * 64}},
        {"data": {"train": "0" * 64}},
        {"network": {"name": "lenet"}},
        {"evaluation": {"epochs": 7}},
        {"evaluation": {"by": "kernel"}},
        {"augmentation": "flip"},
        {"accuracies": []},
        {"accuracies": [2.0]},
        {"images": 30},
    ],
)
def test_what_is_of_other_images_or_networks_is_not(run, keep, other):
    said = {"method": "random", "images": 10, "accuracies": [0.5], **other}
    keep(run.folder.path, **said)
    _, random, _ = rows(run)
    assert random[-1] == "not evaluated yet"
    told = headline.of_run(run, [])
    assert "# random real images\npython -m trainers.evaluate --run" in told


def test_a_set_that_was_trained_on_otherwise_has_other_beside_it(run, keep):
    """And the command that measures them says how."""
    (own,) = headline.evaluations(run)
    longer = {**own["evaluation"], "epochs": 1000}
    keep(run.folder.path, "random", 10, [0.5], evaluation=longer)
    text = headline.of_run(run, [{**own, "evaluation": longer}])
    assert "50.0 %" in text
    assert "--baseline=full --override evaluation.epochs=1000" in text
    stopped = headline.of_run(run, [{**own, "networks": 20}])
    assert ", 2 mlps of 20<" in stopped
    # Where both were measured, the run's own settings come first.
    both = [{**own, "evaluation": longer}, own]
    assert headline.of_own_network(both, run.config) == own


def test_what_is_no_evaluation_is_passed_over(run):
    path = run.folder.path.parent / "evaluation_mine.json"
    path.write_text("mine")
    try:
        assert len(rows(run)) == 3
    finally:
        path.unlink()


def test_quickstart_keeps_evaluations_beside_its_runs(run):
    own = run.folder.path / "evaluation.json"
    moved = own.rename(own.parent.parent / "evaluation_fred.json")
    try:
        (found,) = headline.evaluations(run)
    finally:
        moved.rename(own)
    stated = json.loads(own.read_text())
    assert found["accuracies"] == stated["accuracies"]


@pytest.mark.parametrize(
    "scores, said", [((0.5,), "50.0 %"), ((0.5, 0.7), "60.0 ± 10.0 %")]
)
def test_a_spread_needs_two_networks(scores, said):
    assert headline.accuracy(Evaluation(scores, 0.0)) == said


@pytest.mark.parametrize(
    "asked",
    [
        ["augmentation=none"],
        ["convolutions=bfloat16", "evaluation.augmentation=flip_rotate"],
        ["network.name=convnet", "network.width=9", "norm_layout=columns"],
        ["network.name=lenet", "evaluation.epochs=7"],
        ["evaluation.by=kernel"],
        [
            "evaluation.by=kernel",
            "objective.name=kernel_ridge",
            "objective.depth=2",
        ],
    ],
)
def test_the_command_for_a_row_asks_for_all_that_is_compared(run, asked):
    """Given as it stands, its evaluation fills the row."""
    how = scoring.how(config.override(run.config, asked))
    line = evaluating.command(run, "random", how)
    words = shlex.split(line)
    given = [words[i + 1] for i, word in enumerate(words) if "override" in word]
    reached = config.override(run.config, given)
    assert scoring.are_alike(scoring.how(reached), how)
    assert f"--run_dir={run.folder.path}" in words


def test_a_command_for_a_file_that_is_there_gives_another_name(run):
    """It would be refused as one of other settings."""
    usual = scoring.how(run.config)
    assert "--name" not in evaluating.command(run, "full", usual)
    there = run.folder.path / "evaluation_full.json"
    there.touch()
    try:
        line = evaluating.command(run, "full", usual)
        assert line.endswith(" --baseline=full --name=alike")
    finally:
        there.unlink()
    # The run's own is there.
    assert evaluating.command(run, "", usual).endswith(" --name=alike")


def test_a_model_whose_file_is_unknown_is_left_to_the_reader(run):
    how = {**scoring.how(run.config), "network": {"name": "keras"}}
    line = evaluating.command(run, "random", how)
    assert "--model=FILE.keras" in line and "override" not in line


def test_bytes_of_frequencies_are_no_budget_of_real_images(run):
    """`ipc` takes their place, or the command would be refused."""
    bytes_of = {
        "parameterization.budget_bytes": 4000,
        "parameterization.step": 4.0,
    }
    coded = config.replace(run.config, bytes_of)
    of_bytes = dataclasses.replace(run, config=coded)
    line = evaluating.command(of_bytes, "random", scoring.how(coded))
    given = shlex.split(line)[-1]
    assert given == f"ipc={coded.ipc}"
    within_bytes.refuse_real(config.override(coded, [given]))
