"""Subsets of classes: the lists that papers use, and lists of one's own.

Indices are those of the ImageNet classes in the sorted order of their synsets,
which `imagenet2012` of TensorFlow Datasets has, too. Label i of a subset is the
class at place i of its list.

Sources: Cazenavette et al. 2022 (arXiv 2203.11932), Nette to Squawk;
Cazenavette et al. 2023 (arXiv 2305.01649), A to E.
"""

from collections.abc import Sequence

from fred_tf.settings import nearest

CLASS_LISTS: dict[str, tuple[int, ...]] = {
    "imagenet_nette": (0, 217, 482, 491, 497, 566, 569, 571, 574, 701),
    "imagenet_woof": (193, 182, 258, 162, 155, 167, 159, 273, 207, 229),
    "imagenet_fruit": (953, 954, 949, 950, 951, 957, 952, 945, 943, 948),
    "imagenet_yellow": (309, 986, 954, 951, 987, 779, 599, 291, 72, 11),
    "imagenet_meow": (281, 282, 283, 284, 285, 291, 292, 290, 289, 287),
    "imagenet_squawk": (84, 130, 88, 144, 145, 22, 96, 9, 100, 89),
    "imagenet_a": (255, 376, 984, 364, 500, 986, 333, 576, 148, 135),
    "imagenet_b": (129, 916, 90, 275, 995, 874, 102, 259, 685, 139),
    "imagenet_c": (565, 94, 554, 535, 92, 392, 291, 136, 324, 11),
    "imagenet_d": (9, 258, 13, 262, 19, 339, 321, 24, 93, 322),
    "imagenet_e": (816, 96, 100, 145, 739, 713, 783, 76, 688, 326),
}


def names(classes: str) -> list[str]:
    """Returns what `classes` names, each as text; nothing if it is empty."""
    if not classes.strip():
        return []
    if classes in CLASS_LISTS:
        return [str(index) for index in CLASS_LISTS[classes]]
    return [name.strip() for name in classes.split(",")]


def chosen(classes: str, known: Sequence[str]) -> list[int]:
    """Returns the places of some classes among those of a data set.

    Args:
        classes: names or indices joined by commas, or a name in
            `CLASS_LISTS`; empty for all.
        known: names of the data set's classes.

    Raises:
        ValueError: a class is unknown, with the nearest name; it is given
            twice; or fewer than two are left.
    """
    wanted = names(classes)
    if not wanted:
        return list(range(len(known)))
    places = [_place(name, known) for name in wanted]
    if repeated := {known[p] for p in places if places.count(p) > 1}:
        raise ValueError(
            "`classes` must name each class once. Received twice: "
            f"{sorted(repeated)}."
        )
    if len(places) < 2:
        raise ValueError(
            f"`classes` must leave at least two. Received: {classes!r}."
        )
    return places


def _place(name: str, known: Sequence[str]) -> int:
    # A class may be called by a number, as digits are: names go first.
    if name in known:
        return list(known).index(name)
    if name.isdigit() and int(name) < len(known):
        return int(name)
    raise ValueError(
        f"`classes` must name classes of the data set, or places below "
        f"{len(known)} among them, or a list of {sorted(CLASS_LISTS)}. "
        f"Received: {name!r}.{nearest(name, [*known, *CLASS_LISTS])}"
    )
