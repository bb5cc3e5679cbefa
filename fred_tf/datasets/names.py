"""Names of data sets and classes, checked where they enter.

They stand in lines of files, tables and logs, some of which other tools write
and read: what such a line would not give back is refused before any work.
"""

import unicodedata
from collections.abc import Sequence

from fred_tf.disk import paths

# A data set in a folder of images is called by this and its path.
FOLDER = "folder:"
# Characters of the name of a class.
_LONGEST = 200
# Control characters, lone halves of pairs (how Python shows bytes that are no
# UTF-8), and what ends a line or a paragraph.
_REFUSED = ("Cc", "Cs", "Zl", "Zp")


def check_name(argument: str, name: str) -> None:
    """Refuses what a data set cannot be called.

    Args:
        argument: what the name was given as.
        name: the name.

    Raises:
        ValueError: it is no single line of UTF-8 without outer spaces, or
            names a folder by a path that is refused, see `paths.checked`.
    """
    if name.startswith(FOLDER):
        paths.checked(name[len(FOLDER) :], argument)
    elif wrong := _wrong(name):
        raise ValueError(
            f"`{argument}` must {wrong}. Received: {name!r}. Choose another "
            "name."
        )


def check_class_names(names: Sequence[str], dataset: str) -> None:
    """Refuses names of classes that a file of lines would not give back.

    Args:
        names: one per class.
        dataset: the data set, for the message.

    Raises:
        ValueError: a name is no single line of UTF-8 without outer spaces, or
            occurs twice.
    """
    for place, name in enumerate(names):
        wrong = "be text" if not isinstance(name, str) else _wrong(name)
        if not wrong and len(name) > _LONGEST:
            wrong = f"have at most {_LONGEST} characters"
        if not wrong and name in names[:place]:
            wrong = "differ from the others"
        if wrong:
            raise ValueError(
                f"The name of a class must {wrong}. Received: {name!r} in "
                f"{dataset!r}. Rename the class, or its folder."
            )


def _wrong(name: str) -> str:
    """Returns which rule a name breaks, or nothing."""
    if not name or name != name.strip():
        return "not be empty, nor begin or end with a space"
    if any(unicodedata.category(x) in _REFUSED for x in name):
        return "be UTF-8 without line ends and control characters"
    return ""
