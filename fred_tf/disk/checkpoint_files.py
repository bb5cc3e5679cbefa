"""The files of checkpoints in a folder, and what cut short saves leave there.

```
ckpt-9.data-00000-of-00001, ckpt-9.index   of step 9, written in this order
checkpoint                                 for TensorFlow's own tools
ckpt-9_temp/, checkpoint.tmp...            TensorFlow's, on the way
damaged-ckpt-9...                          moved aside by `Checkpoints`
```
"""

import contextlib
import os
import pathlib
import re

from fred_tf.disk import files, leftovers

STATE = "checkpoint"

_INDEX = re.compile(r"ckpt-(\d+)\.index")
_DATA = re.compile(r"(ckpt-\d+)\.data-\d+-of-\d+")
_DAMAGED = re.compile(r"damaged-ckpt-(\d+)\..*")
_TEMPORARY = ("ckpt-*_temp", f"{STATE}.tmp*")


def steps(folder: pathlib.Path) -> list[int]:
    """Returns the steps of the checkpoints in a folder, ascending."""
    if not folder.is_dir():
        return []
    matches = map(_INDEX.fullmatch, os.listdir(folder))
    return sorted(int(match[1]) for match in matches if match)


def data_without_index(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the data of which a save was cut short, or the index is lost."""
    if not folder.is_dir():
        return []
    return [
        path
        for path in sorted(folder.iterdir())
        if (match := _DATA.fullmatch(path.name))
        and not (folder / f"{match[1]}.index").exists()
    ]


def _of(folder: pathlib.Path, step: int) -> list[pathlib.Path]:
    """Returns the files of a checkpoint, its data before its index."""
    return sorted(folder.glob(f"ckpt-{step}.*"))


def check(folder: pathlib.Path, step: int) -> None:
    """Refuses a checkpoint that leads elsewhere, or would never be read.

    Raises:
        ValueError: one of its files is a link, a pipe or the like.
    """
    for path in _of(folder, step):
        with files.opened(path):
            pass


def sync(folder: pathlib.Path, step: int) -> None:
    """Waits until a checkpoint is on the disk.

    Raises:
        OSError: writing failed.
    """
    for path in _of(folder, step):
        files.sync(path)
    files.sync(folder)


def delete(folder: pathlib.Path, step: int) -> None:
    """Deletes a checkpoint, its index first: without, it is none."""
    for path in reversed(_of(folder, step)):
        path.unlink()


def move_aside(folder: pathlib.Path, step: int) -> None:
    """Keeps a damaged checkpoint for whoever wants to look into it.

    The data go first: killed in between, the checkpoint still shows as damaged
    and is moved the next time.
    """
    for path in _of(folder, step):
        os.replace(path, path.with_name(f"damaged-{path.name}"))


def delete_damaged(folder: pathlib.Path, step: int) -> None:
    """Deletes what was moved aside of steps up to one that is saved again."""
    for path in folder.glob("damaged-ckpt-*"):
        match = _DAMAGED.fullmatch(path.name)
        if match and int(match[1]) <= step:
            path.unlink()


def remove_leftovers(folder: pathlib.Path) -> None:
    """Deletes what a killed or failed save left on the way."""
    files.remove_leftovers(folder)
    for pattern in _TEMPORARY:
        for path in folder.glob(pattern):
            leftovers.delete(path)


def write_state(folder: pathlib.Path, steps: list[int]) -> None:
    """Tells TensorFlow what the folder holds, oldest first, if it is news.

    The file is a `CheckpointState` in text form, with positions for times.
    """
    if not steps:
        (folder / STATE).unlink(missing_ok=True)
        return
    lines = [f'model_checkpoint_path: "ckpt-{steps[-1]}"']
    for position, step in enumerate(steps, start=1):
        lines += [
            f'all_model_checkpoint_paths: "ckpt-{step}"',
            f"all_model_checkpoint_timestamps: {position}.0",
        ]
    text = "\n".join([*lines, "last_preserved_timestamp: 0.0", ""])
    with contextlib.suppress(FileNotFoundError, ValueError):
        if files.read_bytes(folder / STATE) == text.encode():
            return
    files.write_text(folder / STATE, text)
