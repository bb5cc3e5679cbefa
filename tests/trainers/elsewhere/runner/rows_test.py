"""Which row gets how many minutes, and when it is left alone."""

import json

import pytest

from trainers.elsewhere.runner import rows, sealed

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
        path = pack / "pack.json"
        sealed.write(path, "pack", name, scoring=scoring, outer_steps=9)
    done = tmp_path / "rows" / "c"
    write(done, "spent", step=9, complete=True)
    write(done, "scores", step=9, networks={"convnet": [0.5, 0.25]})
    sealed.write(tmp_path / rows.ROWS, "rows", "", rows=listed)
    return tmp_path


def write(pack, kind, **values):
    seal = sealed.read(pack / "pack.json", "pack")["sha256"]
    sealed.write(pack / f"{kind}.json", kind, seal, **values)


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


ABOUT = {
    "outer_steps": 9,
    "scoring": {"networks": ["convnet"], "seeds": [1, 2]},
}
DONE = {"step": 9, "complete": True}


def scores(step, *accuracies):
    return {"step": step, "networks": {"convnet": list(accuracies)}}


def test_done_and_complete():
    done = ABOUT, DONE, scores(9, 0.5, 0.25)
    assert rows.is_done(*done) and rows.is_complete(*done)
    assert not rows.is_done(ABOUT, {}, {})
    assert not rows.is_done(ABOUT, DONE, scores(9, 0.5))
    # Nor with those of a state before.
    earlier = ABOUT, DONE, scores(4, 0.5, 0.25)
    assert not rows.is_done(*earlier) and "0.3750" not in rows.told(*earlier)
    # Of a lost run nothing more is expected, but it has no row.
    lost = {**DONE, "step": 4, "lost": "Step 5 is not."}
    state = ABOUT, lost, scores(4, 0.5, 0.25)
    assert rows.is_done(*state) and not rows.is_complete(*state)
    assert "Step 5 is not." in rows.told(*state)


def test_a_damaged_row_is_named_and_the_others_go_on(folder, capfd):
    path = folder / "rows" / "c" / "scores.json"
    path.write_text(path.read_text().replace("0.25", "0.75"))
    rows.make(folder, 8.0, 1, "complete")
    assert calls(folder / "rows" / "a")
    assert f"c: {path} must be as it was written" in capfd.readouterr().out


@pytest.mark.parametrize("name", ["../a", "a/b", "", "A", "a\n", None])
def test_a_row_is_a_folder_among_the_rows(folder, name):
    listed = [{"name": name, "share": 1}]
    sealed.write(folder / rows.ROWS, "rows", "", rows=listed)
    with pytest.raises(ValueError, match="`rows/` and a word"):
        rows.make(folder, 8.0, 1, "complete")


def test_no_link_leads_to_a_row(folder):
    (folder / "rows" / "a").rename(folder / "elsewhere")
    (folder / "rows" / "a").symlink_to(folder / "elsewhere")
    with pytest.raises(ValueError, match="a symbolic link"):
        rows.make(folder, 8.0, 1, "complete")
    assert not calls(folder / "elsewhere")
