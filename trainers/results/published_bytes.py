"""Published accuracies of CIFAR-10 by the bytes that they are counted in.

Where a paper counts images in float32, ipc 1 is 122,880 bytes and ipc 10 is
1,228,800, all classes together. Evaluations differ: whitened images, learned
labels, networks and epochs, and several choose by the test split.
"""

from typing import NamedTuple

_IPC1, _IPC10 = 122_880, 1_228_800


class Counted(NamedTuple):
    """What a method reaches.

    Attributes:
        accuracies: in per cent, by bytes.
        counted: how its bytes are counted.
        source: where both are from.
    """

    accuracies: dict[int, float]
    counted: str
    source: str


PUBLISHED_BYTES = {
    "FreD": Counted(
        {_IPC1: 60.6, _IPC10: 70.3},
        "coefficients in float32",
        "Shin et al. 2023, table",
    ),
    "DDiF": Counted(
        {_IPC1: 66.5, _IPC10: 74.0},
        "parameters of networks in float32",
        "its table",
    ),
    "NSD": Counted(
        {_IPC1: 68.5, _IPC10: 73.4}, "parameters in float32", "its table"
    ),
    "GSDD": Counted(
        {_IPC1: 67.6, _IPC10: 75.5},
        "9 numbers in bfloat16 for a Gaussian",
        "its table; a submission to ICLR 2026",
    ),
    # In bits a class, of which there are ten.
    "DD-RUO": Counted(
        {133_750: 70.3, 962_500: 77.5},
        "entropy-coded latents and a small decoder",
        "read off its figure; ICCV 2025",
    ),
    "PTQ-DC": Counted(
        {_IPC1: 68.9, _IPC10: 79.0},
        "patches of 2 bits, entropy-coded, against images in float32, as we "
        "read it",
        "its table; arXiv 2603.13346",
    ),
    "AutoPalette": Counted(
        {30_720: 58.6, 307_200: 74.3},
        "four images of 64 colours for one of 8 bits a channel: our bytes, by "
        "its code",
        "its table",
    ),
}
