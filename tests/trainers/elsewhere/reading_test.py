"""Packs that are hostile or damaged: nothing of them counts, or names a file.

A seal can be made by anybody, so most of these have a good one.
"""

import json
import math
import shutil

import numpy as np
import pytest

from fred_tf import config
from fred_tf.coresets import random_set
from fred_tf.disk import files, records
from fred_tf.distilled_run import DistilledRun
from tests.flipping import flips
from tests.trainers.elsewhere import made
from tests.trainers.elsewhere.made import SETTINGS
from trainers.elsewhere import packing, reading, reading_run, unpacking
from trainers.elsewhere.runner import arrays


@pytest.fixture
def pack(shelf, unlowered, tmp_path):
    """The pack of a run, after 10 of its 12 steps, and scored."""
    if not (shelf / "pack").exists():
        packing.pack(SETTINGS, shelf / "pack")
        complete(shelf / "pack")
    return shutil.copytree(shelf / "pack", tmp_path / "pack")


def complete(pack):
    made.move(pack, 10)
    made.write_metrics(pack, 11, torn=b'{"st')
    made.write_spent(pack, distilling=2.5, step=10, complete=False)
    made.write_scores(pack, 10, convnet=[0.5])


@pytest.fixture
def scored(shelf, unlowered, digits, tmp_path):
    """A pack that only scores a set, and was run."""
    there, chosen = shelf / "scored", random_set(digits, 1, 0)
    if not there.exists():
        packing.pack_set(SETTINGS, there, chosen, digits, "random", ["mlp"])
        made.write_spent(there)
        made.write_scores(there, 0, mlp=[0.5])
    return shutil.copytree(there, tmp_path / "scored")


def refused(pack, run_dir, match):
    """Checks that nothing comes back, and that the message says why."""
    with pytest.raises(ValueError, match=match) as caught:
        unpacking.bring_back(pack, run_dir)
    assert str(pack) in str(caught.value)
    assert not run_dir.exists()


def reseal(pack, change):
    """Changes `pack.json`, and makes all that is of it of it again."""
    about = made.about_of(pack)
    change(about)
    state = made.state_of(pack) if "reference" in about else None
    (pack / "pack.json").write_text(json.dumps(records.seal(about)))
    if state:
        made.write_state(pack, **state)
        complete(pack)
    else:
        made.write_spent(pack)
        made.write_scores(pack, 0, mlp=[0.5])


def setter(path, value):
    """Returns a change of the value under a dotted path."""
    *parents, last = path.split(".")

    def change(values):
        for name in parents:
            values = values[name]
        values[last] = value

    return change


def test_a_whole_one_comes_back(pack, scored, tmp_path):
    """The twin of all below."""
    reseal(pack, lambda about: None)
    reseal(scored, lambda about: None)
    run, other = tmp_path / "run", tmp_path / "other"
    assert unpacking.bring_back(pack, run)["convnet"].accuracies == (0.5,)
    assert DistilledRun.restore(run).step == 10
    assert unpacking.bring_back(scored, other)["mlp"].accuracies == (0.5,)
    assert [p.name for p in other.iterdir()] == ["evaluation_random_mlp.json"]


def write_constants(pack, table):
    """Writes masks, and all seals that a pack then needs."""
    arrays.write(pack / "constants.npz", "constants", **{"0": table})
    digest = files.sha256(pack / "constants.npz")
    reseal(pack, lambda about: about["files"].update({"constants.npz": digest}))


def test_masks_of_no_memory_are_refused(pack, tmp_path):
    (table,) = arrays.read(pack / "constants.npz", "constants").values()
    write_constants(pack, table)
    unpacking.bring_back(pack, tmp_path / "twin")
    run = tmp_path / "run"
    write_constants(pack, table + 1000)
    refused(pack, run, "Every position of `table` lies within")
    write_constants(pack, np.zeros_like(table))
    refused(pack, run, "one that occurs twice")
    write_constants(pack, table[:, 1:])
    refused(pack, run, "must hold what its run does")
    write_constants(pack, table)
    arrays.write(pack / "constants.npz", "constants", **{"0": table[:, ::-1]})
    refused(pack, run, "must be as it was written")
    (pack / "constants.npz").unlink()
    with pytest.raises(FileNotFoundError):
        unpacking.bring_back(pack, run)


WRONG = {
    "word up": ("scoring.word", "../../precious", "`word` must be a word"),
    "word of a step": ("scoring.word", "step000000001", "on the way"),
    "word of a folder": ("scoring.word", "a/b", "`word` must be a word"),
    "no word": ("scoring.word", None, "`word` must be a word"),
    "network up": ("scoring.networks", ["../x"], "`networks` must be"),
    "more networks": ("scoring.networks", ["mlp", "convnet"], "`networks`"),
    "no network": ("scoring.networks", {}, "`networks` must be"),
    "unknown": ("identity.evaluations", {"../x": {}}, "`network` must be one"),
    "another": ("scoring.described", {"convnet": {}}, "`described` must be"),
    "other set": ("scoring.described.mlp.identity", {}, "`identity` must be"),
    "no images": ("scoring.described.mlp.images", -1, "`images` must be"),
    "details": ("scoring.described.mlp.details", 3, "`details` must be"),
    "fewer seeds": ("scoring.seeds", [], "0 `seeds` of"),
    "no seeds": ("scoring.seeds", 7, "`seeds` must be a list"),
    "no scoring": ("scoring", [], "`scoring` must be a JSON object"),
    "other data": ("data.name", "mnist", "`dataset` must be digits"),
    "no config": ("identity.config", 3, "`config` must be a JSON object"),
    "unknown field": ("identity.config.extra", 1, "no field 'extra'"),
    "unknown member": ("identity.config.network.name", "../x", "network.name"),
    "list of a member": ("identity.config.network", ["name"], ""),
    "large": ("identity.config.ipc", 10**400, ""),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_pack_says_only_what_can_be(wrong, scored, tmp_path):
    path, value, match = wrong
    reseal(scored, setter(path, value))
    refused(scored, tmp_path / "run" / "inner", f"state what this.*{match}")
    assert not (tmp_path / "precious.json").exists()


WRONG_RUN = {
    "steps": ("outer_steps", 11, "`outer_steps` must be 12"),
    "network up": ("identity.scored", {"../x": {}}, "state what this version"),
    "no networks": ("identity.scored", 3, "`scored` must be"),
    "memory": ("identity.config.ipc", 10**6, "hold a memory of about"),
    "other data": ("data.train", "0" * 64, "`data.train` is"),
}


@pytest.mark.parametrize("wrong", WRONG_RUN.values(), ids=WRONG_RUN)
def test_a_run_says_only_what_can_be(wrong, pack, tmp_path):
    path, value, match = wrong
    reseal(pack, setter(path, value))
    refused(pack, tmp_path / "run", match)


SCORES = {
    "above 1": ({"convnet": [17.5]}, "from 0 to 1. Received: 17.5"),
    "below 0": ({"convnet": [0.5, -3]}, "from 0 to 1. Received: -3"),
    "text": ({"convnet": ["0.5"]}, "must be a finite number"),
    "true": ({"convnet": [True]}, "must be a finite number"),
    "no list": ({"convnet": 0.5}, "must be a list"),
    "too many": ({"convnet": [0.5] * 3}, "3 accuracies of 2 networks"),
    "unknown": ({"../../x": [0.5]}, "`network` must be one of"),
    "not asked for": ({"mlp": [0.5]}, "`network` must be one of"),
}


@pytest.mark.parametrize("wrong", SCORES.values(), ids=SCORES)
def test_accuracies_are_shares_of_the_networks_asked_for(wrong, pack, tmp_path):
    networks, match = wrong
    made.write_scores(pack, 10, **networks)
    refused(pack, tmp_path / "run", match)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (10, 0),
        (10, -1.0),
        (10, "1"),
        (10, None),
        (13, 0.1),
        (-1, 0.1),
        (1.0, 1),
    ],
)
def test_a_step_size_is_positive_and_a_step_of_the_run(
    step, rate, pack, tmp_path
):
    made.write_scores(pack, step, rate, convnet=[0.5])
    refused(pack, tmp_path / "run", "must be")


SPENT = {
    "negative": {"distilling": -1.0},
    "endless": {"experts": 1e300},
    "text": {"scoring": "1"},
    "no device": {"device": None},
    "lines": {"device": "a\nb"},
    "long": {"device": "x" * 2000},
    "step": {"step": 13},
    "lost": {"lost": ["a"]},
    "differences": {"differences": [3]},
    "no differences": {"differences": "all"},
}


@pytest.mark.parametrize("wrong", SPENT.values(), ids=SPENT)
def test_minutes_and_devices_are_what_they_are(wrong, pack, tmp_path):
    made.write_spent(pack, **wrong)
    refused(pack, tmp_path / "run", f"{pack / 'spent.json'} must state what")


def leaf(state):
    """Returns the name of the largest array of a state."""
    return max((k for k in state if k != "step"), key=lambda k: state[k].size)


OTHER_LEAVES = {
    "shape": lambda s: {**s, leaf(s): s[leaf(s)][:-1]},
    "dtype": lambda s: {**s, leaf(s): s[leaf(s)].astype(np.float64)},
    "fewer": lambda s: {k: v for k, v in s.items() if k != str(len(s) - 2)},
    "more": lambda s: {**s, str(len(s) - 1): np.zeros(3)},
}
NO_STATES = {
    "named": lambda s: {**s, "memory": np.zeros(3)},
    "no step": lambda s: {k: v for k, v in s.items() if k != "step"},
    "steps": lambda s: {**s, "step": np.array([1, 2])},
    "half a step": lambda s: {**s, "step": np.array(1.5)},
    "far": lambda s: {**s, "step": np.array(13)},
    "negative": lambda s: {**s, "step": np.array(-1)},
}


@pytest.mark.parametrize("change", OTHER_LEAVES.values(), ids=OTHER_LEAVES)
def test_a_state_is_of_its_run(change, pack, tmp_path):
    made.write_state(pack, **change(made.state_of(pack)))
    refused(pack, tmp_path / "run", "state.npz must hold what its run does")


@pytest.mark.parametrize("change", NO_STATES.values(), ids=NO_STATES)
def test_a_state_says_only_what_can_be(change, pack, tmp_path):
    made.write_state(pack, **change(made.state_of(pack)))
    refused(pack, tmp_path / "run", "state.npz must state what this version")


def test_steps_report_numbers(pack):
    packed, seal = reading.read(pack), made.seal_of(pack)
    path = pack / "metrics.jsonl"
    for wrong in ({"a b": 1}, {"loss": "1"}, {"loss": [1]}, {"../x": 1}):
        line = reading.sealed.line({"step": 1, **wrong}, seal)
        path.write_bytes(line)
        with pytest.raises(ValueError, match=f"{path} must state what this"):
            reading_run.metrics(packed, 1)
    path.write_bytes(reading.sealed.line({"step": 1, "loss": None}, seal))
    assert reading_run.metrics(packed, 1) == [{"step": 1, "loss": None}]


def test_what_is_not_finite_is_kept_as_null(pack, tmp_path):
    seal = made.seal_of(pack)
    lines = [{"step": i + 1, "loss": None} for i in range(10)]
    data = b"".join(reading.sealed.line(line, seal) for line in lines)
    (pack / "metrics.jsonl").write_bytes(data)
    unpacking.bring_back(pack, tmp_path / "run")
    run = DistilledRun.restore(tmp_path / "run")
    assert [x["loss"] for x in run.folder.metrics()] == [None] * 10


def test_files_of_another_pack_do_not_count(pack, unlowered, tmp_path):
    """Another seed, and else the same: each file would fit."""
    other = tmp_path / "other"
    packing.pack(config.replace(SETTINGS, {"seed": 1}), other)
    complete(other)
    for name in ("state.npz", "metrics.jsonl", "spent.json", "scores.json"):
        mixed = tmp_path / "mixed"
        shutil.copytree(pack, mixed)
        shutil.copyfile(other / name, mixed / name)
        refused(mixed, tmp_path / "run", str(mixed / name))
        shutil.rmtree(mixed)


# Bytes between those that are flipped.
@pytest.mark.parametrize("every", [43, pytest.param(1, marks=pytest.mark.slow)])
def test_no_flipped_bit_of_a_small_file_counts(every, pack):
    """Each file is read alone: bringing back takes a second."""
    packed = reading.read(pack)
    readers = {
        "pack.json": lambda: reading.read(pack),
        "spent.json": lambda: reading.spent(packed),
        "scores.json": lambda: reading.scores(packed),
        "metrics.jsonl": lambda: reading_run.metrics(packed, 10),
        "state.npz": lambda: reading_run.state(packed)[0],
    }
    for name, read in readers.items():
        before = read()
        for _ in flips(pack / name, every):
            try:
                assert read() == before
            except ValueError as error:
                assert str(pack / name) in str(error)


@pytest.mark.parametrize("name", ["pack.json", "spent.json", "scores.json"])
def test_no_link_is_followed(name, pack, tmp_path):
    (pack / name).rename(tmp_path / name)
    (pack / name).symlink_to(tmp_path / name)
    refused(pack, tmp_path / "run", "must be a plain file. Received: a symbol")


def test_lost_metrics_are_told(pack, tmp_path, caplog):
    (pack / "metrics.jsonl").unlink()
    unpacking.bring_back(pack, tmp_path / "run")
    assert "has lost the numbers of its first 10 steps" in caplog.text


def test_what_is_no_pack_says_how_to_make_one(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(FileNotFoundError, match="--pack="):
            unpacking.bring_back(folder, tmp_path / "run")


def test_minutes_of_a_run_folder_are_checked(pack, tmp_path):
    unpacking.bring_back(pack, tmp_path / "run")
    folder = DistilledRun.restore(tmp_path / "run").folder
    assert unpacking.spent(folder) == {"device": "it", "distilling": 2.5}
    path = tmp_path / "run" / "elsewhere.json"
    record = json.loads(path.read_text())
    record["spent"]["distilling"] = -math.pi
    path.write_text(json.dumps(records.seal(record)))
    with pytest.raises(ValueError, match=f"{path} must state what this"):
        unpacking.spent(folder)
