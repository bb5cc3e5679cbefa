"""A path is checked where it enters, before any work."""

import pathlib

import pytest

import fred_tf
from export import command_line, flags
from fred_tf.disk import paths
from fred_tf.synthetic_set import SyntheticSet

NOWHERE = "`run_dir` must be a folder, or one that can be made. Received: "


@pytest.fixture
def file(tmp_path) -> pathlib.Path:
    path = tmp_path / "p1.py"
    path.write_text("mine")
    return path


def test_a_file_is_no_folder(file, tmp_path):
    with pytest.raises(NotADirectoryError, match=f"{NOWHERE}.*p1.py', a file"):
        paths.folder(file, "run_dir")
    with pytest.raises(NotADirectoryError, match=f"a/b', where {file} is a f"):
        paths.folder(file / "a" / "b", "run_dir")
    with pytest.raises(NotADirectoryError, match="`path.parent` must be a fo"):
        paths.file(file / "a.json")
    for place in (tmp_path, tmp_path / "a" / "b"):
        assert paths.folder(str(place), "run_dir") == place
    assert paths.file(file) == file
    assert paths.optional_folder(None) is None


@pytest.mark.parametrize("path", [5, None, b"run", ["run"]])
def test_what_is_no_path_is_named(path):
    with pytest.raises(TypeError, match="`run_dir` must be a path. Received: "):
        paths.folder(path, "run_dir")


def test_functions_refuse_a_file_before_any_work(
    file, digits, quick, small, monkeypatch
):
    monkeypatch.setattr(SyntheticSet, "pixels", None)
    refused = pytest.raises(NotADirectoryError, match="folder, or one that can")
    for call in (
        lambda: small.export(file),
        lambda: small.save(file / "images.npz", "images_npz"),
        lambda: small.evaluate(digits, path=file / "evaluation.json"),
        lambda: fred_tf.distill(digits, quick, file),
        lambda: fred_tf.distill(digits, quick, start=file),
        lambda: fred_tf.distill(digits, quick, experts=file),
        lambda: fred_tf.train_experts(digits, quick, file / "experts"),
        lambda: fred_tf.DistilledRun.restore(file),
        lambda: fred_tf.load_data("digits", data_dir=file),
    ):
        with refused:
            call()
    assert file.read_text() == "mine"


@pytest.fixture
def small(digits):
    decoded = SyntheticSet(
        digits.normalized_train[:1],
        digits.train.labels[:1],
        digits.class_names,
        digits.normalization,
        "digits",
        64,
    )
    return fred_tf.DistilledSet(decoded)


@pytest.mark.parametrize(
    ("module", "flag"),
    [
        ("export.__main__", "run_dir"),
        ("export.__main__", "export_dir"),
        ("export.__main__", "soft_labels_from"),
        ("trainers.distill", "data_dir"),
        ("trainers.distill", "start_from"),
        ("trainers.train_experts", "expert_dir"),
        ("trainers.sweep.__main__", "sweep_dir"),
        ("trainers.results.__main__", "results_dir"),
        ("trainers.results.__main__", "runs_dir"),
        ("trainers.elsewhere.__main__", "pack"),
    ],
)
def test_programs_refuse_a_file_as_a_folder(module, flag, file, call):
    code, _, errors = call(module, f"--{flag}={file}")
    assert code == 1 and "Traceback" not in errors
    assert f"NotADirectoryError: `--{flag}` must be a folder, or" in errors


def test_every_flag_of_a_folder_is_one(file):
    """A default is looked up by nobody who imports a program."""
    for name in flags.FLAGS:
        if name.endswith("_dir"):
            assert flags.FLAGS[name].parser is command_line.FOLDER, name
    assert command_line.FOLDER.parse(str(file)) == str(file)
