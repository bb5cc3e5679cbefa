"""PNG and JPEG images, measured before they are decoded.

A few kilobytes may claim 100,000 x 100,000 pixels: decoders allocate what the
header says, so the header is read first.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

# Of one image: 4,096 x 4,096.
MOST_PIXELS = 1 << 24
# Pixels of 16 bits are divided by this to lie in [0, 1].
MOST_OF_16_BITS = 65_535

_PNG = b"\x89PNG\r\n\x1a\n"
# In a PNG file height follows width, each of 4 bytes.
_WIDTH = 16


def check_size(image_shape: Sequence[int], place: str) -> None:
    """Refuses sizes that no image for classification has.

    Args:
        image_shape: `(height, width, ...)`.
        place: what says so, for the message.

    Raises:
        ValueError: there are more than `MOST_PIXELS`.
    """
    height, width = (int(size) for size in image_shape[:2])
    if not 0 < height * width <= MOST_PIXELS or height < 0:
        raise ValueError(
            f"An image must have from 1 to {MOST_PIXELS:,} pixels. Received: "
            f"{height} x {width} in {place}. Resize it, or leave it out."
        )


def size(encoded: tf.Tensor | bytes) -> tf.Tensor:
    """Returns height and width, int64 `[2]`, as the header says.

    Raises:
        tf.errors.InvalidArgumentError: it is no header of PNG or JPEG.
    """
    return tf.cond(
        tf.equal(tf.strings.substr(encoded, 0, len(_PNG)), _PNG),
        lambda: tf.cast(_png_size(encoded), tf.int64),
        lambda: tf.cast(tf.io.extract_jpeg_shape(encoded)[:2], tf.int64),
    )


def _png_size(encoded: tf.Tensor | bytes) -> tf.Tensor:
    header = tf.strings.substr(encoded, _WIDTH, 8)
    sizes = tf.io.decode_raw(header, tf.int32, little_endian=False)
    return tf.reshape(sizes, [2])[::-1]


def bounded(
    encoded: tf.Tensor, shape: Sequence[int] | None = None
) -> tf.Tensor:
    """Returns an encoded image after a look at its header; for graphs.

    Args:
        encoded: a PNG or JPEG file.
        shape: `(height, width, ...)` that it must have; None for any.

    Raises:
        tf.errors.InvalidArgumentError: it is neither PNG nor JPEG, has more
            than `MOST_PIXELS`, or another size.
    """
    found = size(encoded)
    # A width beyond int32 is negative here.
    fits = tf.reduce_all(found > 0) & (tf.reduce_prod(found) <= MOST_PIXELS)
    if shape is not None:
        fits &= tf.reduce_all(found == tf.constant(shape[:2], tf.int64))
    told = ["An image has a size that it must not have:", found]
    with tf.control_dependencies([tf.debugging.Assert(fits, told)]):
        return tf.identity(encoded)


def decode(
    encoded: bytes,
    place: str,
    shape: Sequence[int],
    decoded: Callable[[tf.Tensor], tf.Tensor],
) -> np.ndarray:
    """Returns an image `[height, width, channels]` as its feature decodes it.

    Args:
        encoded: a PNG or JPEG file.
        place: where it is from, for messages.
        shape: `(height, width, ...)` that it must have.
        decoded: returns what it is, of a file of a size that may be decoded.

    Raises:
        ValueError: it is damaged, of another kind, or of another size.
    """
    try:
        return decoded(bounded(tf.constant(encoded), shape)).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            f"{place} is not a readable PNG or JPEG file of the declared size: "
            f"{error.message} Restore it from a copy, or remove it."
        ) from error


def scaled(images: np.ndarray) -> np.ndarray:
    """Returns images of 16 bits as float32 in [0, 1], others as they are."""
    if images.dtype != np.uint16:
        return images
    return images.astype(np.float32) / np.float32(MOST_OF_16_BITS)
