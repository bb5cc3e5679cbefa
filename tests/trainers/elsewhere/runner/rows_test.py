"""Which row gets how many minutes, and when it is left alone."""

import json

import pytest

from trainers.elsewhere.runner import rows

# Stands in for the runner: keeps what it was asked for, and fails for "b".
RUN = """
import json, pathlib, sys
pack = pathlib.Path(sys.argv[2])
with open(pack / "calls.txt", "a") as file:
    file.write(json.dumps(sys.argv[3:]) + "\\n")
sys.exit(3 if pack.name == "b" else 0)
"""


@pytest.fixture
def folder(tmp_path):
    """Three packs, of which the last one is done."""
    (tmp_path / "run.py").write_text(RUN)
    listed = []
    for name, share in (("a", 3), ("b", 1), ("c", 9)):
        listed.append({"name": name, "pack": f"rows/{name}", "share": share})
        pack = tmp_path / "rows" / name
        pack.mkdir(parents=True)
        scoring = {"networks": ["convnet"], "seeds": [1, 2]}
        write(pack / "pack.json", scoring=scoring, outer_steps=9)
    done = tmp_path / "rows" / "c"
    write(done / "spent.json", step=9, complete=True)
    write(done / "scores.json", step=9, networks={"convnet": [0.5, 0.25]})
    write(tmp_path / rows.ROWS, rows=listed)
    return tmp_path


def write(path, **values):
    path.write_text(json.dumps(values))


def calls(pack):
    path = pack / "calls.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return [dict(zip(call[::2], call[1::2])) for call in map(json.loads, lines)]


def test_unfinished_rows_share_the_minutes(folder, capfd):
    rows.make(folder, 8.0, 5, "complete")
    (first,), (second,) = (calls(folder / "rows" / name) for name in "ab")
    assert float(first["--minutes"]) == pytest.approx(6, abs=0.1)
    # What the first did not need is left to the second.
    assert float(second["--minutes"]) == pytest.approx(8, abs=0.2)
    assert first["--processes"] == "5" and first["--score"] == "complete"
    assert first["--end"] == second["--end"]
    assert not calls(folder / "rows" / "c")
    told = capfd.readouterr().out
    assert "b ended with 3" in told
    assert "c: step 9 of 9, convnet 0.3750 (2 networks)" in told


def test_no_row_is_begun_without_time(folder, capfd):
    rows.make(folder, 0.1, 1, "now")
    assert not calls(folder / "rows" / "a")
    assert "a: step 0 of 9" in capfd.readouterr().out


def test_done_and_complete(folder):
    done, other = folder / "rows" / "c", folder / "rows" / "a"
    assert rows.is_done(done) and rows.is_complete(done)
    assert not rows.is_done(other)
    write(done / "scores.json", step=9, networks={"convnet": [0.5]})
    assert not rows.is_done(done)
    # Nor with those of a state before.
    write(done / "scores.json", step=4, networks={"convnet": [0.5, 0.25]})
    assert not rows.is_done(done) and "0.3750" not in rows.told(done)
    # Of a lost run nothing more is expected, but it has no row.
    write(done / "spent.json", step=4, complete=True, lost="Step 5 is not.")
    assert rows.is_done(done) and not rows.is_complete(done)
    assert "Step 5 is not." in rows.told(done)
