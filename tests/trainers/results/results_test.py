import dataclasses
import json
import os
import pathlib
import signal

import pytest

from fred_tf import assembly
from fred_tf.config import to_json
from fred_tf.datasets import Split
from fred_tf.disk import records
from fred_tf.distillation import interruption as interruptions
from fred_tf.training.evaluator import Evaluator
from trainers.results import checking, making, reading, work
from trainers.results import table as result_table
from trainers.results.clock import Clock
from trainers.results.rows import ROWS, UNSEEN, Row, with_repeats

QUICK = ("augmentation=none", "network.name=mlp", "evaluation.epochs=1")
QUICK_TM = ("augmentation=none", "network.depth=1")
TINY = {
    "pixel_dm": Row(
        "digits_ipc1_dm_tiny", (*QUICK, "parameterization.name=pixel")
    ),
    "random": Row("digits_ipc1_dm_tiny", QUICK, "random", (), "14.4 (Nobody)"),
    "herding": Row("digits_ipc1_tm_tiny", QUICK_TM, "herding"),
    "fred_tm": Row(
        "digits_ipc1_tm_tiny",
        QUICK_TM,
        "run",
        ("evaluation.networks=1",),
        evaluate_every=2,
    ),
}
for network in UNSEEN:
    # A small network in the place of the large ones of that name.
    TINY[f"fred_tm_on_{network}"] = dataclasses.replace(
        TINY["fred_tm"],
        scored_with=("network.name=mlp", "evaluation.networks=1"),
        run_of="fred_tm",
    )

TINY["fred_tm_as_coefficients_int8"] = dataclasses.replace(
    TINY["fred_tm"], run_of="fred_tm", form="coefficients_int8"
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    for name, row in TINY.items():
        making.make(name, row, root / "runs", root / "results")
    return root / "runs", root / "results"


def test_what_lies_in_results_is_of_the_present_rows():
    """Settings included: so that a row with data at hand is finished."""
    paths = sorted(
        (pathlib.Path(__file__).parents[3] / "results").glob("*.json")
    )
    assert len(paths) > 50
    for path in paths:
        record = records.read(path, reading.KIND)
        asked = records.plain(work.identity(ROWS[path.stem]))
        assert record["identity"] == asked, path.stem
        facts = record["data"]
        assert facts["train"] or "source" in facts["preparation"], path.stem


def test_every_row_is_a_preset_that_can_be_run():
    for name, row in ROWS.items():
        assert row.subject in ("run", "random", "herding", "full"), name
        scored = row.evaluation()
        assert name.startswith(scored.dataset)
        if row.run_of:
            assert row.config() == ROWS[row.run_of].config()
            other = f"on_{scored.network.name}"
            if row.form:
                other = f"as_{row.form}"
                if row.form_bytes:
                    other = f"within_{row.form_bytes}"
            elif row.severity:
                other = "corrupted"
            elif scored.network.name == row.config().network.name:
                other = "usual"  # Scored as most rows are, not as its paper.
            assert name == f"{row.run_of}_{other}"
        else:
            if scored.dataset != "digits":
                assert scored.network.width == 128
            # A kernel that is not drawn has one score.
            drawn = scored.evaluation.by == "networks"
            assert scored.evaluation.networks >= (3 if drawn else 1)
        assert scored.holdout == 0
        scored.evaluation.check_schedule()  # As the program asks of all rows.


def test_a_row_says_all_there_is_to_know(folders, digits):
    found = json.loads((folders[1] / "fred_tm.json").read_text())
    assert found["images"] == 20 and found["floats"] == 640
    # The stored floats, and where they go.
    assert 640 * 4 < found["bytes"] < 640 * 4 + 1500
    assert list(found["curve"]) == ["2", "3"]
    assert found["outer_steps"] == 3
    assert set(found["minutes"]) == {"experts", "distilling", "evaluating"}
    assert len(found["accuracies"]) == 1
    assert "cores" in found["hardware"]
    config = TINY["fred_tm"].config()
    assert found["identity"]["config"] == records.plain(to_json(config))
    assert found["data"] == digits.facts.to_json()
    by_chance = json.loads((folders[1] / "random.json").read_text())
    assert by_chance["outer_steps"] is None
    assert by_chance["images"] == 10
    assert by_chance["curve"] == {}
    herded = json.loads((folders[1] / "herding.json").read_text())
    # By the features of an expert that the row of TM uses, too.
    assert len(list(folders[0].glob("experts_*"))) == 1
    record = json.loads((folders[0] / "herding/run/coreset.json").read_text())
    assert "expert" in record["identity"]["features"]
    assert herded["images"] == 10 and herded["outer_steps"] is None


def test_another_network_is_trained_on_the_run_of_another_row(folders):
    runs, made = folders
    name = f"fred_tm_on_{UNSEEN[0]}"
    found = json.loads((made / f"{name}.json").read_text())
    identity = found["identity"]
    assert identity["evaluation"]["network"]["name"] == "mlp"
    assert identity["config"]["network"]["name"] == "convnet"
    assert not (runs / name / "run").exists()
    assert found["minutes"]["experts"] >= 0


def test_an_export_is_read_back_and_scored(folders, monkeypatch):
    whole, found = (
        json.loads((folders[1] / f"{name}.json").read_text())
        for name in ("fred_tm", "fred_tm_as_coefficients_int8")
    )
    assert found["bytes"] < whole["bytes"] < whole["bytes_of_folder"]
    assert found["images"] == whole["images"]
    monkeypatch.setattr(result_table, "ROWS", TINY)
    table = result_table.table(folders[1])
    section = table.split("## What exports cost")[1]
    assert f"| `coefficients_int8` | {found['bytes']:,} |" in section
    assert f"| `coefficients_float32` | {whole['bytes']:,} |" in section
    assert "_as_coefficients" not in table.split("## What exports cost")[0]


def test_what_is_finished_is_left_as_it_is(folders):
    path = folders[1] / "pixel_dm.json"
    before = path.stat().st_mtime_ns
    row = TINY["pixel_dm"]
    found = making.make("pixel_dm", row, *folders)
    assert found == json.loads(path.read_text())
    assert path.stat().st_mtime_ns == before
    rows = {"pixel_dm": row, "new": row}
    assert checking.finished(rows, *folders) == {"pixel_dm": found}


def test_rows_of_other_settings_or_data_are_refused(
    folders, digits, monkeypatch
):
    runs, made = folders
    path = made / "pixel_dm.json"
    before, row = path.read_bytes(), TINY["pixel_dm"]
    other = dataclasses.replace(row, scored_with=("evaluation.networks=3",))
    for enter in (
        lambda row: making.make("pixel_dm", row, runs, made),
        # Other rows come first, but nothing is made of them.
        lambda row: checking.finished(
            {"new": row, "pixel_dm": row}, runs, made
        ),
    ):
        with pytest.raises(
            ValueError,
            match=f"{path} .*`evaluation.evaluation.networks` is 2 there, 3 is "
            f"asked for. Delete {path} to make the row again.",
        ):
            enter(other)
    darker = Split(digits.train.images // 2, digits.train.labels)
    changed = dataclasses.replace(digits, train=darker)
    monkeypatch.setattr(assembly, "load_data", lambda *_: changed)
    with pytest.raises(ValueError, match="`data.train` is .*Delete"):
        checking.finished({"pixel_dm": row}, runs, made)
    assert path.read_bytes() == before
    assert not (runs / "new").exists()
    # Nor is the run taken for one of the other images.
    path.rename(made.parent / "aside.json")
    try:
        with pytest.raises(ValueError, match="`data.train` is .*--run_dir"):
            making.make("pixel_dm", row, runs, made)
        elsewhere = dataclasses.replace(row, elsewhere=True)
        with pytest.raises(ValueError, match="`jit` is False there, True"):
            making.make("pixel_dm", elsewhere, runs, made)
    finally:
        (made.parent / "aside.json").rename(path)


def test_a_row_made_elsewhere_says_how(tmp_path):
    row = dataclasses.replace(TINY["pixel_dm"], elsewhere=True)
    with pytest.raises(ValueError, match="does not hold the row's run.*pack"):
        making.make("pixel_dm", row, tmp_path / "runs", tmp_path / "results")


def test_a_clock_is_of_one_row(tmp_path):
    clock = Clock(tmp_path / "minutes.json", "a")
    with pytest.raises(KeyError), clock.on("experts"):
        raise KeyError
    with clock.on("distilling"):
        pass
    again = Clock(tmp_path / "minutes.json", "a")
    assert again.minutes() == {"experts": 0.0, "distilling": 0.0}
    with pytest.raises(ValueError, match="`row` is 'a' there, 'b' is asked"):
        Clock(tmp_path / "minutes.json", "b")


def test_a_signal_while_scoring_stops_a_row_at_once(folders, monkeypatch):
    runs, made = folders
    row = dataclasses.replace(
        TINY["fred_tm"],
        run_of="fred_tm",
        scored_with=("network.name=mlp", "evaluation.networks=2"),
    )
    scored, score = [], Evaluator.score

    def signalled(*arguments):
        if scored:
            os.kill(os.getpid(), signal.SIGTERM)
        scored.append(score(*arguments))
        return scored[-1]

    monkeypatch.setattr(Evaluator, "score", signalled)
    with interruptions.Interruption().watching() as interruption:
        stopped = making.make(
            "again", row, runs, made, None, False, interruption
        )
    assert stopped is None and not (made / "again.json").exists()
    spent = records.read(runs / "again" / "evaluating.json", "clock")
    assert spent["minutes"]["evaluating"] > 0
    monkeypatch.undo()
    found = making.make("again", row, runs, made)
    assert found["accuracies"][0] == scored[0]
    assert len(scored) == 1 and len(found["accuracies"]) == 2


def test_the_table_comes_from_the_files_alone(folders, monkeypatch):
    monkeypatch.setattr(result_table, "ROWS", TINY)
    table = result_table.table(folders[1])
    found = json.loads((folders[1] / "random.json").read_text())
    line = next(x for x in table.splitlines() if "| `random` |" in x)
    mean, deviation = 100 * found["mean"], 100 * found["deviation"]
    assert f"| {mean:.1f} ± {deviation:.1f} |  |  | 14.4 (Nobody) |" in line
    assert "Not made yet" not in table
    assert "## digits, ipc 1" in table
    assert "| TM | FreD | 20 | 640 |" in table
    assert " at 2 |" in table or " at 3 |" in table
    (folders[1] / "random.json").rename(folders[1] / "other.json")
    try:
        of_packs = dataclasses.replace(TINY["random"], elsewhere=True)
        rows = {**TINY, "packed": of_packs}
        monkeypatch.setattr(result_table, "ROWS", rows)
        table = result_table.table(folders[1])
        assert "Not made yet: random." in table
        assert "for want of an accelerator (`--pack`): packed." in table
        assert "| `other` |" in table
    finally:
        (folders[1] / "other.json").rename(folders[1] / "random.json")


def test_each_row_of_a_run_can_be_made_with_other_seeds():
    (own, *again) = with_repeats(["mnist_ipc1_fred_dm"], 3)
    assert own == "mnist_ipc1_fred_dm" and len(again) == 2
    for seed, name in enumerate(again, start=1):
        row = ROWS[name]
        assert row.repeats == own and row.config().seed == seed
        same = dataclasses.replace(row.config(), seed=0)
        assert same == ROWS[own].config()
    assert with_repeats(["mnist_ipc1_fred_dm"], 1) == [own]
    # A seed of its own, and the scores of another row's run.
    alone = [again[0], "mnist_ipc1_fred_dm_on_vgg11"]
    assert with_repeats(alone, 3) == alone


def test_rows_of_other_images_are_named():
    def of(**preparation):
        return {"data": {"name": "x", "preparation": preparation}}

    copies = {"a": of(source="a copy"), "b": of(source="a copy")}
    (_, line) = result_table._sources(copies)
    assert line == "Rows of x are of a copy."
    (_, line) = result_table._sources({**copies, "c": of()})
    assert line == "These rows of x are of a copy: `a`, `b`."
    assert not result_table._sources({"c": of()})


def test_what_a_copy_cost_is_told_of_rows_made_of_both():
    def of(accuracy, settings=0, **preparation):
        return {
            "identity": settings,
            "data": {"name": "x", "preparation": preparation},
            "accuracies": [accuracy],
            "learning_rate": 0.01,
        }

    copies = {name: of(0.5, source="a copy") for name in "abcd"}
    now = {"a": of(0.75), "b": of(0.5, source="a copy"), "c": of(0.6, 1)}
    (_, line) = result_table._cost_of_copies(now, copies)
    assert line.endswith("original): `a` 50.0 (75.0).")
    assert not result_table._cost_of_copies(now, {})


def test_foreign_files_are_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"format_version": 1}')
    with pytest.raises(ValueError, match="must be 4 .*Received: 1.*Delete "):
        result_table.table(tmp_path)


def test_the_table_says_which_bytes_a_whitened_row_does_not_count():
    path = pathlib.Path(__file__).parents[3] / "results"
    record = json.loads((path / "cifar10_ipc1_pixel_tm.json").read_text())
    plain = {**record["identity"], **record}
    whitened = {**plain, "config": {**plain["config"], "normalization": "zca"}}
    results = {"plain": plain, "whitened": whitened}
    assert "pixels |" in result_table._line("plain", results)
    line = result_table._line("whitened", results)
    assert "pixels, whitened (zca) |" in line
    _, said = result_table._matrices(results)
    assert "37,748,736 bytes" in said and "cifar10" in said
    assert result_table._matrices({"plain": plain}) == []


def test_the_table_says_what_is_scored_by_a_kernel():
    path = pathlib.Path(__file__).parents[3] / "results"
    name = "cifar10_ipc10_pixel_kip_labels"
    record = json.loads((path / f"{name}.json").read_text())
    results = {name: {**record["identity"], **record}}
    assert "| kernel | 0 | 47.8" in result_table._line(name, results)
