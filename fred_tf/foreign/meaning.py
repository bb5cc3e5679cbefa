"""What the numbers of somebody else's images and labels mean.

Arrays do not say it, and each code of the field means something else. What does
not follow from their types has to be said; what is said must be possible.
"""

import numpy as np

from fred_tf.settings import check_one_of
from fred_tf.synthetic_set import LABEL_KINDS, PROBABILITIES

# Pixels from 0 to 255; pixels in [0, 1] units; what networks saw.
VALUES = ("bytes", "unit", "normalized")
# Kinds of the library's own, and what becomes probabilities by a softmax.
SOFT_LABELS = (*LABEL_KINDS, "logits")

# No pixel is as many times as bright as white, however it was distilled.
_FAR = 16


def values_of(images: np.ndarray, said: str | None, source: str) -> str:
    """Returns which of `VALUES` images hold.

    Args:
        images: uint8 or floating point, with at least one value.
        said: what somebody says; None where it follows, as of uint8.
        source: what to call the arrays.

    Raises:
        ValueError: images are of another type or not finite; it has to be
            said; or it cannot be as it is said.
    """
    if said is not None:
        check_one_of("values", said, VALUES)
    if images.dtype == np.uint8:
        if said not in (None, "bytes"):
            raise ValueError(
                "Images of uint8 are pixels from 0 to 255, whose `values` are "
                f"'bytes'. Received: {said!r} for {source}. Leave it out."
            )
        return "bytes"
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            "`images` must be uint8 or floating point. Received: dtype "
            f"{images.dtype} in {source}. Convert them."
        )
    check_finite("images", images, source)
    low, high = float(images.min()), float(images.max())
    far = max(-low, high)
    if said is None:
        raise ValueError(
            "What images of floating point hold must be said: `values` 'unit' "
            "of pixels in [0, 1] units, 'bytes' of pixels from 0 to 255, "
            "'normalized' of what networks saw. Received: none, for "
            f"{low:.3g} to {high:.3g} in {source}. Give e.g. --values=unit."
        )
    impossible = {
        "unit": far > _FAR,
        "bytes": high <= 1 or far > 255 * _FAR,
        "normalized": far > 255,
    }
    if impossible[said]:
        raise ValueError(
            f"Images must hold what their `values` say. Received: {said!r} for "
            f"{low:.3g} to {high:.3g} in {source}. Give another of "
            f"{list(VALUES)}, or scale them."
        )
    return said


def soft_labels_of(
    labels: np.ndarray, said: str | None, source: str
) -> str | None:
    """Returns which of `SOFT_LABELS` labels are; None of classes.

    Args:
        labels: classes `[n]`, or numbers `[n, classes]`.
        said: what somebody says; None where it follows: rows that sum to 1 are
            probabilities.
        source: what to call the arrays.

    Raises:
        ValueError: it has to be said, or cannot be as it is said.
    """
    if said is not None:
        check_one_of("soft_labels", said, SOFT_LABELS)
    if labels.ndim == 1:
        if said is not None:
            raise ValueError(
                "`soft_labels` says what rows of numbers are. Received: "
                f"{said!r} for classes [n] in {source}. Leave it out."
            )
        return None
    sums = labels.sum(-1)
    if (labels >= 0).all() and np.allclose(sums, 1, atol=1e-3):
        return said or PROBABILITIES
    if said in (None, PROBABILITIES):
        raise ValueError(
            "What soft labels are that do not sum to 1 must be said: "
            "`soft_labels` 'logits', of which the softmax is taken, or "
            f"'scores', which are regressed on. Received: {said!r} for rows "
            f"that sum to {sums.min():.3g} up to {sums.max():.3g} in {source}. "
            "Give e.g. --soft_labels=logits."
        )
    return said


def check_finite(name: str, values: np.ndarray, source: str) -> None:
    """Raises ValueError if a value is NaN or infinite."""
    if wrong := int(np.count_nonzero(~np.isfinite(values))):
        raise ValueError(
            f"`{name}` must be finite. Received: {wrong} NaN or infinite "
            f"values in {source}. Take the set from before that."
        )
