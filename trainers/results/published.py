"""Test accuracies of the papers, in per cent, as tables of data.

Sources, by table:

- `MAIN`, `OBJECTIVES_BY_MEMORY` with `UNSEEN_MEAN`, `CORRUPTED` and
  `SUBSETS_CORRUPTED`: the slides of Shin et al. 2023 (arXiv 2311.08819).
- `DIGITS`, `BESIDE`, `TINY_IMAGENET` and `SUBSETS_TEN`: FreD from its readme;
  the others from their own papers' tables, RFAD's by a network of finite width.
  Numbers with a dagger are not seen at the source, but as others quote them:
  for plausibility, not for citation.
- `SUBSETS`: FreD from its readme; others as later papers report them, where
  IDC's canvases are matched by trajectories. `SUBSETS_BESIDE`: their own
  papers; FreD with other objectives as a later one reports it.
- `LETTERS`: the readme of FreD.
- `LARGE`: the paper and the readme of IDC (Kim et al. 2022, arXiv 2205.14959).
- `FULL` and its parts: the slides; MNIST to Tiny-ImageNet and two subsets other
  papers of distillation, the other subsets a later one.

A row has a number for each column of its table, `-` where none is published.
Memory sizes of HaBa are of its bases in all tables but `OBJECTIVES_BY_MEMORY`,
where every method has the image more that its hallucinators take.

`STEPS` are those of the sources: DC 1,000 networks with 1, 10 and 50 steps of
each (Zhao et al. 2021, arXiv 2006.05929), DSA the same; DM 20,000 (arXiv
2110.04181); CAFE 2,000 networks with ten steps of each at least (2203.01531);
trajectory matching of pixels 5,000
(2203.11932), else 15,000 (2311.08819, 2210.16774); FRePo 500,000 (2206.00719);
IDC 2,000 networks with 100 steps of each, of ImageNet 500 (2205.14959); KIP up
to 50,000 (2107.13034). FreD takes DC's and DM's numbers of networks, of
ImageNet 1,000 of both.
"""

from collections.abc import Mapping
from typing import NamedTuple

Rows = Mapping[str, str]


class Published(NamedTuple):
    """A table.

    Attributes:
        title: above it.
        columns: data set and images per class, see `slides.py`.
        rows: a number for each column, by method.
        what: of a scored set the number is: `accuracy`; `unseen`, the mean over
            other networks; or `corrupted`, on other test images.
        on: by column, which those are.
    """

    title: str
    columns: tuple[tuple[str, int], ...]
    rows: Rows
    what: str = "accuracy"
    on: tuple[str, ...] = ()


def _columns(datasets: str, *ipcs: int) -> tuple[tuple[str, int], ...]:
    return tuple((name, ipc) for name in datasets.split() for ipc in ipcs)


MAIN: Rows = {
    "Random": "14.6±1.6 35.1±4.1 70.9±0.9 14.4±2.0 26.0±1.2 43.4±1.0 "
    "4.2±0.3 14.6±0.5 30.0±0.4",
    "Herding": "20.9±1.3 50.5±3.3 72.6±0.8 21.5±1.3 31.6±0.7 40.4±0.6 "
    "8.4±0.3 17.3±0.3 33.7±0.5",
    "DC": "31.2±1.4 76.1±0.6 82.3±0.3 28.3±0.5 44.9±0.5 53.9±0.5 "
    "12.8±0.3 25.2±0.3 -",
    "DSA": "27.5±1.4 79.2±0.5 84.4±0.4 28.8±0.7 52.1±0.5 60.6±0.5 "
    "13.9±0.3 32.3±0.3 42.8±0.4",
    "DM": "- - - 26.0±0.8 48.9±0.6 63.0±0.4 11.4±0.2 29.7±0.2 43.6±0.4",
    "CAFE+DSA": "42.9±3.0 77.9±0.6 82.3±0.4 31.6±0.8 50.9±0.5 62.3±0.4 "
    "14.0±0.2 31.5±0.2 42.9±0.2",
    "TM": "58.5±1.4 70.8±1.8 85.7±0.1 46.3±0.8 65.3±0.7 71.6±0.2 "
    "24.3±0.2 40.1±0.4 47.7±0.2",
    "KIP": "57.3±0.1 75.0±0.1 80.5±0.1 49.9±0.2 62.7±0.3 68.6±0.2 "
    "15.7±0.2 28.3±0.1 -",
    "FRePo": "- - - 46.8±0.7 65.5±0.4 71.7±0.2 28.7±0.1 42.5±0.2 44.3±0.2",
    "IDC": "68.1±0.1 87.3±0.2 90.2±0.1 50.0±0.4 67.5±0.5 74.5±0.1 - - -",
    "HaBa": "69.8±1.3 83.2±0.4 88.3±0.1 48.3±0.8 69.9±0.4 74.0±0.2 "
    "33.4±0.4 40.2±0.2 47.0±0.2",
    "TM with FreD": "82.2±0.6 89.5±0.1 90.3±0.3 60.6±0.8 70.3±0.3 75.8±0.1 "
    "34.6±0.4 42.7±0.2 47.8±0.1",
}
BESIDE: Rows = {
    "CAFE": "42.6† 75.9† 81.3† 30.3 46.3 55.5 12.9 27.8 37.9",
    "RFAD": "52.2† 74.9† 80.9† 53.6 66.3 71.1† 26.3† 33.0† -",
    "IDC-I": "46.7 77.0 87.9 36.7 58.3 69.5 - 36.6 -",
    "IDC": "68.5 87.5 90.1 50.6 67.5 74.5 - 45.1 -",
}
LARGE: Rows = {
    "IDC-I": "41.5 61.4 - 29.2 -",
    "IDC": "49.0 72.8 76.6 46.7 53.7",
}
FULL: Rows = {"Full data": "95.4±0.1 84.8±0.1 56.2±0.3"}
FULL_BESIDE: Rows = {"Full data": "99.6 93.5 37.6"}
FULL_SUBSETS: Rows = {"Full data": "87.4 67.0 63.9 84.4 66.7 87.5"}
DIGITS: Rows = {
    "Random": "64.9† 95.1† 97.9† 51.4 73.8 82.5",
    "Herding": "89.2† 93.7† 94.8† 67.0 71.1 71.9",
    "DC": "91.7 97.4 98.8 70.5 82.3 83.6",
    "DSA": "88.7 97.8 99.2 70.6 84.6 88.7",
    "DM": "89.7† 97.5† 98.6† 70.7 83.5 88.1",
    "CAFE": "93.1† 97.2† 98.6† 77.1 83.0 84.8",
    "CAFE+DSA": "90.8† 97.5† 98.9† 73.7 83.0 88.2",
    "TM": "91.4† 97.3† 98.5† 75.1† 87.2† 88.3†",
    "KIP": "90.1† 97.5† 98.3† 73.5† 86.8† 88.0†",
    "RFAD": "94.4† 98.5† 98.8† 78.6† 87.0† 88.8†",
    "FRePo": "93.0† 98.6† 99.2† 75.6† 86.2† 89.6†",
    "IDC-I": "88.9 98.0 98.8 70.7 85.3 89.1",
    "IDC": "94.2 98.4 99.1 81.0 86.0 86.2",
    "HaBa": "92.4† 97.4† 98.1† 80.9† 88.6† 90.0†",
    "TM with FreD": "95.8 97.6 - 84.6 89.1 -",
}
TINY_IMAGENET: Rows = {
    "DC": "5.3† 12.9† 12.7†",
    "DM": "3.9 12.9 24.1",
    "TM": "8.8 23.2 28.0",
    "FRePo": "15.4 25.4 -",
    "TM with FreD": "19.2 24.2 26.4",
}
SUBSETS: Rows = {
    "TM": "51.4 29.7 28.8 47.5 33.3 41.0",
    "TM with IDC": "61.4 34.5 38.0 56.5 39.5 50.2",
    "HaBa": "51.9 32.4 34.7 50.4 36.9 41.9",
    "TM with FreD": "66.8 38.3 43.7 63.2 43.2 57.0",
}
SUBSETS_BESIDE: Rows = {
    "Random": "23.5 - - - - -",
    "DM": "32.8 21.1 - - - -",
    "TM": "47.7 28.6 26.6 45.2 30.7 39.4",
    "FRePo": "48.1 29.7 - - - -",
    "DC with FreD": "49.1 26.1 30.0 - 28.7 39.7",
    "DM with FreD": "56.2 31.0 33.4 - 33.3 42.7",
}
SUBSETS_TEN: Rows = {
    "Random": "47.7 - - - - -",
    "DM": "58.1 31.4 - - - -",
    "TM": "63.0 35.8 40.3 60.0 40.4 52.3",
    "FRePo": "66.5 42.2 - - - -",
    "HaBa": "64.7 38.6 42.5 63.0 42.9 56.8",
    "TM with FreD": "72.0 41.3 47.0 69.2 48.6 67.3",
}
LETTERS: Rows = {
    "DSA with FreD": "53.1 54.8 54.2 42.8 41.0",
    "DM with FreD": "58.0 58.6 55.6 46.3 45.0",
    "TM with FreD": "67.7 69.3 63.6 54.4 55.4",
}
OBJECTIVES_BY_MEMORY: Rows = {
    "DC": "31.4±0.2 45.3±0.3 54.2±0.6",
    "DC with IDC": "35.2±0.5 53.8±0.4 56.4±0.4",
    "DC with HaBa": "34.1±0.5 49.9±0.5 58.9±0.2",
    "DC with FreD": "45.3±0.5 55.8±0.4 59.8±0.5",
    "DM": "34.6±0.5 50.4±0.4 62.0±0.3",
    "DM with IDC": "45.1±0.5 59.3±0.4 64.6±0.3",
    "DM with HaBa": "37.3±0.1 56.8±0.1 64.4±0.4",
    "DM with FreD": "55.9±0.4 61.3±0.8 66.6±0.6",
    "TM": "50.6±1.0 63.9±0.3 69.8±0.5",
    "TM with IDC": "56.1±0.4 60.9±0.4 71.1±0.4",
    "TM with HaBa": "56.8±0.4 69.5±0.3 73.3±0.2",
    "TM with FreD": "61.4±0.3 70.7±0.5 75.5±0.2",
}
UNSEEN_MEAN: Rows = {
    "DC": "22.0±0.9 29.2±0.9 34.1±0.6",
    "DC with IDC": "28.7±1.2 35.4±0.6 40.2±0.7",
    "DC with HaBa": "25.4±0.9 31.4±0.7 35.5±0.9",
    "DC with FreD": "37.3±0.9 37.4±0.7 42.7±0.8",
    "DM": "21.5±2.2 39.5±1.1 52.6±0.7",
    "DM with IDC": "37.3±1.1 50.5±0.6 61.3±0.5",
    "DM with HaBa": "30.1±0.6 47.0±0.5 60.1±0.6",
    "DM with FreD": "48.1±0.7 57.3±0.8 65.0±0.7",
    "TM": "33.1±1.1 43.9±1.4 55.0±1.0",
    "TM with IDC": "42.5±1.5 48.7±1.8 61.5±1.0",
    "TM with HaBa": "46.4±1.0 55.8±1.8 64.0±0.9",
    "TM with FreD": "49.7±1.0 60.1±0.7 69.1±0.7",
}
# The order of `CORRUPTIONS` in fred_tf/datasets/corruptions.py.
ON = (
    *("gaussian noise", "shot noise", "impulse noise", "defocus blur"),
    *("glass blur", "motion blur", "zoom blur", "snow", "frost", "fog"),
    *("brightness", "contrast", "elastic", "pixelate", "jpeg", "mean of all"),
)
# That the sets are of ipc 1 follows from the means; the level is not told.
CORRUPTED: Rows = {
    "DC": "28.2 28.3 28.0 28.5 28.3 28.2 27.8 28.0 "
    "28.2 24.3 28.4 28.6 28.1 28.5 28.5 28.0",
    "DSA": "27.8 27.8 27.5 28.1 27.8 27.8 27.3 27.6 "
    "27.8 23.7 27.9 28.8 27.6 28.2 28.0 27.6",
    "TM": "30.8 31.1 29.9 30.5 29.0 29.5 29.6 31.0 "
    "30.5 28.0 32.3 32.4 29.5 31.1 31.5 30.4",
    "IDC": "37.4 37.8 36.3 39.7 38.2 39.0 39.0 38.9 "
    "38.6 35.7 39.3 40.4 38.5 39.4 39.1 38.5",
    "TM with FreD": "56.7 57.3 54.4 58.9 56.4 57.2 57.3 58.0 "
    "56.5 53.6 59.2 53.5 57.2 59.6 58.9 57.0",
}
SUBSETS_CORRUPTED: Rows = {
    "TM": "38.0±1.6 23.8±1.0 22.7±1.1 35.6±1.7 23.3±1.1 -",
    "TM with IDC": "34.5±0.6 18.7±0.4 28.5±0.9 36.8±1.4 22.2±1.2 26.8±0.5",
    "TM with FreD": "51.2±0.6 31.0±0.9 32.3±1.4 48.2±1.0 30.3±0.3 45.9±0.6",
}
SUBSETS_CORRUPTED_TEN: Rows = {
    "TM": "50.9±0.7 30.9±0.7 32.3±0.8 45.6±1.0 30.1±0.5 44.4±1.8",
    "TM with IDC": "40.4±1.0 21.9±0.3 32.2±0.7 39.6±0.5 23.9±0.8 40.5±0.7",
    "TM with FreD": "55.2±0.8 33.8±0.8 35.7±0.6 47.9±0.4 31.3±0.9 52.5±0.8",
}

_WORDS = (
    "imagenet_nette imagenet_woof imagenet_fruit imagenet_yellow imagenet_meow "
    "imagenet_squawk"
)
_LETTERS = "imagenet_a imagenet_b imagenet_c imagenet_d imagenet_e"
_COLOUR = "svhn_cropped cifar10 cifar100"
TABLES = (
    Published("ConvNet", _columns(_COLOUR, 1, 10, 50), MAIN),
    Published(
        "ConvNet, not in the slides", _columns(_COLOUR, 1, 10, 50), BESIDE
    ),
    Published(
        "More classes, or more pixels",
        (
            ("cifar100", 20),
            *_columns("imagenet_10 imagenet_100", 10, 20),
        ),
        LARGE,
    ),
    Published("Whole training splits", _columns(_COLOUR, 0), FULL),
    Published(
        "Whole training splits, not in the slides",
        _columns("mnist fashion_mnist tiny_imagenet", 0),
        FULL_BESIDE,
    ),
    Published("Whole subsets of ImageNet", _columns(_WORDS, 0), FULL_SUBSETS),
    Published(
        "Grey images", _columns("mnist fashion_mnist", 1, 10, 50), DIGITS
    ),
    Published(
        "Tiny-ImageNet", _columns("tiny_imagenet", 1, 10, 50), TINY_IMAGENET
    ),
    Published("Subsets of ImageNet, ipc 1", _columns(_WORDS, 1), SUBSETS),
    Published(
        "Subsets of ImageNet, ipc 1, from other papers",
        _columns(_WORDS, 1),
        SUBSETS_BESIDE,
    ),
    Published("Subsets of ImageNet, ipc 10", _columns(_WORDS, 10), SUBSETS_TEN),
    Published("Subsets A to E of ImageNet", _columns(_LETTERS, 1), LETTERS),
    Published(
        "Objectives and memories",
        _columns("cifar10", 2, 11, 51),
        OBJECTIVES_BY_MEMORY,
    ),
    Published(
        "The same on AlexNet, VGG11 and ResNet18, their mean",
        _columns("cifar10", 2, 11, 51),
        UNSEEN_MEAN,
        "unseen",
    ),
    Published(
        "CIFAR-10-C",
        _columns("cifar10", *(1 for _ in ON)),
        CORRUPTED,
        "corrupted",
        ON,
    ),
    Published(
        "Subsets of ImageNet-C, ipc 1",
        _columns(_WORDS, 1),
        SUBSETS_CORRUPTED,
        "corrupted",
    ),
    Published(
        "Subsets of ImageNet-C, ipc 10",
        _columns(_WORDS, 10),
        SUBSETS_CORRUPTED_TEN,
        "corrupted",
    ),
)

_LOOPS = {1: 1_000, 10: 10_000, 50: 50_000}
# By method; where it depends on it, by images per class. What is missing is
# not published.
STEPS: Mapping[str, int | Mapping[int, int]] = {
    "DC": _LOOPS,
    "DSA": _LOOPS,
    "DM": 20_000,
    "CAFE": 20_000,
    "CAFE+DSA": 20_000,
    "TM": 5_000,
    "KIP": 50_000,
    "FRePo": 500_000,
    "IDC-I": 200_000,
    "IDC": 200_000,
    "HaBa": 15_000,
    "DC with FreD": {2: 1_000},
    "DSA with FreD": 1_000,
    "DM with FreD": 20_000,
    "TM with HaBa": 15_000,
    "TM with FreD": 15_000,
}
# Of classes of ImageNet, where these are others.
STEPS_OF_IMAGENET: Mapping[str, int] = {
    "IDC-I": 50_000,
    "IDC": 50_000,
    "DC with FreD": 1_000,
    "DSA with FreD": 1_000,
    "DM with FreD": 1_000,
}
