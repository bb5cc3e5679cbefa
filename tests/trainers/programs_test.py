"""The programs on the tiny presets: files, resume, refusals."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, datasets, presets
from fred_tf import config as config_lib
from fred_tf.datasets import Split
from fred_tf.disk import records
from fred_tf.disk.evaluation_files import curve, curve_path
from fred_tf.disk.run_folder import RunFolder
from fred_tf.distillation import interruption as interruptions
from fred_tf.distillation import loop
from fred_tf.distilled_run import DistilledRun
from fred_tf.experts.store import ExpertStore
from fred_tf.objectives import DistributionMatching
from trainers import distill, train_experts

# Graphs without augmentation and convolution are built in a third of the time.
DM = config_lib.replace(
    presets.preset("digits_ipc1_dm_tiny"),
    {"augmentation": "none", "network.name": "mlp"},
)
AVERAGED = config_lib.replace(DM, {"distiller.memory_average": 0.5})


class StopAfter(interruptions.Interruption):
    """Behaves as if SIGTERM arrived during step `steps`."""

    def __init__(self, steps):
        self._left = steps

    @property
    def signal(self):
        self._left -= 1
        return 15 if self._left <= 0 else None


@pytest.mark.parametrize(
    ("name", "stops"),
    [
        pytest.param("dm", (1, 2), marks=pytest.mark.slow),
        pytest.param("averaged", (2,), marks=pytest.mark.slow),
        ("tm", (2,)),
    ],
)
def test_stopped_at_any_step_equals_uninterrupted(
    name, stops, tmp_path, quick_tm, quick_experts, memory_of
):
    """F33: bit-equal memory, learned values and metrics."""
    settings = {"dm": DM, "averaged": AVERAGED, "tm": quick_tm}[name]
    given = {"expert_dir": quick_experts} if name == "tm" else {}
    whole = distill.run(settings, tmp_path / "whole", **given)
    expected = (tmp_path / "whole" / "metrics.jsonl").read_text()
    for stop in stops:
        folder = tmp_path / f"stopped{stop}"
        part = distill.run(
            settings, folder, **given, interruption=StopAfter(stop)
        )
        assert part.step == stop
        again = distill.run(settings, folder, **given)
        np.testing.assert_array_equal(memory_of(again), memory_of(whole))
        restored = DistilledRun.restore(folder)
        np.testing.assert_array_equal(memory_of(restored), memory_of(whole))
        assert again.learned == restored.learned == whole.learned
        assert (folder / "metrics.jsonl").read_text() == expected


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> DistilledRun:
    """An uninterrupted run of `DM`; its folder stays as it is."""
    return distill.run(DM, tmp_path_factory.mktemp("whole"))


def test_killed_between_log_and_save_repeats_no_step(
    whole, tmp_path, memory_of
):
    """F34: metrics beyond the checkpoint are dropped and made again."""
    folder = tmp_path / "killed"

    class Killed(BaseException):
        pass

    def append_and_die(self, step, scalars):
        append(self, step, scalars)
        if step == 3:
            raise Killed

    append = RunFolder.append_metrics
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "append_metrics", append_and_die)
        with pytest.raises(Killed):
            distill.run(DM, folder, save_every=2)
    again = distill.run(DM, folder, save_every=2)
    np.testing.assert_array_equal(memory_of(again), memory_of(whole))
    assert (folder / "metrics.jsonl").read_text() == (
        whole.folder.path / "metrics.jsonl"
    ).read_text()


def test_same_seed_twice_and_other_seed(whole, tmp_path, memory_of):
    second = distill.run(DM, tmp_path / "b", save_every=1, images_every=1)
    other = distill.run(config_lib.replace(DM, {"seed": 1}), tmp_path / "c")
    np.testing.assert_array_equal(memory_of(whole), memory_of(second))
    assert np.any(memory_of(whole) != memory_of(other))


def test_extended_run_equals_one_long_run(whole, tmp_path, memory_of):
    """F40."""
    longer = config_lib.replace(DM, {"outer_steps": 6})
    long = distill.run(longer, tmp_path / "long")
    extended = shutil.copytree(whole.folder.path, tmp_path / "extended")
    again = distill.run(longer, extended)
    assert again.step == 6
    np.testing.assert_array_equal(memory_of(again), memory_of(long))


def test_a_run_starts_from_another(
    tmp_path, quick_tm, quick_experts, memory_of
):
    """With what it learned; and says so, so that it resumes from the same."""
    first = distill.run(quick_tm, tmp_path / "first", expert_dir=quick_experts)
    fine = config_lib.override(quick_tm, ["bits=4", "outer_steps=0"])
    again = distill.run(
        fine, tmp_path / "fine", expert_dir=quick_experts, start=first
    )
    np.testing.assert_array_equal(memory_of(again), memory_of(first))
    assert again.learned == pytest.approx(first.learned)
    np.testing.assert_array_equal(
        again.parameterization.table, first.parameterization.table
    )
    restored = DistilledRun.restore(tmp_path / "fine")
    assert restored.config == fine
    for run in (again, restored):
        assert run.synthetic_set().details["began_after"] == first.step
    assert "began_after" not in first.synthetic_set().details
    with pytest.raises(
        ValueError, match="`start.memory` is .* absent is .*Give .*--start_from"
    ):
        distill.run(fine, tmp_path / "fine", expert_dir=quick_experts)
    more = config_lib.override(fine, ["outer_steps=1"])
    stepped = distill.run(
        more, tmp_path / "fine", expert_dir=quick_experts, start=first
    )
    assert np.any(memory_of(stepped) != memory_of(first))


def test_a_network_that_does_not_fit_fails_before_data_are_read(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(datasets, "load", None)
    for name, message in (("vgg11", "8 x 8"), ("convnet3d", "depth")):
        settings = config_lib.override(DM, [f"network.name={name}"])
        with pytest.raises(ValueError, match=message):
            distill.run(settings, tmp_path / "run")
        with pytest.raises(ValueError, match=message):
            train_experts.run(settings, tmp_path / "experts")
    assert not list(tmp_path.iterdir())


def test_a_start_that_does_not_fit_is_refused(whole, tmp_path, monkeypatch):
    larger = config_lib.override(DM, ["ipc=2"])
    with pytest.raises(ValueError, match=r"same shapes.*\(20, 32, 1\).*\(40,"):
        distill.run(larger, tmp_path / "larger", start=whole)
    monkeypatch.setattr(datasets, "load", None)
    other = config_lib.override(DM, ["dataset=mnist"])
    with pytest.raises(ValueError, match="same data.*'digits'.*'mnist'"):
        distill.run(other, tmp_path / "other", start=whole)


def test_refuses_a_folder_of_another_configuration(whole):
    """F13, F42."""
    folder = whole.folder.path
    other = config_lib.override(DM, ["width=16"])
    with pytest.raises(ValueError, match="`network.width` is 128 there, 16"):
        distill.run(other, folder)
    with pytest.raises(ValueError, match="`jit` is False there"):
        distill.run(DM, folder, jit=True)


@pytest.mark.parametrize("steps", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_jit_is_recorded_and_kept(steps, tmp_path):
    """Also where no step is made, for which XLA would compile for seconds."""
    settings = config_lib.override(DM, [f"outer_steps={steps}"])
    distill.run(settings, tmp_path, jit=True)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["identity"]["jit"] is True
    with pytest.raises(ValueError, match="`jit` is True there, False is asked"):
        distill.run(settings, tmp_path)


def test_diverging_run_keeps_its_last_good_state(
    tmp_path, monkeypatch, memory_of
):
    """F27: the third reference is not a number."""
    references = DistributionMatching.references

    def poisoned(self, seed, numbers):
        numbered = tf.data.Dataset.zip(numbers, references(self, seed, numbers))
        return numbered.map(
            lambda number, reference: {
                "images": reference["images"]
                * tf.where(number == 2, float("nan"), 1.0)
            }
        )

    monkeypatch.setattr(DistributionMatching, "references", poisoned)
    never = config_lib.override(DM, ["outlier_factor=0"])
    with pytest.raises(loop.DivergedError, match="step 3 is not finite"):
        distill.run(never, tmp_path, save_every=1)
    kept = DistilledRun.restore(tmp_path)
    assert kept.step == 1  # No loss has told of the state after the second.
    assert np.isfinite(memory_of(kept)).all()
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]


def test_missing_and_foreign_experts(tmp_path, quick_tm, quick_experts):
    with pytest.raises(FileNotFoundError, match="trainers.train_experts"):
        distill.run(quick_tm, tmp_path / "a", expert_dir=tmp_path / "nowhere")
    with pytest.raises(ValueError, match="--expert_dir"):
        distill.run(quick_tm, tmp_path / "b")
    foreign = config_lib.override(quick_tm, ["width=16"])
    with pytest.raises(ValueError, match="`network.width` is 128"):
        distill.run(foreign, tmp_path / "c", expert_dir=quick_experts)


def test_experts_continue_and_extend(tmp_path, quick_tm, quick_experts):
    """A stopped run continues with the next expert, and equals one run."""
    one = config_lib.override(quick_tm, ["experts.count=1"])
    train_experts.run(one, tmp_path / "parts")
    parts = train_experts.run(quick_tm, tmp_path / "parts")
    whole = ExpertStore.open(quick_experts)
    assert len(parts) == len(whole) == 2
    for expert in range(2):
        np.testing.assert_array_equal(
            parts.trajectory(expert), whole.trajectory(expert)
        )
    assert np.any(whole.trajectory(0)[0] != whole.trajectory(1)[0])
    snapshots = whole.trajectory(0)
    assert all(np.any(a != b) for a, b in zip(snapshots, snapshots[1:]))


def test_a_curve_is_of_one_test_split(tmp_path, digits, monkeypatch, caplog):
    settings = config_lib.override(
        DM, ["outer_steps=2", "evaluation.networks=1", "evaluation.epochs=1"]
    )
    distill.run(settings, tmp_path, evaluate_every=1)
    before = curve(tmp_path)
    assert list(before) == [1, 2]
    longer = config_lib.override(settings, ["outer_steps=3"])
    darker = Split(digits.test.images // 2, digits.test.labels)
    other = dataclasses.replace(digits, test=darker)
    monkeypatch.setattr(assembly, "load_data", lambda *_: other)
    distill.run(longer, tmp_path)  # Evaluates nothing, and moves nothing.
    assert curve(tmp_path) == before
    with caplog.at_level("WARNING", logger="absl"):
        distill.run(longer, tmp_path, evaluate_every=1)
    assert "on other test images after outer steps 1, 2. These" in caplog.text
    (after,) = curve(tmp_path).items()
    assert after[0] == 3 and after[1]["data"]["test"] == other.facts.test
    for step in (1, 2):  # Nothing that was computed is lost.
        aside = f"evaluation_of_{digits.facts.test[:8]}_step{step:09d}.json"
        assert records.read(tmp_path / aside, "evaluation") == before[step]


def test_other_training_images_are_refused(tmp_path, digits, monkeypatch):
    """And by no more than their digest: another test split changes nothing."""
    one = config_lib.override(DM, ["outer_steps=1"])
    distill.run(one, tmp_path)
    darker = Split(digits.test.images // 2, digits.test.labels)
    other = dataclasses.replace(digits, test=darker)
    monkeypatch.setattr(assembly, "load_data", lambda *_: other)
    distill.run(one, tmp_path)
    darker = Split(digits.train.images // 2, digits.train.labels)
    other = dataclasses.replace(digits, train=darker)
    with pytest.raises(ValueError, match="`data.train` is .*another --run_dir"):
        distill.run(one, tmp_path)


def test_evaluations_after_the_last_checkpoint_are_made_again(tmp_path):
    """A resumed run need not give the same bits, e.g. on a GPU."""
    few = config_lib.override(
        DM, ["outer_steps=2", "evaluation.networks=1", "evaluation.epochs=5"]
    )
    distill.run(few, tmp_path, evaluate_every=1)
    paths = [curve_path(tmp_path, step) for step in (1, 2, 3)]
    shutil.copy(paths[0], paths[2])
    more = config_lib.override(few, ["outer_steps=3"])
    before = paths[0].read_bytes()
    distill.run(more, tmp_path, evaluate_every=1)
    assert paths[0].read_bytes() == before
    assert list(curve(tmp_path)) == [1, 2, 3]
    assert len({path.read_bytes() for path in paths}) == 3


def test_refuses_to_export_an_empty_run_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="trainers.distill"):
        DistilledRun.restore(tmp_path)


def test_a_holdout_replaces_the_test_split_everywhere(tmp_path, quick_tm):
    """Experts, runs and evaluations of it are told from those of the whole."""
    settings = config_lib.override(quick_tm, ["holdout=0.2", "outer_steps=1"])
    train_experts.run(settings, tmp_path / "experts")
    run = distill.run(
        settings, tmp_path / "run", expert_dir=tmp_path / "experts"
    )
    assert run.facts.name == "digits, holdout 0.2"
    assert DistilledRun.restore(tmp_path / "run").config.holdout == 0.2
    whole = config_lib.override(quick_tm, ["outer_steps=1"])
    with pytest.raises(
        ValueError, match="`data.name` is 'digits, holdout 0.2'"
    ):
        distill.run(whole, tmp_path / "no", expert_dir=tmp_path / "experts")
