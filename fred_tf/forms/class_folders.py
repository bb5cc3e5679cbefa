"""A folder's name for each class, whatever the class is called."""

import re
import unicodedata
from collections.abc import Collection, Sequence

# What every file system, shell and loader of images takes as it is.
_PLAIN = re.compile(r"\w(?:[\w .,()+'&-]*[\w)+])?")
_LONGEST, _LONGEST_BYTES = 60, 180
# Windows has devices by these names, whatever follows a dot.
_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{device}{number}" for device in ("com", "lpt") for number in range(10)
}


def folders(
    class_names: Sequence[str], taken: Collection[str] = ()
) -> tuple[str, ...]:
    """Returns a name of a folder for each class; all differ.

    A class name that every system takes as the name of a folder is that name.
    Of another, like `T-shirt/top`, what no system minds is kept: `T-shirt_top`.
    Names that some systems do not tell apart, such as `Cat` and `cat`, get the
    number of their class behind the first.

    Args:
        class_names: distinct names.
        taken: what lies beside the folders.
    """
    found: dict[int, str] = {}
    seen = {_key(name) for name in taken}
    # Names that stay as they are come first: no other takes one of them.
    for index, name in sorted(
        enumerate(class_names), key=lambda pair: not _is_plain(pair[1])
    ):
        folder = name if _is_plain(name) else _cleaned(name)
        if _key(folder) in seen:
            folder = f"{folder}_{index}"
        while _key(folder) in seen:
            folder += "_"
        seen.add(_key(folder))
        found[index] = folder
    return tuple(found[index] for index in range(len(class_names)))


def _is_plain(name: str) -> bool:
    return (
        _PLAIN.fullmatch(name) is not None
        and unicodedata.normalize("NFC", name) == name
        and len(name) <= _LONGEST
        and len(name.encode()) <= _LONGEST_BYTES
        and name.partition(".")[0].rstrip().casefold() not in _DEVICES
    )


def _cleaned(name: str) -> str:
    """Returns what is plain of a name, or `class` if nothing is."""
    composed = unicodedata.normalize("NFC", name)
    words = re.sub(r"[^\w.,()+'&-]+", "_", composed)[:_LONGEST].strip("._,-&'")
    while len(words.encode()) > _LONGEST_BYTES:
        words = words[:-1]
    return words if words and _is_plain(words) else f"class_{words}".strip("_")


def _key(name: str) -> str:
    """Returns what systems tell names apart by that tell least."""
    return unicodedata.normalize("NFKC", name).casefold()
