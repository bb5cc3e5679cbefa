"""The folder of a pack: what may be replaced there, and how it is completed."""

import contextlib
import pathlib
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from absl import logging

from fred_tf import config as config_lib
from fred_tf.config import Config
from fred_tf.datasets import ImageData
from fred_tf.disk import files, records, replaceable
from fred_tf.distillation import outliers
from trainers.elsewhere.runner import arrays, lock, rows, sealed

KIND = "pack"
ABOUT, STATE = "pack.json", "state.npz"
CONSTANTS = "constants.npz"
# All files of a pack, and of a folder of several.
_FILES = (
    *(ABOUT, STATE, CONSTANTS, "set.npz", "*.jax"),
    *("metrics.jsonl", "spent.json"),
    *("scores.json", "run.py", "runner/*.py", "programs.json"),
    *("data/[0-9a-f]*/[0-9]*.npz", "experts/[0-9a-f]*/[0-9]*.npz"),
    *("experts/[0-9a-f]*/experts.json", ".lock", "experts/[0-9a-f]*/.lock"),
)
OWN = (rows.ROWS, *_FILES, *(f"rows/*/{name}" for name in _FILES))
_RUN = pathlib.Path(__file__).with_name("run.py")


def work(
    folder: files.Path, config: Config, data: ImageData, **more: Any
) -> records.Work:
    """Returns what tells a pack from others, as `records` takes it."""
    identity = {"config": config_lib.to_json(config), **more}
    return pathlib.Path(folder) / ABOUT, KIND, identity, data.facts.to_json()


def is_there(asked: records.Work, overwrite: bool) -> bool:
    """Returns whether a pack is there already, perhaps with what it made."""
    folder = asked[0].parent
    check_replaceable(folder, ABOUT, KIND, overwrite)
    if overwrite:
        with unused(folder):
            return False  # Found out before any work.
    way_out = "Choose another --pack, --overwrite it, or delete the folder."
    if records.continued(*asked, way_out=way_out) is None:
        return False
    logging.info("%s is there already and stays as it is.", folder)
    return True


def check_replaceable(
    folder: pathlib.Path, about: str, kind: str, overwrite: bool
) -> None:
    """Refuses a folder that holds something else than packs.

    Args:
        folder: where packs go; it need not exist.
        about: the record in it.
        kind: of the record.
        overwrite: whether all that the folder holds goes: then it must hold
            nothing but what packs do.

    Raises:
        FileExistsError: it does, or a link would be replaced.
    """
    if folder.is_symlink() and (overwrite or not (folder / about).exists()):
        raise FileExistsError(
            f"A pack is written into a folder itself. Received: {folder}, a "
            "symbolic link. Give the folder that it leads to."
        )
    text = f'"kind": "{kind}"' if overwrite else ""
    replaceable.check(folder, about, text, OWN if overwrite else ())


@contextlib.contextmanager
def unused(folder: pathlib.Path) -> Iterator[None]:
    """Keeps runners from a pack, or several, inside a `with` block.

    A runner goes on writing by names, into whatever has come in its place.

    Args:
        folder: only packs can be replaced there; it need not exist.

    Raises:
        BlockingIOError: one makes the pack, or one of several.
    """
    with contextlib.ExitStack() as held:
        # A runner may make a single one of several.
        own = (p for p in folder.glob("rows/*") if not p.is_symlink())
        for place in (folder, *sorted(own)):
            if any((place / name).exists() for name in (ABOUT, rows.ROWS)):
                held.enter_context(lock.exclusive(place))
        yield


@contextlib.contextmanager
def replacing(folder: files.Path, overwrite: bool) -> Iterator[pathlib.Path]:
    """Yields a new folder that becomes that of a pack, or of several.

    Args:
        folder: as `check_replaceable` takes it.
        overwrite: whether it may hold any, which nobody makes meanwhile.

    Raises:
        BlockingIOError: see `unused`.
    """
    there = pathlib.Path(folder)
    with unused(there) if overwrite else contextlib.nullcontext():
        with files.replacing_folder(folder) as temporary:
            yield temporary


def finish(
    folder: pathlib.Path,
    asked: records.Work,
    overwrite: bool,
    leaves: Sequence[np.ndarray] = (),
    **content: Any,
) -> None:
    """Writes what a pack says of itself, then what says of which pack it is."""
    path, kind, identity, data = asked
    # Others may have written there in the minutes that this took.
    check_replaceable(path.parent, ABOUT, KIND, overwrite)
    if not overwrite and path.exists():
        raise FileExistsError(
            f"{path.parent} was packed by another process meanwhile. Give the "
            "same command again."
        )
    content["troubles"] = list(outliers.TROUBLES)
    content.setdefault("shared", ".")
    # What is in folders has seals of its own.
    own = sorted(file for file in folder.iterdir() if file.is_file())
    content["files"] = {file.name: files.sha256(file) for file in own}
    records.write(folder / ABOUT, kind, identity, data, **content)
    if leaves:
        seal = records.read(folder / ABOUT)["sha256"]
        values = {"step": 0, **arrays.numbered(leaves)}
        arrays.write(folder / STATE, f"{seal} state", **values)
    copy_runner(folder)


def copy_runner(folder: pathlib.Path) -> None:
    """Writes the programs that make a pack, or several, into its folder."""
    with files.replacing_folder(folder / "runner") as programs:
        for source in _RUN.with_name("runner").glob("[a-z_]*.py"):
            shutil.copyfile(source, programs / source.name)
    with files.replacing_file(folder / _RUN.name) as temporary:
        shutil.copyfile(_RUN, temporary)
    written = [folder / _RUN.name, *sorted((folder / "runner").iterdir())]
    digests = {
        path.relative_to(folder).as_posix(): files.sha256(path)
        for path in written
    }
    sealed.write(folder / "programs.json", "programs", "", files=digests)
