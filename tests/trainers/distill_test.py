"""What a finished run leaves in its folder."""

import json
import os
import signal

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import config as config_lib
from fred_tf.disk import records
from fred_tf.disk.evaluation_files import curve, curve_path
from fred_tf.distilled_run import DistilledRun
from trainers import distill


@pytest.mark.parametrize(("steps", "ended"), [(1, 0), (2, 143)])
def test_a_signal_in_the_last_step_stops_nothing(
    steps, ended, tmp_path, call, monkeypatch
):
    def begin(*_):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(distill.RunLog, "begin", begin)
    code, output, errors = call(
        "trainers.distill",
        "--preset=digits_ipc1_dm_tiny",
        f"--run_dir={tmp_path}",
        "--override=network.name=mlp",
        f"--override=outer_steps={steps}",
    )
    assert code == ended, errors
    assert ("Stopped after step 1; run again" in output) == bool(ended)
    assert ("floats after 1 steps" in output) != bool(ended)


def test_run_folder_explains_itself(
    tmp_path, quick_tm, quick_experts, memory_of
):
    run = distill.run(quick_tm, tmp_path, expert_dir=quick_experts)
    written = json.loads((tmp_path / "config.json").read_text())
    settings = dict(written["identity"])
    assert settings.pop("jit") is False
    assert config_lib.from_json(settings) == config_lib.resolved(
        quick_tm, run.facts.image_shape
    )
    assert written["data"] == run.facts.to_json()
    assert written["environment"]["replicas"] == 1
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3]
    assert {"loss", "gradient_norm", "student_learning_rate"} < set(
        json.loads(lines[0])
    )
    events = list((tmp_path / "tensorboard").rglob("events*"))
    tags = {
        value.tag
        for file in events
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
    }
    assert {"loss", "objective/student_learning_rate"} <= tags
    assert {"pictures/gallery", "pictures/masks"} <= tags
    restored = DistilledRun.restore(tmp_path)
    np.testing.assert_array_equal(memory_of(restored), memory_of(run))
    assert restored.learned == pytest.approx(run.learned)
    assert restored.step == 3


@pytest.mark.parametrize("networks", [1, 2])
def test_a_run_goes_on_where_another_processor_decodes_otherwise(
    networks, tmp_path, quick, caplog
):
    """What is complete of its curve stays; what is not is made again."""
    short = config_lib.override(quick, ["outer_steps=1"])
    distill.run(short, tmp_path, evaluate_every=1)
    path = curve_path(tmp_path, 1)
    record = records.read(path, "evaluation")
    work = path, "evaluation", {**record["identity"], "set": "0" * 64}
    told = {**record, "networks": networks, "accuracies": [0.625]}
    for name in ("format_version", "kind", "identity", "data", "sha256"):
        told.pop(name)
    records.write(*work, record["data"], **told)
    longer = config_lib.override(short, ["outer_steps=2"])
    with caplog.at_level("WARNING", logger="absl"):
        distill.run(longer, tmp_path, evaluate_every=1)
    assert f"{path} is of a set that another processor decoded" in caplog.text
    assert list(curve(tmp_path)) == [1, 2]
    made_again = curve(tmp_path)[1]["accuracies"] != [0.625]
    assert made_again == (networks == 2)
    other = config_lib.override(longer, ["evaluation.epochs=2"])
    with pytest.raises(ValueError, match="evaluation.epochs"):
        distill.run(other, tmp_path, evaluate_every=1)
