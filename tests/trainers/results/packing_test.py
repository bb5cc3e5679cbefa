"""Rows that are made elsewhere: what is packed, and what comes home."""

import json
import subprocess
import sys

import pytest

from fred_tf import config, presets
from fred_tf.disk import records
from fred_tf.distilled_run import DistilledRun
from fred_tf.presets import fitting
from tests.trainers.elsewhere import made
from trainers.results import making, packing, reading
from trainers.results.rows import Row

PART = 1 << 20
MORE = ("outer_steps=45",)
ROWS = {
    "segments": Row("digits_ipc1_tm_tiny", MORE, elsewhere=True),
    "shorter": Row("digits_ipc1_tm_tiny", ("student_steps=1",)),
    "batches": Row("digits_ipc1_dm_tiny"),
    "herded": Row("digits_ipc1_tm_tiny", (), "herding"),
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
    with pytest.raises(ValueError, match=match):
        packing.unpack(ROWS, folder, runs)
    assert not runs.exists()


def test_a_row_in_the_place_of_another_is_refused(unlowered, tmp_path):
    folder, runs = tmp_path / "packs", tmp_path / "runs"
    packing.pack(some("segments", "batches"), [1, 1], folder, PART)
    for name in ("segments", "batches"):
        made.write_spent(folder / "rows" / name)
    (folder / "rows/segments").rename(folder / "rows/aside")
    (folder / "rows/batches").rename(folder / "rows/segments")
    with pytest.raises(ValueError, match="rows.json.*`segments.*is"):
        packing.unpack(ROWS, folder, runs)
    (folder / "rows/segments").rename(folder / "rows/batches")
    (folder / "rows/segments").symlink_to(folder / "rows/aside")
    with pytest.raises(ValueError, match="a symbolic link"):
        packing.unpack(ROWS, folder, runs)
    assert not runs.exists()


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
    told = packing.unpack(ROWS, folder, runs)
    assert told["segments"].startswith("step 20 of 45")
    assert told["batches"] == "step 3 of 3, convnet 0.3750 (2 networks)"
    assert told["shorter"].endswith("never begun")
    assert DistilledRun.restore(runs / "segments/run").step == 20
    assert packing.complete(ROWS, folder) == ["batches"]
    # Of one that is asked for fewer steps by now, those that were made count.
    advance(folder / "rows/segments", 30, [0.5, 0.25])
    fewer = {
        **ROWS,
        "segments": Row("digits_ipc1_tm_tiny", ("outer_steps=30",)),
    }
    assert packing.complete(ROWS, folder) == ["batches"]
    assert packing.complete(fewer, folder) == ["segments", "batches"]
    packing.unpack(fewer, folder, runs)
    assert DistilledRun.restore(runs / "segments/run").step == 30
    # The row is made of it, and nothing is trained.
    record = making.make("batches", ROWS["batches"], runs, tmp_path / "results")
    assert record["accuracies"] == [0.5, 0.25]
    assert record["distilled_on"] == record["scored_on"] == "it"
    assert record["minutes"]["distilling"] == 2.5
    changed = {**ROWS, "segments": Row("digits_ipc1_tm_tiny", ("seed=1",))}
    with pytest.raises(ValueError, match="seed.*version that packed"):
        packing.unpack(changed, folder, runs)


def test_rows_of_a_budget_in_bytes_come_home(unlowered, digits, tmp_path):
    """Whose `ipc` follows from it, and is none that was asked for."""
    folder, runs = tmp_path / "packs", tmp_path / "runs"
    changes = "parameterization.step=1", "budget_bytes=4000"
    rows = {"bytes": Row("digits_ipc1_dm_tiny", changes)}
    packing.pack(rows, [1], folder, PART)
    advance(folder / "rows/bytes", 3, [0.5, 0.25])
    packing.unpack(rows, folder, runs)
    assert packing.complete(rows, folder) == ["bytes"]
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
    assert sorted(packing.complete(ROWS, folder)) == ["batches", "segments"]
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
