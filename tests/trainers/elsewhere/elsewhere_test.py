"""Packs: what goes out, what comes back, and what JAX makes of them."""

import dataclasses
import json
import shutil
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from fred_tf import assembly, config, datasets, presets
from fred_tf.coresets import random_set
from fred_tf.datasets import Split
from fred_tf.disk import records
from fred_tf.distilled_run import DistilledRun
from fred_tf.scoring import score
from tests.trainers.elsewhere import made
from trainers import evaluate
from trainers.elsewhere import packing, unpacking
from trainers.elsewhere.runner import differences, images

TRAJECTORY, DISTRIBUTION = "digits_ipc1_tm_tiny", "digits_ipc1_dm_tiny"
GRADIENT = "digits_ipc1_dc_tiny"
# Whose networks learn from real images, and are scored by cutmix and two drops.
TRAINED = "digits_ipc1_idc_tiny"


def settings(preset):
    changes = {"outer_steps": 30, "distiller.memory_average": 0.9}
    return config.replace(presets.preset(preset), changes)


def move(pack, step, beyond=2):
    """Does to a pack what a run over there does, with a memory of our own.

    It was killed while it wrote the metrics of a step after the saved state.
    """
    made.move(pack, step)
    made.write_metrics(pack, step + beyond, torn=b'{"st')
    made.write_spent(pack, distilling=2.5)


@pytest.mark.parametrize("preset", [TRAJECTORY, DISTRIBUTION])
def test_what_comes_back_is_a_run(preset, unlowered, digits, tmp_path):
    pack, run_dir = tmp_path / "pack", tmp_path / "run"
    packing.pack(settings(preset), pack)
    about = json.loads((pack / "pack.json").read_text())
    for split in ("train", "test"):
        place = about["images"][split]
        there = images.read(pack / place, place)
        real = getattr(digits, split)
        np.testing.assert_array_equal(there[0], real.images)
        np.testing.assert_array_equal(there[1], real.labels)
    assert made.state_of(pack)["step"] == 0
    move(pack, 20)
    assert unpacking.bring_back(pack, run_dir) == {}
    run = DistilledRun.restore(run_dir)
    assert run.step == run.config.outer_steps == 20
    (average,) = run.parameterization.trainable_variables
    # Of the parts of the state, the step size is last, before it the average.
    *_, saved, _ = (v for k, v in made.state_of(pack).items() if k != "step")
    np.testing.assert_array_equal(average.numpy(), saved)
    assert [line["step"] for line in run.folder.metrics()] == [*range(1, 21)]
    assert unpacking.spent(run.folder) == {"device": "it", "distilling": 2.5}
    # A later state of the same pack brings the same folder up to date.
    move(pack, 30, beyond=0)
    unpacking.bring_back(pack, run_dir)
    assert DistilledRun.restore(run_dir).step == 30
    assert len(run.folder.metrics()) == 30
    move(pack, 10)
    with pytest.raises(ValueError, match="ahead of what comes back"):
        unpacking.bring_back(pack, run_dir)
    assert DistilledRun.restore(run_dir).step == 30


def test_scores_come_back_with_their_run(unlowered, digits, tmp_path):
    pack, run_dir = tmp_path / "pack", tmp_path / "run"
    packing.pack(settings(DISTRIBUTION), pack, networks=["convnet", "mlp"])
    move(pack, 20)
    made.write_scores(pack, 20, convnet=[0.5, 0.75], mlp=[])
    (evaluation,) = unpacking.bring_back(pack, run_dir).values()
    assert evaluation.accuracies == (0.5, 0.75)
    written = json.loads((run_dir / "evaluation.json").read_text())
    assert written["device"] == "it" and written["mean"] == 0.625
    assert written["learning_rate"] == 0.25
    # `trainers.evaluate` takes them for its own: nothing is left to train.
    run = DistilledRun.restore(run_dir)
    again = score(
        run.config, run.synthetic_set(), digits, run_dir / "evaluation.json"
    )
    assert again.accuracies == (0.5, 0.75)
    assert not (run_dir / "evaluation_mlp.json").exists()
    # They are of step 20, and stay so when the run has moved on.
    move(pack, 30)
    assert unpacking.bring_back(pack, run_dir) == {}


def test_a_set_is_packed_to_be_scored_only(unlowered, digits, tmp_path):
    pack, run_dir = tmp_path / "pack", tmp_path / "run"
    run_dir.mkdir()
    changed, chosen = settings(DISTRIBUTION), random_set(digits, 1, 0)
    packing.pack_set(changed, pack, chosen, digits, "random", ["mlp"])
    with np.load(pack / "set.npz") as stored:
        np.testing.assert_array_equal(stored["images"], chosen.images)
        np.testing.assert_array_equal(stored["labels"], chosen.labels)
    assert not (pack / "step.jax").exists()
    made.write_spent(pack)
    made.write_scores(pack, 0, mlp=[0.5, 0.25])
    unpacking.bring_back(pack, run_dir)
    path = evaluate.path(run_dir, "random", "mlp")
    mlp = config.replace(changed, {"network.name": "mlp"})
    assert score(mlp, chosen, digits, path).accuracies == (0.5, 0.25)
    # Only those of the network that was asked for.
    assert [path.name for path in run_dir.iterdir()] == [path.name]


def test_what_was_held_out_comes_back(unlowered, tmp_path):
    """Its data are not called as its config has them."""
    data = datasets.load("digits", holdout=0.2)
    held = config.replace(settings(DISTRIBUTION), {"holdout": 0.2})
    pack, chosen = tmp_path / "pack", random_set(data, 1, 0)
    packing.pack_set(held, pack, chosen, data, "random", ["mlp"])
    made.write_spent(pack)
    made.write_scores(pack, 0, mlp=[0.5])
    found = unpacking.bring_back(pack, tmp_path / "run")
    assert found["mlp"].accuracies == (0.5,)


def test_a_pack_says_that_it_scores_what_is_not_rounded(
    unlowered, tmp_path, caplog
):
    late = "budget_bytes=3000", "parameterization.step=1"
    for rounded in ("training", "export"):
        how = f"parameterization.rounded={rounded}"
        asked = config.override(settings(DISTRIBUTION), [*late, how])
        caplog.clear()
        packing.pack(asked, tmp_path / rounded)
        told = "The set is scored as floats" in caplog.text
        assert told == (rounded == "export")


def test_a_pack_that_was_not_run_is_refused(unlowered, tmp_path):
    packing.pack(settings(DISTRIBUTION), tmp_path / "pack")
    with pytest.raises(FileNotFoundError, match="was not run yet"):
        unpacking.bring_back(tmp_path / "pack", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(bool(find_spec("jax")), reason="JAX is installed")
def test_without_jax_nothing_is_begun(tmp_path):
    with pytest.raises(ImportError, match="pip install"):
        packing.pack(settings(DISTRIBUTION), tmp_path / "pack")


def test_another_run_in_the_folder_is_refused(unlowered, tmp_path):
    for name, seed in (("a", 0), ("b", 1)):
        changed = config.replace(settings(DISTRIBUTION), {"seed": seed})
        packing.pack(changed, tmp_path / name)
        move(tmp_path / name, 20)
    unpacking.bring_back(tmp_path / "a", tmp_path / "run")
    with pytest.raises(ValueError, match="`seed` is 0 there, 1 is asked for"):
        unpacking.bring_back(tmp_path / "b", tmp_path / "run")


def test_a_pack_is_not_replaced(unlowered, digits, tmp_path):
    pack = tmp_path / "pack"
    packing.pack(settings(DISTRIBUTION), pack)
    move(pack, 20)
    packing.pack(settings(DISTRIBUTION), pack)
    assert made.state_of(pack)["step"] == 20
    other = config.replace(settings(DISTRIBUTION), {"seed": 1})
    with pytest.raises(ValueError, match="`config.seed` is 0 .*another --pack"):
        packing.pack(other, pack)
    with pytest.raises(ValueError, match="is .* there, absent is"):
        chosen = random_set(digits, 1, 0)
        packing.pack_set(settings(DISTRIBUTION), pack, chosen, digits)
    assert made.state_of(pack)["step"] == 20
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match="holds no pack.json"):
        packing.pack(other, tmp_path)
    about = json.loads((pack / "pack.json").read_text())
    about["format_version"] = 2
    (pack / "pack.json").write_text(json.dumps(records.seal(about)))
    with pytest.raises(ValueError, match="must be 4 .* Received: 2"):
        unpacking.bring_back(pack, tmp_path / "run")


def test_a_pack_of_other_images_is_refused(
    unlowered, digits, tmp_path, monkeypatch
):
    packing.pack(settings(DISTRIBUTION), tmp_path / "pack")
    move(tmp_path / "pack", 20)
    darker = Split(digits.train.images // 2, digits.train.labels)
    other = dataclasses.replace(digits, train=darker)
    monkeypatch.setattr(assembly, "load_data", lambda *_: other)
    with pytest.raises(ValueError, match="`data.train` is .*--data_dir"):
        unpacking.bring_back(tmp_path / "pack", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "preset",
    [
        TRAJECTORY,
        DISTRIBUTION,
        GRADIENT,
        pytest.param(TRAINED, marks=pytest.mark.slow),
    ],
)
def test_jax_lowers_the_loss_and_continues(preset, tmp_path):
    pytest.importorskip("jax")
    pack = tmp_path / "pack"
    packing.pack(settings(preset), pack)
    command = [sys.executable, pack / "run.py"]
    subprocess.run([*command, "--minutes=0"], check=True)
    before = made.state_of(pack)
    assert before["step"] == 0
    for _ in range(2):  # The second has nothing left to do.
        subprocess.run(command, check=True)
        after = made.state_of(pack)
        assert after["step"] == 30
    lines = (pack / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert len(losses) == 30 and np.mean(losses[-5:]) < np.mean(losses[:5])
    assert np.any(before["0"] != after["0"])
    found = unpacking.bring_back(pack, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "elsewhere.json").read_text())
    about = json.loads((pack / "pack.json").read_text())
    assert record["spent"]["differences"] == differences.of(about)
    run = DistilledRun.restore(tmp_path / "run")
    assert np.isfinite(run.synthetic_set().images).all()
    assert len(found["convnet"].accuracies) == 2
    assert all(0.05 < x <= 1 for x in found["convnet"].accuracies)


def test_a_cosine_is_refused_before_anything_is_written(tmp_path):
    pytest.importorskip("jax")
    changed = config.replace(
        settings(TRAINED), {"evaluation.schedule": "cosine"}
    )
    with pytest.raises(ValueError, match="'drop' or 'two_drops', .* Received"):
        packing.pack(changed, tmp_path / "pack")
    assert not list(tmp_path.iterdir())


def test_experts_go_on_where_the_time_ended(tmp_path):
    """Each call is over after an epoch; two at once, or one by one."""
    pytest.importorskip("jax")
    changes = {"outer_steps": 1, "experts.count": 2, "experts.epochs": 3}
    three = config.replace(
        settings(TRAJECTORY), {**changes, "objective.max_start_epoch": 3}
    )
    slices, at_once = tmp_path / "slices", tmp_path / "at_once"
    packing.pack(three, slices)
    shutil.copytree(slices, at_once)
    run = [sys.executable, at_once / "run.py", "--processes=2"]
    subprocess.run(run, check=True)
    command = [sys.executable, slices / "run.py", "--minutes=0.0001"]
    calls = 0
    while not list(slices.glob("experts/*/1.npz")):
        subprocess.run(command, check=True)
        calls += 1
    assert 2 < calls <= 6 and not list(slices.glob("experts/*/*.begun.npz"))
    for name in ("0.npz", "1.npz"):
        one, other = (
            np.load(next(pack.glob(f"experts/*/{name}")))["visited"]
            for pack in (slices, at_once)
        )
        assert len(one) == 4
        np.testing.assert_array_equal(one, other)


def test_what_memories_and_objectives_own_goes_there_and_back(
    toy_settings, tmp_path
):
    """Learned labels, groups with optimisers, a pool of networks, a scale."""
    pytest.importorskip("jax")
    pack = tmp_path / "pack"
    packing.pack(toy_settings, pack)
    before = made.state_of(pack)
    subprocess.run([sys.executable, pack / "run.py"], check=True)
    after = made.state_of(pack)
    changed = [k for k in before if np.any(before[k] != after[k])]
    # None of three networks is as it was, and the step size was found there.
    assert changed[-1] == str(len(before) - 2)
    assert before[changed[-1]] == 0 < after[changed[-1]]
    found = unpacking.bring_back(pack, tmp_path / "run")
    run = DistilledRun.restore(tmp_path / "run")
    soft = run.synthetic_set().soft_labels
    assert soft.max(1).min() < 0.999 and run.learned["temperature"] != 1
    assert len(found["convnet"].accuracies) == 2


def test_networks_learn_there_what_they_learn_here(digits, tmp_path):
    pytest.importorskip("jax")
    # 60 images in batches of 16 leave 12; 364 test images fill no block.
    changes = {
        "evaluation.batch_size": 16,
        "evaluation.epochs": 40,
        "evaluation.networks": 4,
    }
    changed = config.replace(settings(DISTRIBUTION), changes)
    chosen, pack = random_set(digits, 6, 0), tmp_path / "pack"
    packing.pack_set(changed, pack, chosen, digits)
    subprocess.run([sys.executable, pack / "run.py"], check=True)
    (there,) = unpacking.bring_back(pack, tmp_path).values()
    seeds = range(4)
    here = assembly.evaluator(changed, digits)(chosen, seeds)
    assert here.mean > 0.7
    assert abs(there.mean - here.mean) < 0.1
