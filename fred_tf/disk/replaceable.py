"""What a writer may replace: a thing of the same kind, and nothing else."""

import contextlib
import fnmatch
import os
import pathlib
from collections.abc import Collection

from fred_tf.disk import files, leftovers

# Left by kills, systems and interpreters; nobody misses them.
_PASSING = ("._*", ".DS_Store", f".*{leftovers.SUFFIX}", "*.pyc")

# Bytes of a file in which its mark stands.
_BEGINNING = 4096


def check(
    folder: pathlib.Path,
    marker: str,
    text: str = "",
    own: Collection[str] = (),
) -> None:
    """Refuses to replace a folder that is not of the kind to be written.

    Args:
        folder: what is to be replaced; it need not exist.
        marker: name of a file that every folder of this kind holds.
        text: what stands in that file, where others write files of that name,
            too. Not read as JSON: what is damaged may be replaced.
        own: patterns of all files that folders of this kind hold; where there
            are some, `folder` must hold no others.

    Raises:
        FileExistsError: `folder` is a file, or holds something else.
    """
    path = folder / marker
    has_marker = path.is_file()
    ours = has_marker and (not text or text in path.read_text(errors="replace"))
    if own and ours:
        _refuse_others(folder, own)
    if ours or not folder.exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        what = f"{marker} of its kind" if has_marker else marker
        raise FileExistsError(
            "Only what was written here before is replaced. Received: "
            f"{folder}, which holds no {what}. Choose another folder, or "
            "delete it."
        )


def _refuse_others(folder: pathlib.Path, own: Collection[str]) -> None:
    there = [p.relative_to(folder) for p in folder.rglob("*") if not p.is_dir()]
    others = [
        str(path)
        for path in sorted(there)
        if not any(map(path.match, _PASSING))  # By its last part.
        and not any(fnmatch.fnmatchcase(path.as_posix(), x) for x in own)
    ]
    if others:
        raise FileExistsError(
            f"What is replaced must hold nothing else. Received: {folder} "
            f"with {', '.join(others[:5])}. Move it, or choose another folder."
        )


def check_file(path: pathlib.Path, mark: bytes) -> None:
    """Refuses to replace a file that this library has not written.

    Args:
        path: where one is to be written; it need not exist.
        mark: what stands near the beginning of those that it writes.

    Raises:
        FileExistsError: there is one without it, a folder or a link.
    """
    if not os.path.lexists(path):
        return
    with contextlib.suppress(ValueError), files.opened(path) as file:
        if mark in file.read(_BEGINNING):
            return
    raise FileExistsError(
        f"Only an earlier {path.name} is replaced. Received: {path}, which "
        "fred_tf has not written. Move it, or choose another folder."
    )
