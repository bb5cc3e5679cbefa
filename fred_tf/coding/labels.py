"""Learned labels in 8 bits: levels of one step size for the whole set.

With v the scores themselves, or of probabilities their logarithms, for each
image as far below 0 as above,

    step = max |v| / 127,    level = round(v / step)

A score errs by half a step at most. Of probabilities the softmax of v is read:
v errs by half a step in numerator and denominator, so that each comes back
within a factor of e^step: 1.04 at worst of ten classes, 1.06 of a thousand.
Small ones err by as large a share as large ones: of many classes most are
small, and levels of equal width would make them 0.
"""

import numpy as np

# Of the label of an image for one class.
LABEL_BYTES = 1

_LARGEST = 127
# Classes that are less likely count as if all of them together were as much.
LEAST = 1e-3


def quantize(labels: np.ndarray, kind: str) -> tuple[np.ndarray, float]:
    """Returns levels, int8 `[n, classes]`, and their step.

    Args:
        labels: float32 `[n, classes]`.
        kind: what they are, `"probabilities"` or `"scores"`.
    """
    values = labels.astype(np.float64)
    if kind == "probabilities":
        values = np.log(np.maximum(values, LEAST / values.shape[1]))
        middle = values.max(1, keepdims=True) + values.min(1, keepdims=True)
        values = values - middle / 2
    step = float(np.abs(values).max()) / _LARGEST or 1.0
    return np.rint(values / step).astype(np.int8), step


def dequantize(levels: np.ndarray, step: float, kind: str) -> np.ndarray:
    """Returns the labels of levels, float32 `[n, classes]`.

    Args:
        levels, step: see `quantize`.
        kind: see `quantize`; rows of probabilities sum to 1.
    """
    values = levels.astype(np.float64) * step
    if kind == "probabilities":
        shares = np.exp(values - values.max(1, keepdims=True))
        values = shares / shares.sum(1, keepdims=True)
    return values.astype(np.float32)
