"""Image files as people have them, decoded by Pillow to arrays of one kind.

Values are kept: 8 bits stay uint8, 16 bits become float32 in [0, 1]. Pictures
are turned as their EXIF tag says, transparency is laid on white, palettes and
other colour spaces become RGB, and of several frames the first one counts.
"""

import dataclasses
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

# What Pillow and its usual build read; others are no images here.
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
# Of EXIF, and what undoes its values where Pillow does not.
_ORIENTATION = 0x0112
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}

# Of one picture, at most: what a file claims is checked before it is decoded.
MOST_PIXELS = 1 << 26

_PNG = b"\x89PNG\r\n\x1a\n"
# Pillow's modes that have one channel of values, and those of more than 8 bits.
_DEEP = {"I", "I;16", "I;16L", "I;16B", "I;16N", "F"}
_GREY = {"1", "L", "LA", *_DEEP}
# What Pillow raises of damaged files, and of bytes that are none of these.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@dataclasses.dataclass(frozen=True)
class Header:
    """What a picture claims to be, before it is decoded.

    Attributes:
        height: in pixels, as it is shown: after the turn that EXIF states.
        width: the same.
        grey: whether it has one channel.
        deep: whether it has more than 8 bits, and becomes float32.
    """

    height: int
    width: int
    grey: bool
    deep: bool


def header(file: BinaryIO, where: object) -> Header:
    """Reads what a picture claims to be, and decodes nothing.

    Args:
        file: an open file, at its beginning.
        where: what to call it in messages.

    Raises:
        ValueError: it is no picture that can be decoded, or too large a one.
    """
    deep_png = _is_deep_png(file.read(32))
    file.seek(0)
    with _opened(file, where) as image:
        width, height = _stored_size(image)
        if _turned(image, where):
            width, height = height, width
        deep = deep_png or image.mode in _DEEP
        return Header(height, width, image.mode in _GREY, deep)


def decode(data: bytes, where: object) -> np.ndarray:
    """Returns a picture `[height, width, 1 or 3]`.

    Args:
        data: bytes of the file.
        where: what to call it in messages.

    Returns:
        uint8; float32 in [0, 1] of what has more than 8 bits.

    Raises:
        ValueError: it is no picture that can be decoded, or too large a one.
    """
    deep = _is_deep_png(data)
    with _opened(io.BytesIO(data), where) as image:
        try:
            if deep:
                turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
                levels = on_white(
                    _deep_png(data, image.info.get("transparency"))
                )
                return levels if turn is None else turn(levels)
            turned = ImageOps.exif_transpose(image)
            # One level, colour or entry of a palette may be transparent, too.
            clear = "transparency" in image.info or image.mode.endswith("A")
            if image.mode in _GREY:
                return _grey(turned.convert("LA") if clear else turned, where)
            return on_white(
                np.asarray(turned.convert("RGBA" if clear else "RGB"))
            )
        except (*_DAMAGE, tf.errors.OpError) as error:
            raise _unreadable(where, error) from error


def _opened(stream: BinaryIO, where: object) -> Image.Image:
    """Opens a picture whose size is one that may be decoded."""
    try:
        with warnings.catch_warnings():
            # The size is checked here, for all formats alike.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(stream, formats=_FORMATS)
    except _DAMAGE as error:
        raise _unreadable(where, error) from error
    width, height = image.size
    if not 0 < width * height <= MOST_PIXELS:
        image.close()
        raise ValueError(
            f"A picture must have from 1 to {MOST_PIXELS:,} pixels. Received: "
            f"{height} x {width} in {where}. Make it smaller, or remove it."
        )
    return image


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Returns width and height before any turn; Pillow turns those of TIFFs."""
    tags = getattr(image, "tag_v2", None)  # Of TIFFs alone.
    return image.size if tags is None else (tags[256], tags[257])


def _turned(image: Image.Image, where: object) -> bool:
    """Says whether EXIF turns a picture by a quarter."""
    try:
        return image.getexif().get(_ORIENTATION, 1) >= 5
    except (*_DAMAGE, TypeError) as error:
        raise _unreadable(where, error) from error


def _unreadable(where: object, error: Exception) -> ValueError:
    return ValueError(
        f"{where} is not a readable picture, one of {', '.join(SUFFIXES)}: "
        f"{error} Restore it from a copy, remove it, or leave such files out "
        "with `--skip_corrupt`."
    )


def _grey(image: Image.Image, where: object) -> np.ndarray:
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))[..., None]
    if image.mode == "LA":
        return on_white(np.asarray(image))
    values = np.array(image, np.float32)
    if image.mode != "F":  # Integers of 16 bits, also where Pillow takes 32.
        values /= np.float32(65535)
    if not (
        np.isfinite(values).all() and 0 <= values.min() <= values.max() <= 1
    ):
        raise ValueError(
            "Values of a picture must lie in the range of its type, and "
            f"floating-point ones in [0, 1]. Received: {where} of mode "
            f"{image.mode!r} with {values.min():g} to {values.max():g}. "
            "Convert it to 8 or 16 bits."
        )
    return values[..., None]


def _is_deep_png(data: bytes) -> bool:
    """Returns whether a PNG has 16 bits a channel, of which Pillow keeps 8."""
    return data[:8] == _PNG and len(data) > 24 and data[24] == 16


def _deep_png(data: bytes, clear: int | tuple[int, ...] | None) -> np.ndarray:
    """Returns a PNG of 16 bits as float32 in [0, 1].

    Args:
        data: bytes of the file.
        clear: the level, or the colour, that is transparent; None for none.
    """
    levels = tf.io.decode_png(data, dtype=tf.uint16).numpy()
    if clear is not None:
        is_clear = (levels == np.array(clear)).all(axis=-1, keepdims=True)
        levels = np.where(is_clear, np.uint16(65535), levels)
    return levels.astype(np.float32) / 65535


def on_white(pixels: np.ndarray) -> np.ndarray:
    """Lays images with an alpha channel, the last of 2 or 4, on white."""
    if pixels.shape[-1] not in (2, 4):
        return pixels
    whole = 255.0 if pixels.dtype == np.uint8 else 1.0
    colour, alpha = np.split(pixels.astype(np.float32), [-1], axis=-1)
    laid = colour * (alpha / whole) + (whole - alpha)
    if pixels.dtype == np.uint8:
        laid = np.rint(laid).astype(np.uint8)
    return laid
