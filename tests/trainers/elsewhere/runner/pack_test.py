"""What the runner makes of packs that are not as they were written."""

import json

import pytest

from fred_tf import config, presets
from fred_tf.disk import records
from tests.trainers.elsewhere import made
from trainers.elsewhere import packing

pytest.importorskip("jax")


@pytest.fixture
def pack(unlowered, tmp_path):
    changes = {"outer_steps": 3, "experts.count": 1}
    preset = presets.preset("digits_ipc1_tm_tiny")
    packing.pack(config.replace(preset, changes), tmp_path / "pack")
    return tmp_path / "pack"


def opened(folder):
    from trainers.elsewhere.runner.pack import Pack

    return Pack(folder)


def reseal(pack, change):
    about, state = made.about_of(pack), made.state_of(pack)
    change(about)
    (pack / "pack.json").write_text(json.dumps(records.seal(about)))
    made.write_state(pack, **state)


def test_functions_are_those_that_were_packed(pack):
    place = opened(pack).experts()
    for path in (pack / "step.jax", pack / "decode.jax", place / "start.jax"):
        path.write_bytes(b"other")
        with pytest.raises(ValueError, match=f"{path} must be as it was"):
            if path.parent == pack:
                opened(pack).function(path.stem)
            else:
                opened(pack).expert_functions()


UP = {"kind": "expert_segments", "experts": "..", "expert_seeds": [1]}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"shared": "../../.."}, "`shared` of a pack must be"),
        ({"shared": "/etc"}, "`shared` of a pack must be"),
        ({"images": {"train": "data/../.."}}, "A place in a pack must be"),
        ({"reference": UP}, "A place in a pack must be"),
        ({"scoring": {"networks": ["../x"]}}, "must be a word of"),
    ],
)
def test_names_lead_nowhere_else(change, match, pack):
    reseal(pack, lambda about: about.update(change))
    with pytest.raises(ValueError, match=match):
        there = opened(pack)
        there.images()
        there.expert_paths()


def test_experts_are_their_own(pack):
    there = opened(pack)
    (path,) = there.expert_paths()
    there.write_expert(path, visited=[[1.0, 2.0]])
    assert there.read_expert(path)["visited"].tolist() == [[1, 2]]
    other = path.with_name("1.npz")
    path.rename(other)
    with pytest.raises(ValueError, match=f"{other} must be of"):
        there.read_expert(other)


def test_metrics_are_taken_up_after_the_saved_step(pack):
    there = opened(pack)
    made.write_metrics(pack, 5, torn=b'{"st')
    there.step = 2
    there.rewind_metrics()
    there.append_metrics(2, {"loss": [float("nan")], "trouble": [0]})
    lines = (pack / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3]
    assert json.loads(lines[-1])["loss"] is None
    (pack / "metrics.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match="or delete it"):
        there.rewind_metrics()
    (pack / "metrics.jsonl").unlink()
    there.rewind_metrics()
