"""Fixed linear bijections between images and coefficients."""

import functools
from collections.abc import Callable

from fred_tf.transforms.dct import DCT
from fred_tf.transforms.dft import DFT
from fred_tf.transforms.identity import Identity
from fred_tf.transforms.transform import Transform
from fred_tf.transforms.wavelet import Wavelet

TRANSFORMS: dict[str, Callable[[], Transform]] = {
    "dct": DCT,
    "dft": DFT,
    "haar": functools.partial(Wavelet, "haar"),
    "db4": functools.partial(Wavelet, "db4"),
    "identity": Identity,
}

__all__ = ["DCT", "DFT", "TRANSFORMS", "Identity", "Transform", "Wavelet"]
