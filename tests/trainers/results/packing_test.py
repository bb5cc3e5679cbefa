"""Rows that are made elsewhere: what is packed, and what comes home."""

import json
import re
import subprocess
import sys

import pytest

from fred_tf import config, presets
from fred_tf.disk import records
from fred_tf.distilled_run import DistilledRun
from fred_tf.presets import fitting
from tests.trainers.elsewhere import made
from trainers.elsewhere.runner import lock
from trainers.results import __main__ as program
from trainers.results import making, packing, reading
from trainers.results.rows import Row

PART = 1 << 20
MORE = ("outer_steps=45",)
ROWS = {
    "segments": Row("digits_ipc1_tm_tiny", MORE, elsewhere=True),
    "shorter": Row("digits_ipc1_tm_tiny", ("student_steps=1",)),
    "batches": Row("digits_ipc1_dm_tiny"),
    "herded": Row("digits_ipc1_tm_tiny", (), "herding"),
    "cosine": Row("digits_ipc1_dm_tiny", ("evaluation.schedule=cosine",)),
    "other_network": Row("digits_ipc1_dm_tiny", run_of="batches"),
}


def some(*names):
    return {name: ROWS[name] for name in names}


def test_images_and_experts_are_shared(unlowered, tmp_path):
    rows = some("segments", "shorter", "batches")
    packing.pack(rows, [3, 1, 1], tmp_path, PART)
    # One training split, one test split; experts that are trained alike.
    assert len(list((tmp_path / "data").iterdir())) == 2
    assert len(list((tmp_path / "experts").iterdir())) == 1
    listed = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert [row["name"] for row in listed] == list(rows)
    assert [row["share"] for row in listed] == [3, 1, 1]
    for row in listed:
        pack = tmp_path / row["pack"]
        about = json.loads((pack / "pack.json").read_text())
        root = pack / about["shared"]
        assert root.resolve() == tmp_path.resolve()
        for place in about["images"].values():
            assert (root / place / "0.npz").exists()
    assert (tmp_path / "run.py").exists()
    # Packed again, what is there stays.
    batches = tmp_path / "rows/batches"
    made.move(batches, 2)
    packing.pack(rows, [3, 1, 1], tmp_path, PART)
    assert made.state_of(batches)["step"] == 2


def test_other_rows_are_refused(unlowered, tmp_path):
    folder = tmp_path / "packs"
    packing.pack(some("batches"), [1], folder, PART)
    with pytest.raises(ValueError, match="rows.batches.*another --pack"):
        packing.pack(some("segments"), [1], folder, PART)
    for name in ("herded", "other_network"):
        with pytest.raises(ValueError, match=f"A pack makes runs.*'{name}'"):
            packing.pack(some(name), [1], tmp_path / "none", PART)
    with pytest.raises(ValueError, match="Row 'cosine': A pack scores"):
        packing.pack(some("cosine"), [1], tmp_path / "none", PART)
    for shares in ([], [1, 2], [0], [float("nan")], [float("inf")]):
        with pytest.raises(ValueError, match="one for each row"):
            packing.pack(some("batches"), shares, tmp_path / "none", PART)
    assert not (tmp_path / "none").exists()
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match="holds no rows.json"):
        packing.pack(some("batches"), [1], tmp_path, PART)


def test_a_start_that_failed_takes_other_rows(unlowered, tmp_path, monkeypatch):
    def fail(*_):
        raise ValueError("no data here")

    with monkeypatch.context() as patch:
        patch.setattr(packing.packing, "pack_run", fail)
        with pytest.raises(ValueError, match="no data"):
            packing.pack(some("segments"), [1], tmp_path, PART)
    assert (tmp_path / "rows.json").exists()
    packing.pack(some("batches"), [1], tmp_path, PART)
    with pytest.raises(ValueError, match="rows.batches.*another --pack"):
        packing.pack(some("segments"), [1], tmp_path, PART)


def test_rows_are_replaced_only_on_purpose(unlowered, tmp_path, monkeypatch):
    folder = tmp_path / "packs"
    packing.pack(some("batches"), [1], folder, PART)
    made.move(folder / "rows/batches", 2)
    (folder / "rows/batches/notes.txt").touch()
    more = some("segments"), [1], folder, PART
    with pytest.raises(FileExistsError, match="rows/batches/notes.txt"):
        packing.pack(*more, overwrite=True)
    assert made.state_of(folder / "rows/batches")["step"] == 2
    (folder / "rows/batches/notes.txt").unlink()

    def fail(*_):
        raise FileNotFoundError("no data there")

    with monkeypatch.context() as patch:
        patch.setattr(packing.assembly, "load_data", fail)
        with pytest.raises(FileNotFoundError, match="no data there"):
            packing.pack(*more, overwrite=True)
    assert made.state_of(folder / "rows/batches")["step"] == 2
    packing.pack(*more, overwrite=True)
    assert [path.name for path in (folder / "rows").iterdir()] == ["segments"]


@pytest.mark.parametrize("place", ["", "rows/batches"])
def test_rows_that_a_runner_makes_are_not_replaced(place, unlowered, tmp_path):
    """All of them in slices, or one of them by itself."""
    asked = some("batches"), [1], tmp_path, PART
    packing.pack(*asked)
    with lock.exclusive(tmp_path / place):
        for overwrite in (False, True):
            with pytest.raises(BlockingIOError, match="is in use by"):
                packing.pack(*asked, overwrite=overwrite)
    packing.pack(*asked, overwrite=True)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("../batches", "`name` must be a word"),
        ("unknown", "must name rows that there are"),
        ("shorter", "`shorter.objective.name` is"),
    ],
)
def test_rows_come_home_under_their_own_names(name, match, unlowered, tmp_path):
    folder, runs = tmp_path / "packs", tmp_path / "runs"
    packing.pack(some("batches"), [1], folder, PART)
    made.write_spent(folder / "rows/batches")
    path = folder / "rows.json"
    record = json.loads(path.read_text())
    rows = record["identity"]["rows"]
    rows[name] = rows.pop("batches")
    (folder / "rows/batches").rename(folder / f"rows/{name}")
    path.write_text(json.dumps(records.seal(record)))
    if name == "../batches":
        with pytest.raises(ValueError, match=match):
            packing.unpack(ROWS, folder, runs)
    else:
        told, refused = packing.unpack(ROWS, folder, runs)
        assert not told and re.search(match, refused[name])
    assert not runs.exists()


def test_a_row_in_the_place_of_another_is_refused(unlowered, tmp_path):
    folder, runs = tmp_path / "packs", tmp_path / "runs"
    packing.pack(some("segments", "batches"), [1, 1], folder, PART)
    for name in ("segments", "batches"):
        made.write_spent(folder / "rows" / name)
    (folder / "rows/segments").rename(folder / "rows/aside")
    (folder / "rows/batches").rename(folder / "rows/segments")
    told, refused = packing.unpack(ROWS, folder, runs)
    assert re.search("rows.json.*`segments.*is", refused["segments"])
    assert not told and "There is no pack in" in refused["batches"]
    (folder / "rows/aside").rename(folder / "rows/batches")
    (folder / "rows/segments").rename(folder / "rows/aside")
    (folder / "rows/segments").symlink_to(folder / "rows/aside")
    assert (
        "a symbolic link" in packing.unpack(ROWS, folder, runs)[1]["segments"]
    )
    assert not runs.exists()


def test_a_row_that_cannot_come_home_is_in_nobodys_way(
    unlowered, digits, tmp_path, monkeypatch, capsys
):
    folder, runs = tmp_path / "packs", tmp_path / "runs"
    packing.pack(some("segments", "batches"), [1, 1], folder, PART)
    for name, step in (("segments", 20), ("batches", 3)):
        advance(folder / "rows" / name, step, [0.5, 0.25])
    scores = folder / "rows/segments/scores.json"
    scores.write_text(scores.read_text().replace("0.25", "0.75"))
    flags = f"--unpack={folder}", f"--runs_dir={runs}", "--download"
    results = f"--results_dir={tmp_path / 'results'}"
    monkeypatch.setattr(sys, "argv", ["results", *flags, results])
    monkeypatch.setattr(program, "ROWS", ROWS)
    load, how = packing.assembly.load_data, set()

    def looked(config, *where):
        how.add(where)
        return load(config, *where)

    monkeypatch.setattr(packing.assembly, "load_data", looked)
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 1
    assert (None, True) in how and (None, False) not in how
    out, errors = capsys.readouterr()
    assert f"segments did not come home: ValueError: {scores} must" in errors
    assert "batches: step 3 of 3" in out
    record = records.read(tmp_path / "results/batches.json", reading.KIND)
    assert record["accuracies"] == [0.5, 0.25]


def test_scores_of_a_row_give_way_to_those_of_later_steps(
    unlowered, digits, tmp_path
):
    folder, runs = tmp_path / "packs", tmp_path / "runs"
    packing.pack(some("segments"), [1], folder, PART)
    pack, path = folder / "rows/segments", runs / "segments/evaluation.json"
    advance(pack, 20, [0.5])
    packing.unpack(ROWS, folder, runs)
    before = path.read_bytes()
    advance(pack, 45, [0.75, 0.25])
    for _ in range(2):
        told, refused = packing.unpack(ROWS, folder, runs)
        assert list(told) == ["segments"] and not refused
        assert records.read(path, "evaluation")["accuracies"] == [0.75, 0.25]
        aside = path.with_name("evaluation_step000000020.json")
        assert aside.read_bytes() == before
    # What is no earlier state of it stays, and is refused with a way out.
    made.write_scores(pack, 45, convnet=[0.5, 0.25])
    (line,) = packing.unpack(ROWS, folder, runs)[1].values()
    assert "`accuracies`" in line and "Choose another --runs_dir" in line


def test_what_holds_no_rows_says_how_to_pack_some(tmp_path):
    with pytest.raises(FileNotFoundError, match="--pack="):
        packing.unpack(ROWS, tmp_path, tmp_path / "runs")


def advance(pack, step, accuracies=()):
    """Does to a pack what the runner does, with a memory of our own."""
    made.move(pack, step)
    made.write_metrics(pack, step)
    complete = step == made.about_of(pack)["outer_steps"]
    made.write_spent(pack, distilling=2.5, step=step, complete=complete)
    made.write_scores(pack, step, convnet=list(accuracies))


def test_rows_come_home_finished_or_not(unlowered, digits, tmp_path):
    folder, runs = tmp_path / "packs", tmp_path / "runs"
    rows = some("segments", "batches", "shorter")
    packing.pack(rows, [1, 1, 1], folder, PART)
    advance(folder / "rows/segments", 20)
    advance(folder / "rows/batches", 3, [0.5, 0.25])
    told, refused = packing.unpack(ROWS, folder, runs)
    assert not refused
    assert told["segments"].startswith("step 20 of 45")
    assert told["batches"] == "step 3 of 3, convnet 0.3750 (2 networks)"
    assert told["shorter"].endswith("never begun")
    assert DistilledRun.restore(runs / "segments/run").step == 20
    assert packing.complete(ROWS, folder, told) == ["batches"]
    # Of one that is asked for fewer steps by now, those that were made count.
    advance(folder / "rows/segments", 30, [0.5, 0.25])
    fewer = {
        **ROWS,
        "segments": Row("digits_ipc1_tm_tiny", ("outer_steps=30",)),
    }
    assert packing.complete(ROWS, folder, told) == ["batches"]
    assert packing.complete(fewer, folder, told) == ["segments", "batches"]
    packing.unpack(fewer, folder, runs)
    assert DistilledRun.restore(runs / "segments/run").step == 30
    # The row is made of it, and nothing is trained.
    record = making.make("batches", ROWS["batches"], runs, tmp_path / "results")
    assert record["accuracies"] == [0.5, 0.25]
    assert record["distilled_on"] == record["scored_on"] == "it"
    assert record["minutes"]["distilling"] == 2.5
    changed = {**ROWS, "segments": Row("digits_ipc1_tm_tiny", ("seed=1",))}
    refused = packing.unpack(changed, folder, runs)[1]
    assert re.search("seed.*version that packed", refused["segments"])


def test_rows_of_a_budget_in_bytes_come_home(unlowered, digits, tmp_path):
    """Whose `ipc` follows from it, and is none that was asked for."""
    folder, runs = tmp_path / "packs", tmp_path / "runs"
    changes = "parameterization.step=1", "budget_bytes=4000"
    rows = {"bytes": Row("digits_ipc1_dm_tiny", changes)}
    packing.pack(rows, [1], folder, PART)
    advance(folder / "rows/bytes", 3, [0.5, 0.25])
    packing.unpack(rows, folder, runs)
    assert packing.complete(rows, folder, rows) == ["bytes"]
    run = DistilledRun.restore(runs / "bytes/run")
    assert run.config == fitting.fitted(rows["bytes"].config(), digits)
    assert run.config.ipc > 1


def test_rows_are_made_there_in_slices(tmp_path):
    pytest.importorskip("jax")
    folder, runs = tmp_path / "packs", tmp_path / "runs"
    rows = some("segments", "batches")
    packing.pack(rows, [1, 1], folder, PART)
    command = [sys.executable, folder / "run.py", "--processes=2"]
    # Too short for all of it, then long enough.
    subprocess.run([*command, "--minutes=0.51"], check=True)
    subprocess.run([*command, "--minutes=20"], check=True)
    found = packing.complete(ROWS, folder, rows)
    assert sorted(found) == ["batches", "segments"]
    packing.unpack(ROWS, folder, runs)
    for name, row in rows.items():
        record = making.make(name, row, runs, tmp_path / "results")
        assert len(record["accuracies"]) == 2
        assert record["outer_steps"] == row.config().outer_steps
    path = tmp_path / "results" / "segments.json"
    assert records.read(path, reading.KIND)["minutes"]["distilling"] > 0
    settings = config.replace(
        presets.preset("digits_ipc1_tm_tiny"), {"outer_steps": 45}
    )
    assert ROWS["segments"].config() == settings
