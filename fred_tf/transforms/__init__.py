"""Fixed linear bijections between images and coefficients."""

from fred_tf.transforms.dct import DCT
from fred_tf.transforms.transform import Transform

TRANSFORMS = {"dct": DCT}

__all__ = ["DCT", "TRANSFORMS", "Transform"]
