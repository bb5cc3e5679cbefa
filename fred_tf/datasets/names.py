"""Names of data sets, checked where they enter.

They stand in lines of files, tables and logs: what such a line would not give
back is refused before any work, as names of classes are.
"""

import os
import pathlib
import re

from fred_tf.disk import paths
from fred_tf.settings import is_line

# Sets in a folder of images, and in a file of arrays, are called by these and
# the last part of their path.
FOLDER, FILE = "folder:", "file:"
_HOLDS_OUT = re.compile(r", holdout (\d+(?:\.\d+)?(?:e-\d+)?)$")


def with_holdout(name: str, share: float) -> str:
    """Returns what a data set is called of which a share is held out.

    Args:
        name: the data set.
        share: of its training images; 0 for none.
    """
    return f"{name}, holdout {share:g}" if share else name


def without_holdout(name: str) -> str:
    """Returns the data set of which something may be held out."""
    return _HOLDS_OUT.sub("", name)


def held_share(name: str) -> float:
    """Returns what share of its training images the name of data holds out."""
    held_out = _HOLDS_OUT.search(name)
    return float(held_out[1]) if held_out else 0.0


def check_whole(argument: str, name: str) -> None:
    """Refuses what would say of a data set that a share of it is held out.

    Args:
        argument: what the name was given as.
        name: the name, of all of it.

    Raises:
        ValueError: it ends as `with_holdout` ends names.
    """
    if without_holdout(name) != name:
        raise ValueError(
            f"`{argument}` must not end as names of what is held out do. "
            f"Received: {name!r}. Choose another name; `holdout` holds out."
        )


def check_name(argument: str, name: str) -> None:
    """Refuses what a data set cannot be called.

    Args:
        argument: what the name was given as.
        name: the name.

    Raises:
        ValueError: it is no single line of UTF-8 without outer spaces, or
            names a folder by a path that is refused, see `paths.checked`.
    """
    if kind := _kind(name):
        paths.checked(name[len(kind) :], argument)
    elif not is_line(name):
        raise ValueError(
            f"`{argument}` must be a single line of UTF-8 without outer spaces "
            f"and control characters. Received: {name!r}. Choose another name."
        )


def located(
    name: str, data_dir: paths.Path | None = None
) -> tuple[str, pathlib.Path | None]:
    """Returns a name without a path, and the folder that what it names is in.

    `folder:../own/photos` becomes `folder:photos` in the folder `own`: records
    and exports state the name alone.

    Args:
        name: of a data set, perhaps with a path, which begins in `data_dir`,
            or in the working folder where that does not have it.
        data_dir: where data are; None for no place in particular.

    Raises:
        ValueError: `paths.checked` refuses a path, or it has no last part.
    """
    folder = paths.optional_folder(data_dir, "data_dir")
    kind = _kind(name)
    if not kind:
        return name, folder
    path = paths.checked(name[len(kind) :], kind)
    if folder is not None and ((folder / path).exists() or not path.exists()):
        path = folder / path
    path = pathlib.Path(os.path.abspath(path))
    if not path.name:
        raise ValueError(
            f"`{kind}` must name a folder or file below another. Received: "
            f"{path}. Move the images to a folder of their own."
        )
    return f"{kind}{path.name}", path.parent


def has_path(name: str) -> bool:
    """Returns whether a name is of a folder or file of one's own."""
    return bool(_kind(name))


def path_of(name: str, folder: pathlib.Path) -> pathlib.Path:
    """Returns the path of what `located` has found."""
    return folder / name[len(_kind(name)) :]


def _kind(name: str) -> str:
    return next((k for k in (FOLDER, FILE) if name.startswith(k)), "")
