"""The quickstart on the tiny preset, made once: what it leaves, and says."""

import re
import shlex
import sys

import numpy as np
import pytest

from fred_tf import assembly, config
from fred_tf.coresets import random_set
from fred_tf.datasets.data_facts import HELD_OUT
from fred_tf.disk import evaluation_files, records
from fred_tf.distilled_set import DistilledSet
from fred_tf.training.evaluation import Evaluation
from fred_tf.training.evaluator import Evaluator
from trainers import quickstart
from trainers.log import events, tags
from trainers.results.digits import PIXEL


@pytest.fixture(scope="module")
def quick_way(tmp_path_factory, quick_tm):
    """The quickstart of the tiny preset, and the table that it returned."""
    root = tmp_path_factory.mktemp("quickstart") / "two words"
    return root, quickstart.run(quick_tm, root)


def test_the_quickstart_says_what_floats_buy(quick_way):
    root, table = quick_way
    rows = [line for line in table.splitlines() if "+-" in line]
    assert len(rows) == 4
    floats = [re.split(r" *\| *", row)[3] for row in rows]
    assert floats[:3] == ["640"] * 3
    assert (root / "table.md").read_text() == table + "\n"


@pytest.mark.parametrize(("name", "label"), [("fred", "FreD"), ("pixel", "p")])
def test_its_runs_know_their_accuracy(
    name, label, quick_way, call, monkeypatch
):
    """And TensorBoard does; evaluating them trains nothing again."""
    root, table = quick_way
    run_dir = root / name
    monkeypatch.setattr(Evaluator, "train", None)
    code, output, errors = call("trainers.evaluate", f"--run_dir={run_dir}")
    assert code == 0, errors
    accuracy = output.partition(" test accuracy")[0]
    assert f" {accuracy} |\n" in table[table.index(f"| {label}") :]
    told = records.read(run_dir / "evaluation.json", evaluation_files.KIND)
    tag = tags.accuracy("mlp").name
    (place,) = (run_dir / "tensorboard").iterdir()
    logged = events.latest(events.paths(place), 3, [tag])
    assert logged[tag] == pytest.approx(100 * np.mean(told["accuracies"]))


def test_its_export_and_its_page_know_the_accuracy(quick_way):
    fred = quick_way[0] / "fred"
    exported = DistilledSet.load(fred / "export" / "images_float32")
    told = records.read(fred / "evaluation.json", evaluation_files.KIND)
    (evaluation,) = exported.decoded.details["evaluations"]
    assert evaluation["accuracies"] == told["accuracies"]
    accuracy = str(Evaluation(tuple(told["accuracies"]), 0.0))
    page = (fred / "report.html").read_text()
    assert accuracy.replace("+-", "±") in page and "images_float32" in page


def test_a_quickstart_goes_on_and_keeps_what_is_not_its_own(
    quick_way, quick_tm, monkeypatch
):
    root, table = quick_way
    monkeypatch.setattr(Evaluator, "train", None)
    monkeypatch.setattr(quickstart.exporting, "run", lambda *_: None)
    assert quickstart.run(quick_tm, root) == table
    monkeypatch.setattr(quickstart, "_HEADER", "| shirt | size |")
    with pytest.raises(FileExistsError, match="table.md, which fred_tf has"):
        quickstart.run(quick_tm, root)


def test_a_row_is_called_by_what_it_is(quick_tm, tmp_path):
    with pytest.raises(ValueError, match="compares a memory with pixels.*out"):
        quickstart.run(config.replace(quick_tm, PIXEL), tmp_path)
    assert not list(tmp_path.iterdir())
    idc = config.replace(quick_tm, {"parameterization.name": "idc"})
    empty = dict.fromkeys(quickstart._LABELS, Evaluation((0.5,), 0.0))
    sets = dict.fromkeys(empty, random_set(assembly.load_data(quick_tm), 1, 0))
    table = quickstart._table(idc, sets, empty)
    assert "| IDC, distilled |" in table and "FreD" not in table
    assert " test accuracy |\n" in table
    table = quickstart._table(idc, sets, empty, HELD_OUT)
    assert " test accuracy on held-out training images |\n" in table


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        (["objective.name=distribution_matching"], "experts.*'distribution_m"),
        (["budget_bytes=4000", "parameterization.step=4"], "Received: 4000"),
    ],
)
def test_what_has_no_place_in_the_table_is_refused_at_once(
    quick_tm, tmp_path, asked, refused
):
    with pytest.raises(ValueError, match=refused):
        quickstart.run(config.override(quick_tm, asked), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_quickstart_is_on_the_data_that_it_was_given(
    call, digits, tmp_path, monkeypatch
):
    """Of two folders of one name all steps take that of the path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    own = tmp_path / "own" / "photos"
    own.mkdir(parents=True)
    taken = []

    def take(step, config, data_dir):
        taken.append((step, f"{data_dir}/{config.dataset}"))

    def load(config, data_dir, download):
        take("load", config, data_dir)
        return digits

    def train(config, experts, data_dir, download):
        take("experts", config, data_dir)

    def distil(config, run_dir, data_dir, experts, download):
        take(run_dir.name, config, data_dir)
        if run_dir.name == "fred":
            raise ValueError("Far enough.")

    monkeypatch.setattr(quickstart.assembly, "load_data", load)
    monkeypatch.setattr(quickstart.train_experts, "run", train)
    monkeypatch.setattr(quickstart.distill, "run", distil)
    said = ["--override=dataset=folder:own/photos", "--run_dir=runs"]
    code, _, errors = call("trainers.quickstart", *said)
    assert code == 1 and "Far enough." in errors
    steps = "load", "experts", "pixel", "fred"
    assert taken == [(step, f"{own.parent}/folder:photos") for step in steps]


def test_a_quickstart_says_what_is_next(quick_way, monkeypatch, capsys):
    """In commands that work, as this one was called."""
    root = quick_way[0]
    for called, distils in (
        ("/x/trainers/quickstart.py", "python -m trainers.distill"),
        ("fred quickstart", "fred distil"),
        ("/usr/bin/fred-quickstart", "fred-distill"),
    ):
        monkeypatch.setattr(sys, "argv", [called])
        said = quickstart.next_commands(root)
        look, use, own = re.findall("^    (.*)$", said, re.MULTILINE)
        assert shlex.split(look) == ["tensorboard", f"--logdir={root}"]
        assert own.startswith(f"{distils} --preset=dm --dataset=folder:photos")
        assert str(root / "fred" / "report.html") in said
        python, option, code = shlex.split(use)
        assert (python, option) == ("python", "-c")
        exec(code)
        shown = capsys.readouterr().out
        assert shown.startswith("<DistilledSet of digits: 20 im")
