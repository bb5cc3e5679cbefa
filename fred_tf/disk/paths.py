"""One check of every path that people give, before any work."""

import os
import pathlib
import re

Path = str | os.PathLike

# What TensorFlow and TensorFlow Datasets take for a pattern: they would not
# find their own files in `run[1]`, and in `run*` delete those of other runs.
WILDCARDS = "*?[]{}\\"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# Of most file systems, in bytes: a name, with room for a temporary one, and a
# whole path.
_LONGEST_NAME, _LONGEST_PATH = 200, 3500


def optional_folder(
    path: Path | None, name: str = "path"
) -> pathlib.Path | None:
    """Returns `folder` of a path, where one was given."""
    return None if path is None else folder(path, name)


def folder(path: Path, name: str = "path") -> pathlib.Path:
    """Returns `checked` of a path that is a folder, or where one can be made.

    Raises:
        NotADirectoryError: a file lies there, or above.
        TypeError, ValueError: see `checked`.
    """
    place = checked(path, name)
    for there in (place, *place.parents):
        if os.path.exists(there) and not os.path.isdir(there):
            where = f", where {there} is a file" if there != place else ""
            raise NotADirectoryError(
                f"`{name}` must be a folder, or one that can be made. "
                f"Received: {str(place)!r}{where or ', a file'}. Give another, "
                "or move the file."
            )
    return place


def file(path: Path, name: str = "path") -> pathlib.Path:
    """Returns `checked` of a path in a folder, or where one can be made.

    Raises:
        NotADirectoryError, TypeError, ValueError: see `folder`.
    """
    place = checked(path, name)
    folder(place.parent, f"{name}.parent")
    return place


def checked(path: Path, name: str = "path") -> pathlib.Path:
    """Returns a path that everything here can be written to and read from.

    `~` becomes the home folder. Nothing is looked up on the disk.

    Args:
        path: what somebody gave.
        name: what it was given as, for the message, e.g. `--run_dir`.

    Raises:
        TypeError: it is no path.
        ValueError: it is empty, names a file system by a scheme, or holds what
            TensorFlow takes for a pattern, control characters, or names that
            are no UTF-8 or too long.
    """
    text = os.fspath(path) if isinstance(path, Path) else path
    if not isinstance(text, str):
        raise TypeError(
            f"`{name}` must be a path. Received: {text!r:.80}. Give text."
        )

    def refuse(rule: str, way_out: str) -> ValueError:
        shown = text if len(text) <= 200 else f"{text[:200]}..."
        return ValueError(f"`{name}` {rule}. Received: {shown!r}. {way_out}")

    if not text.strip():
        raise refuse("must name a file or folder", "Give its path.")
    if _SCHEME.match(text):
        raise refuse(
            "must be a path of this machine's file system",
            "Mount the remote folder, or copy to and from it.",
        )
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise refuse("must hold no control characters", "Rename it.")
    try:
        expanded = pathlib.Path(text).expanduser()
    except RuntimeError:
        raise refuse(
            "must begin with a home folder that there is", "Write it in full."
        ) from None
    whole = os.path.abspath(expanded)
    try:
        encoded = whole.encode()
    except UnicodeEncodeError:
        raise refuse("must be UTF-8", "Rename it.") from None
    if set(WILDCARDS) & set(whole):
        raise refuse(
            f"must hold none of {' '.join(WILDCARDS)} in its whole path "
            f"{whole}: TensorFlow takes it for a pattern",
            "Rename the folder.",
        )
    longest = max(len(part.encode()) for part in pathlib.Path(whole).parts)
    if longest > _LONGEST_NAME or len(encoded) > _LONGEST_PATH:
        raise refuse(
            f"must have names of at most {_LONGEST_NAME} bytes, and be of at "
            f"most {_LONGEST_PATH} as a whole",
            "Choose shorter names.",
        )
    return expanded
