"""A run folder is brought back to life, or says what it lacks."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

import fred_tf
from fred_tf import config, open_run, presets
from fred_tf.disk import records
from fred_tf.distilled_run import (
    DataFacts,
    DistilledRun,
    check_beginning,
    check_start,
)
from trainers import distill

DM = config.replace(
    presets.preset("digits_ipc1_dm_tiny"),
    {"augmentation": "none", "network.name": "mlp"},
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> DistilledRun:
    """Three steps, each of them saved."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    return distill.run(DM, folder, save_every=1)


def memory_of(run) -> np.ndarray:
    return run.parameterization.trainable_variables[0].numpy()


def test_restores_what_the_run_ended_with(finished):
    again = DistilledRun.restore(finished.folder.path)
    assert again.step == finished.step == 3
    assert again.config == finished.config == DM
    assert again.facts == finished.facts
    assert again.learned == finished.learned
    np.testing.assert_array_equal(memory_of(again), memory_of(finished))


def test_restores_a_moved_folder_and_its_newest_checkpoint(finished, tmp_path):
    folder = shutil.copytree(finished.folder.path, tmp_path / "moved")
    for path in (folder / "checkpoints").glob("ckpt-3.*"):
        path.unlink()
    earlier = DistilledRun.restore(folder)
    assert earlier.step == 2
    assert np.any(memory_of(earlier) != memory_of(finished))


def test_the_set_is_the_decoded_memory(finished):
    found = finished.synthetic_set()
    expected = finished.parameterization.decode().numpy()
    np.testing.assert_array_equal(found.images, expected)
    np.testing.assert_array_equal(
        found.labels, finished.parameterization.labels
    )
    assert found.dataset == "digits" and found.classes == 10
    assert found.floats_stored == finished.parameterization.floats_stored
    assert found.student_learning_rate is None
    assert found.details["outer_steps"] == 3
    assert found.details["config"] == config.to_json(DM)


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="trainers.distill"):
        DistilledRun.restore(tmp_path / "nowhere")


def test_a_run_without_a_checkpoint_is_named(finished, tmp_path):
    folder = shutil.copytree(finished.folder.path, tmp_path / "run")
    shutil.rmtree(folder / "checkpoints")
    with pytest.raises(
        FileNotFoundError,
        match=f"{folder} holds no checkpoint yet.*trainers.distill",
    ):
        DistilledRun.restore(folder)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("data", "image_shape", [8, 8]),
        ("data", "image_shape", 8),
        ("data", "class_names", None),
        ("data", "normalization", {"name": "none"}),
        ("data", "image_shape", [100_000, 100_000, 1]),
        ("data", "more", 1),
        ("identity", "ipc", 1_000_000),
        ("identity", "ipc", "one"),
        ("identity", "network", None),
        ("identity", "objective", {"name": "none"}),
        ("identity", "parameterization", []),
        ("identity", "more", 1),
        ("identity", "dataset", ...),
        ("data", "image_shape", ...),
        ("data", "class_names", ...),
        ("data", "normalization", ...),
    ],
)
def test_a_config_that_cannot_be_is_named(
    finished, tmp_path, part, name, value
):
    """Its seal is right, as whoever makes a run folder may do."""
    folder = shutil.copytree(finished.folder.path, tmp_path / "run")
    record = json.loads((folder / "config.json").read_text())
    record[part][name] = value
    if value is ...:
        del record[part][name]
    (folder / "config.json").write_text(json.dumps(records.seal(record)))
    with pytest.raises(
        ValueError, match=f"{folder}/config.json must state.*delete it"
    ):
        DistilledRun.restore(folder)


def test_facts_through_json(finished):
    written = json.loads(json.dumps(finished.facts.to_json()))
    assert DataFacts.from_json(written) == finished.facts


def test_facts_are_those_of_the_data(finished, digits):
    facts = finished.facts
    assert facts == digits.facts
    assert (facts.name, facts.image_shape) == ("digits", (8, 8, 1))
    assert facts.class_names == digits.class_names
    assert facts.normalization == digits.normalization


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "mnist"}, "same data.*'digits'.* asked for: .*'mnist'"),
        ({"holdout": 0.2}, "same data.*'holdout': 0.0.*'holdout': 0.2"),
        ({"ipc": 2}, r"same shapes.*\(20, 32, 1\).*\(40, 32, 1\).*`ipc`"),
        (
            {"parameterization.coefficients_per_channel": 64},
            r"same shapes.*\(10, 64, 1\)",
        ),
    ],
)
def test_a_start_that_does_not_fit_is_refused(finished, changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        check_start(config.replace(DM, changes), finished, finished.facts)
    assert str(finished.folder.path) in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "there", "asked"),
    [
        ({"name": "pixel"}, "frequency", "pixel"),
        ({"transform": "dft"}, "dct", "dft"),
        ({"norm": "ortho"}, "none", "ortho"),
        ({"channels": "joint"}, "separate", "joint"),
    ],
)
def test_a_start_whose_numbers_mean_something_else_is_refused(
    finished, changes, there, asked
):
    """Most have the same shapes; no data are needed to tell."""
    (name,) = changes
    wanted = config.replace(DM, {f"parameterization.{name}": asked})
    message = f"`parameterization.{name}` is '{there}' there, '{asked}' is"
    with pytest.raises(ValueError, match=message):
        check_start(wanted, finished)


def test_the_kind_of_labels_and_the_cut_of_canvases_are_what_numbers_mean(
    finished,
):
    """Which memories of equal shapes may differ in."""
    learned = {
        "objective.name": "feature_regression",
        "distiller.memory_optimizer": "adam",
        "parameterization.labels": "scores",
    }
    canvases = {"parameterization.name": "idc"}
    for there, asked in (
        (learned, {"parameterization.labels": "probabilities"}),
        (canvases, {"parameterization.factor": 1}),
    ):
        begun = config.replace(DM, there)
        start = dataclasses.replace(finished, config=begun)
        check_start(begun, start)
        if "parameterization.labels" in asked:
            asked = {**asked, "objective.name": "trajectory_matching"}
        (name, *_) = asked
        with pytest.raises(ValueError, match=f"`{name}` is .* asked for"):
            check_start(config.replace(begun, asked), start)


@pytest.mark.parametrize(
    ("name", "there", "asked"),
    [
        ("initial_images", "random", "herding"),
        ("mask_rule", "energy", "low_frequency"),
        ("mask_statistics", "whole_class", "initial_images"),
    ],
)
def test_what_counts_for_nothing_beside_a_start_is_refused(
    finished, digits, tmp_path, name, there, asked
):
    """Of a run that begins; one that has begun with it goes on."""
    field = f"parameterization.{name}"
    wanted = config.replace(DM, {field: asked})
    message = f"`{field}` is '{there}' there, '{asked}' is .* for nothing"
    with pytest.raises(ValueError, match=message):
        fred_tf.distill(digits, wanted, tmp_path / "run", start=finished)
    assert not (tmp_path / "run").exists()
    check_start(wanted, finished)
    check_beginning(DM, finished)


def test_a_run_that_began_beside_them_goes_on(
    finished, digits, tmp_path, monkeypatch
):
    wanted = config.replace(
        DM, {"parameterization.initial_images": "herding", "outer_steps": 1}
    )
    again = {"start": finished, "progress": False}
    with monkeypatch.context() as earlier:
        earlier.setattr(open_run, "check_beginning", lambda *_: None)
        fred_tf.distill(digits, wanted, tmp_path, **again)
    longer = config.replace(wanted, {"outer_steps": 2})
    assert fred_tf.distill(digits, longer, tmp_path, **again).run.step == 2


def test_the_command_that_made_a_run_starts_one_from_it_on_few_images():
    """Where a memory keeps more of fewer instances, settings ask for others."""
    images = np.random.default_rng(0).random((6, 16, 16, 3), np.float32)
    data = fred_tf.load_data((images, np.arange(6) % 2))
    few = ["outer_steps=1", "network.name=mlp", "augmentation=none"]
    told = {"overrides": few, "progress": False}
    first = fred_tf.distill(data, "dm", **told).run
    assert (
        first.config.parameterization != presets.preset("dm").parameterization
    )
    again = fred_tf.distill(data, "dm", start=first, **told)
    assert again.run.began_after == 1
    with pytest.raises(ValueError, match="same shapes.*`ipc`"):
        fred_tf.distill(
            data, "dm", start=first, **{**told, "overrides": [*few, "ipc=2"]}
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": "0" * 64}, "`train` is .* there, '0{64}' is asked"),
        ({"class_names": tuple("jihgfedcba")}, "`class_names` is"),
        ({"preparation": {"crop": "center"}}, "`preparation` is {} there"),
    ],
)
def test_a_start_from_other_images_is_refused(finished, changes, message):
    """Also where the data set has the same name."""
    other = dataclasses.replace(finished.facts, **changes)
    with pytest.raises(ValueError, match=message) as caught:
        check_start(DM, finished, other)
    assert str(finished.folder.path) in str(caught.value)


def test_data_are_compared_before_a_run_starts_from_another(
    finished, digits, tmp_path
):
    changed = digits.train.images.copy()
    changed[0] = 1 - changed[0]
    train = dataclasses.replace(digits.train, images=changed)
    data = dataclasses.replace(digits, train=train)
    with pytest.raises(ValueError, match="`train` is .* same images"):
        fred_tf.distill(data, DM, tmp_path / "run", start=finished)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"outer_steps": 9},
        {"seed": 1},
        {"network.width": 16},
        {"parameterization.bits": 4},
        {"parameterization.step": 8.0},
    ],
)
def test_a_start_of_the_same_shapes_fits(finished, changes):
    check_start(config.replace(DM, changes), finished)
    other_test = dataclasses.replace(finished.facts, test=None)
    check_start(config.replace(DM, changes), finished, other_test)
    moved = dataclasses.replace(finished, step=0)
    check_start(config.replace(DM, changes), moved)
