"""Subsets of classes: the lists that papers use, and lists of one's own.

Indices are those of the ImageNet classes in the sorted order of their synsets,
which `imagenet2012` of TensorFlow Datasets has, too; it calls them by these
synsets. Label i of a subset is the class at place i of its list.

Sources: Cazenavette et al. 2022 (arXiv 2203.11932), Nette to Squawk;
Cazenavette et al. 2023 (arXiv 2305.01649), A to E; Tian et al. 2020 (arXiv
1906.05849), the hundred, of which IDC takes the first ten, too (Kim et al.
2022, arXiv 2205.14959).
"""

from collections.abc import Sequence

from fred_tf.settings import nearest

_IMAGENET_100 = tuple(
    """
    n02869837 n01749939 n02488291 n02107142 n13037406 n02091831 n04517823
    n04589890 n03062245 n01773797 n01735189 n07831146 n07753275 n03085013
    n04485082 n02105505 n01983481 n02788148 n03530642 n04435653 n02086910
    n02859443 n13040303 n03594734 n02085620 n02099849 n01558993 n04493381
    n02109047 n04111531 n02877765 n04429376 n02009229 n01978455 n02106550
    n01820546 n01692333 n07714571 n02974003 n02114855 n03785016 n03764736
    n03775546 n02087046 n07836838 n04099969 n04592741 n03891251 n02701002
    n03379051 n02259212 n07715103 n03947888 n04026417 n02326432 n03637318
    n01980166 n02113799 n02086240 n03903868 n02483362 n04127249 n02089973
    n03017168 n02093428 n02804414 n02396427 n04418357 n02172182 n01729322
    n02113978 n03787032 n02089867 n02119022 n03777754 n04238763 n02231487
    n03032252 n02138441 n02104029 n03837869 n03494278 n04136333 n03794056
    n03492542 n02018207 n04067472 n03930630 n03584829 n02123045 n04229816
    n02100583 n03642806 n04336792 n03259280 n02116738 n02108089 n03424325
    n01855672 n02090622
    """.split()
)
CLASS_LISTS: dict[str, tuple[int | str, ...]] = {
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
    "imagenet_10": _IMAGENET_100[:10],
    "imagenet_100": _IMAGENET_100,
}


def names(classes: str) -> list[str]:
    """Returns what `classes` names, each as text; nothing if it is empty."""
    if not classes.strip():
        return []
    if classes in CLASS_LISTS:
        return [str(name) for name in CLASS_LISTS[classes]]
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
            f"{sorted(repeated)}. Name it once."
        )
    if len(places) < 2:
        raise ValueError(
            f"`classes` must leave at least two. Received: {classes!r}. Name "
            "more, or leave it empty for all."
        )
    return places


def _place(name: str, known: Sequence[str]) -> int:
    # A class may be called by a number, as digits are: names go first.
    if name in known:
        return list(known).index(name)
    if name.isdecimal() and len(name) < 10 and int(name) < len(known):
        return int(name)
    raise ValueError(
        f"`classes` must name classes of the data set, or places below "
        f"{len(known)} among them, or a list of {sorted(CLASS_LISTS)}. "
        f"Received: {name!r}.{nearest(name, [*known, *CLASS_LISTS])}"
    )
