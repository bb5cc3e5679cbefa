"""A run goes on from what is left of it, or says what it lacks."""

import shutil
import types

import numpy as np
import pytest

import fred_tf
from fred_tf import config, presets
from fred_tf.distilled_run import DistilledRun
from fred_tf.experts.store import ExpertStore
from fred_tf.open_run import OpenRun
from trainers import distill

DM = config.replace(
    presets.preset("digits_ipc1_dm_tiny"),
    {"augmentation": "none", "network.name": "mlp", "outer_steps": 3},
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> DistilledRun:
    folder = tmp_path_factory.mktemp("finished") / "run"
    return distill.run(DM, folder, save_every=2, images_every=2)


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished.folder.path, tmp_path / "run")


def content_of(folder):
    """Returns every file by its path; the lock says who looked last."""
    return {
        path: path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


@pytest.mark.parametrize("lost", ["folder", "files"])
@pytest.mark.parametrize("left", ["all", "metrics", "snapshots", "tensorboard"])
def test_a_run_that_lost_its_checkpoints_loses_no_more(folder, lost, left):
    shutil.rmtree(folder / "checkpoints")
    if lost == "files":
        (folder / "checkpoints").mkdir()
    for path in folder.iterdir():
        kept = path.stem in (left, "config") or left == "all"
        if not kept and path.name in ("snapshots", "tensorboard"):
            shutil.rmtree(path)
        elif not kept and path.name == "metrics.jsonl":
            path.unlink()
    before = content_of(folder)
    with pytest.raises(ValueError, match="must hold a checkpoint.* begin anew"):
        distill.run(DM, folder)
    assert content_of(folder) == before


def test_a_run_of_fewer_steps_than_were_made_is_refused(folder):
    before = content_of(folder)
    with pytest.raises(ValueError, match="`outer_steps` must be at least 3"):
        distill.run(config.replace(DM, {"outer_steps": 2}), folder)
    assert content_of(folder) == before


@pytest.mark.parametrize("part", ["data", "index"])
def test_a_run_that_was_killed_in_its_first_save_begins(
    finished, folder, tmp_path, part
):
    """Bit for bit as it would have begun, and nothing of before is left."""
    begun = tmp_path / "begun"
    (begun / "checkpoints").mkdir(parents=True)
    shutil.copy(folder / "config.json", begun)
    source = folder / "checkpoints" / "ckpt-2"
    target = begun / "checkpoints" / "ckpt-0"
    target.with_name("ckpt-0_temp").mkdir()
    data = ".data-00000-of-00001"
    shutil.copy(f"{source}{data}", f"{target}{data}")
    if part == "index":
        index = source.with_name("ckpt-2.index").read_bytes()
        target.with_name("ckpt-0.index").write_bytes(index[:100])
    run = distill.run(DM, begun, save_every=2)
    for one, other in zip(
        run.parameterization.get_weights(),
        finished.parameterization.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    assert run.folder.metrics() == finished.folder.metrics()
    steps = {path.stem for path in (begun / "checkpoints").glob("*.index")}
    assert steps == {"ckpt-0", "ckpt-2", "ckpt-3"}
    assert len(list((begun / "checkpoints").iterdir())) == 7


def test_lines_of_steps_are_on_the_disk_before_their_checkpoint():
    done = []
    run = OpenRun(
        config=DM,
        facts=None,
        distiller=types.SimpleNamespace(step=7, last_good=5),
        workers=types.SimpleNamespace(chief=True),
        folder=types.SimpleNamespace(sync=lambda: done.append("lines")),
        checkpoints=types.SimpleNamespace(save=lambda *of: done.append(of)),
    )
    run.save()
    assert done == ["lines", (7, 5)]


def test_experts_that_nothing_matches_are_refused(quick, digits, quick_experts):
    for experts in (str(quick_experts), ExpertStore(quick_experts)):
        with pytest.raises(ValueError, match="match them.*Leave them out"):
            fred_tf.distill(digits, quick, experts=experts)


@pytest.mark.parametrize("ipc", [1, 2])
def test_what_needs_the_number_of_images_is_asked_once_data_are_known(
    quick_tm, tmp_path, ipc
):
    """Of images with a name of their own: digits say before they are read."""
    images = np.random.default_rng(0).random((8, 8, 8, 1), np.float32)
    data = fred_tf.load_data((images, np.arange(8) % 2))
    changes = {"ipc": ipc, "objective.student_chunk": 3}
    settings = config.replace(
        quick_tm, {"dataset": data.name, "experts.batch_size": 2, **changes}
    )
    with pytest.raises(ValueError, match="`student_chunk` must divide"):
        fred_tf.distill(data, settings, tmp_path / "run", experts=tmp_path)
    assert not (tmp_path / "run").exists()
