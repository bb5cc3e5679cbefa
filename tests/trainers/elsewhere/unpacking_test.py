"""What a run folder keeps, and what gives way, as a pack comes back again."""

import json
import sys

import pytest

from fred_tf import assembly
from fred_tf.disk import evaluation_files, records
from tests.trainers.elsewhere import made
from tests.trainers.elsewhere.made import SETTINGS
from trainers.elsewhere import __main__ as program
from trainers.elsewhere import packing, unpacking


def advance(pack, step, accuracies):
    """Does to a pack what the runner does, with a memory of our own."""
    made.move(pack, step)
    made.write_metrics(pack, step)
    made.write_spent(pack)
    made.write_scores(pack, step, convnet=accuracies)


def test_evaluations_are_not_replaced_by_what_comes_back(
    unlowered, digits, tmp_path
):
    pack, run_dir = tmp_path / "pack", tmp_path / "run"
    packing.pack(SETTINGS, pack)
    advance(pack, 8, [0.5])
    unpacking.bring_back(pack, run_dir)
    path = run_dir / "evaluation.json"
    before = path.read_bytes()
    unpacking.bring_back(pack, run_dir)
    assert path.read_bytes() == before
    made.write_scores(pack, 8, convnet=[0.5, 0.75])
    unpacking.bring_back(pack, run_dir)
    before = path.read_bytes()
    assert records.read(path, "evaluation")["accuracies"] == [0.5, 0.75]
    made.write_scores(pack, 8, convnet=[0.25, 0.75])
    with pytest.raises(
        ValueError, match=r"`accuracies` is \[0.5, 0.75\] there"
    ):
        unpacking.bring_back(pack, run_dir)
    advance(pack, 12, [0.25])
    unpacking.bring_back(pack, run_dir, name="later")
    later = records.read(run_dir / "evaluation_later.json", "evaluation")
    assert later["accuracies"] == [0.25]
    assert path.read_bytes() == before
    # Those of an earlier state become a point of the run's curve.
    unpacking.bring_back(pack, run_dir)
    assert records.read(path, "evaluation")["accuracies"] == [0.25]
    aside = evaluation_files.curve_path(run_dir, 8)
    assert aside.read_bytes() == before
    # Those of other sets stay, whatever their step.
    other = records.read(path, "evaluation")
    other["details"]["config"]["seed"] = 1
    other["details"]["outer_steps"] = 5
    other["identity"]["set"] = "another"
    path.write_text(json.dumps(records.seal(other)))
    with pytest.raises(ValueError, match="`set` is .*--name"):
        unpacking.bring_back(pack, run_dir)
    assert not evaluation_files.curve_path(run_dir, 5).exists()


def test_data_are_looked_for_where_the_run_found_them(
    unlowered, digits, tmp_path, monkeypatch
):
    pack, run_dir, how = tmp_path / "pack", tmp_path / "run", []
    load = assembly.load_data

    def looked(config, *where):
        how.append(where)
        return load(config, *where)

    packing.pack(SETTINGS, pack)
    advance(pack, 8, [])
    monkeypatch.setattr(assembly, "load_data", looked)
    unpacking.bring_back(pack, run_dir, str(tmp_path))
    unpacking.bring_back(pack, run_dir)
    flags = f"--bring_back={pack}", f"--run_dir={run_dir}", "--download"
    monkeypatch.setattr(sys, "argv", ["elsewhere", *flags])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert not ended.value.code
    assert how == [(str(tmp_path), x) for x in (False, False, True)]
