"""What packing replaces, what it leaves as it is, and what it refuses."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from fred_tf import config
from fred_tf.coresets import random_set
from tests.trainers.elsewhere import made
from tests.trainers.elsewhere.made import SETTINGS
from trainers.elsewhere import pack_folder, packed_images, packing
from trainers.elsewhere.runner import lock

OTHER = config.replace(SETTINGS, {"seed": 1})


@pytest.fixture
def pack(shelf, unlowered, tmp_path):
    """A pack that has made steps."""
    if not (shelf / "pack").exists():
        packing.pack(SETTINGS, shelf / "pack")
        made.move(shelf / "pack", 7)
    return shutil.copytree(shelf / "pack", tmp_path / "pack")


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def refused(settings, folder, match, **how):
    before = contents(folder)
    with pytest.raises((ValueError, OSError), match=match):
        packing.pack(settings, folder, **how)
    assert contents(folder) == before


def test_all_files_of_a_pack_are_known(pack):
    """So that `--overwrite` takes it for one."""
    made.write_spent(pack)
    made.write_scores(pack, 7, convnet=[0.5])
    made.write_metrics(pack, 7)
    pack_folder.check_replaceable(pack, "pack.json", "pack", True)


def test_the_same_pack_stays_and_goes_on(pack):
    before = contents(pack)
    packing.pack(SETTINGS, pack)
    assert contents(pack) == before


def test_other_settings_replace_nothing(pack):
    refused(OTHER, pack, "`config.seed` is 0 .*--overwrite it, or delete")


def test_overwriting_begins_anew(pack):
    (pack / "._run.py").touch()  # Of macOS.
    packing.pack(OTHER, pack, overwrite=True)
    about = made.about_of(pack)
    assert about["identity"]["config"]["seed"] == 1
    assert made.state_of(pack)["step"] == 0
    assert [p.name for p in pack.parent.iterdir()] == ["pack"]


def test_what_a_runner_makes_is_not_replaced(pack, monkeypatch):
    """It would go on writing, into the new one."""
    with lock.exclusive(pack):
        refused(OTHER, pack, f"{pack} is in use by", overwrite=True)
        packing.pack(SETTINGS, pack)  # Stays as it is.
    # Nor is one begun while it is replaced.
    finish = pack_folder.finish

    def late(*arguments, **content):
        with pytest.raises(BlockingIOError, match="in use"):
            with lock.exclusive(pack):
                raise AssertionError("held")
        finish(*arguments, **content)

    monkeypatch.setattr(pack_folder, "finish", late)
    packing.pack(OTHER, pack, overwrite=True)
    assert made.state_of(pack)["step"] == 0
    with lock.exclusive(pack):
        pass


def test_a_damaged_pack_is_replaced_only_on_purpose(pack):
    path = pack / "pack.json"
    path.write_text(path.read_text()[:-20])
    refused(SETTINGS, pack, "pack.json is not a JSON file")
    packing.pack(SETTINGS, pack, overwrite=True)
    assert made.state_of(pack)["step"] == 0


@pytest.mark.parametrize(
    "name", ["thesis.txt", "data/notes.txt", "old/state.npz", "rows.txt"]
)
def test_what_people_keep_beside_a_pack_is_kept(name, pack):
    (pack / name).parent.mkdir(exist_ok=True)
    (pack / name).touch()
    packing.pack(SETTINGS, pack)
    assert (pack / name).exists()
    refused(OTHER, pack, "is asked for")
    refused(OTHER, pack, f"hold nothing else.*{name}", overwrite=True)


OTHERS = {
    "a file": {"thesis.txt": "mine"},
    "json of others": {"pack.json": '{"name": "mine", "kind": "zip"}'},
    "a run": {"config.json": "{}"},
    "rows": {"rows.json": '{"kind": "rows"}'},
    "hidden": {".git": ""},
    "a left pack": {"state.npz": "", "run.py": ""},
}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("files", OTHERS.values(), ids=OTHERS)
def test_something_else_is_never_replaced(
    files, overwrite, unlowered, tmp_path
):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    refused(SETTINGS, tmp_path, str(tmp_path), overwrite=overwrite)


@pytest.mark.parametrize("overwrite", [False, True])
def test_links_are_not_replaced(overwrite, pack, tmp_path):
    (tmp_path / "empty").mkdir()
    for target in ("empty", "nothing"):
        link = tmp_path / f"to_{target}"
        link.symlink_to(tmp_path / target)
        refused(SETTINGS, link, "a symbolic link", overwrite=overwrite)
        assert link.is_symlink()
    link = tmp_path / "to_pack"
    link.symlink_to(pack)
    packing.pack(SETTINGS, link)
    refused(OTHER, link, str(link), overwrite=overwrite)
    assert made.state_of(pack)["step"] == 7


def test_a_file_is_not_replaced(unlowered, tmp_path):
    path = tmp_path / "pack"
    path.write_text("mine")
    with pytest.raises((FileExistsError, NotADirectoryError)):
        packing.pack(SETTINGS, path)
    assert path.read_text() == "mine"


def test_sets_are_replaced_alike(pack, digits):
    before, chosen = contents(pack), random_set(digits, 1, 0)
    with pytest.raises(ValueError, match="is asked for"):
        packing.pack_set(SETTINGS, pack, chosen, digits)
    assert contents(pack) == before
    packing.pack_set(SETTINGS, pack, chosen, digits, overwrite=True)
    assert not (pack / "state.npz").exists() and (pack / "set.npz").exists()


@pytest.mark.parametrize("word", ["../x", "A", "a.json", "x" * 101])
def test_a_word_is_fit_for_a_name(word, unlowered, digits, tmp_path):
    chosen, pack = random_set(digits, 1, 0), tmp_path / "pack"
    with pytest.raises(ValueError, match="`word` must be a word"):
        packing.pack_set(SETTINGS, pack, chosen, digits, word)
    assert not pack.exists()


def test_paths_are_checked_before_any_work(unlowered, monkeypatch):
    monkeypatch.setattr(packing.assembly, "load_data", None)
    for folder in ("gs://bucket/pack", "pack[1]", "a\nb", ""):
        with pytest.raises(ValueError, match="`--pack` must"):
            packing.pack(SETTINGS, folder)


def test_what_appears_meanwhile_is_not_replaced(
    unlowered, tmp_path, monkeypatch
):
    """Packing takes minutes; another may write to the same folder."""
    begun = packing._begun

    def late(*arguments):
        (tmp_path / "pack").mkdir()
        (tmp_path / "pack" / "thesis.txt").write_text("mine")
        return begun(*arguments)

    monkeypatch.setattr(packing, "_begun", late)
    refused_at_the_end = pytest.raises(FileExistsError, match="no pack.json")
    with refused_at_the_end:
        packing.pack(SETTINGS, tmp_path / "pack")
    assert contents(tmp_path) == {"pack/thesis.txt": b"mine"}


def test_every_file_of_a_pack_has_a_digest(pack):
    about = made.about_of(pack)
    programs = json.loads((pack / "programs.json").read_text())
    covered = {*about["files"], *programs["files"]}
    sealed = {"pack.json", "programs.json", "state.npz"}
    sealed |= {f"{place}/0.npz" for place in about["images"].values()}
    assert set(contents(pack)) == covered | sealed


def test_images_that_others_share_are_looked_at(digits, tmp_path):
    place = packed_images.write(tmp_path, digits.test)
    before = contents(tmp_path)
    assert packed_images.write(tmp_path, digits.test) == place
    assert contents(tmp_path) == before
    path = tmp_path / place / "0.npz"
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    with pytest.raises(ValueError, match=f"{path} must be"):
        packed_images.write(tmp_path, digits.test)
    shutil.rmtree(tmp_path / place)
    (tmp_path / place).symlink_to(tmp_path)
    with pytest.raises(ValueError, match="a symbolic link"):
        packed_images.write(tmp_path, digits.test)


def test_the_runner_refuses_other_programs(pack):
    """In one line, before it runs them."""

    def run(*arguments):
        command = [sys.executable, pack / "run.py", *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    assert run("--help").returncode == 0
    assert (
        run("--minutes=nan").returncode == run("--processes=0").returncode == 2
    )
    path = pack / "runner" / "score.py"
    path.write_text(path.read_text().replace("==", "!=", 1))
    done = run("--help")
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.startswith(f"ValueError: {path} must be as it was")
    assert done.stderr.count("\n") == 1
    assert not list(pack.rglob("*.pyc"))


def test_a_state_of_another_kind_is_no_state(pack):
    np.savez(pack / "state.npz", step=3)
    with pytest.raises(ValueError, match="as it was written"):
        made.state_of(pack)
