"""Names of data sets, checked where they enter.

They stand in lines of files, tables and logs: what such a line would not give
back is refused before any work, as names of classes are.
"""

from fred_tf.disk import paths
from fred_tf.settings import is_line

# A data set in a folder of images is called by this and its path.
FOLDER = "folder:"


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
    elif not is_line(name):
        raise ValueError(
            f"`{argument}` must be a single line of UTF-8 without outer spaces "
            f"and control characters. Received: {name!r}. Choose another name."
        )
