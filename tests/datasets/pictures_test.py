"""Pictures as people have them keep their values."""

import io
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fred_tf.datasets import pictures

RAMP = np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5


def header(path):
    with path.open("rb") as file:
        return pictures.header(file, path)


def encoded(pixels, kind, mode=None, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels, mode).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_formats_come_back_bit_for_bit(kind, options):
    image = pictures.decode(encoded(RAMP, kind, **options), "x")
    np.testing.assert_array_equal(image, RAMP)
    assert image.dtype == np.uint8


def test_a_gif_keeps_its_palette():
    few = (RAMP // 128) * 255
    np.testing.assert_array_equal(
        pictures.decode(encoded(few, "GIF"), "x"), few
    )


def test_jpeg_is_near():
    image = pictures.decode(encoded(RAMP, "JPEG", quality=100), "x")
    assert np.abs(image.astype(int) - RAMP).max() < 40


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_levels(kind):
    levels = np.arange(16, dtype=np.uint16).reshape(4, 4) * 257 + 3
    image = pictures.decode(encoded(levels, kind), "x")
    np.testing.assert_allclose(image[..., 0] * 65535, levels, atol=0.01)


def test_sixteen_bits_of_colour_keep_their_levels():
    levels = (np.arange(48).reshape(4, 4, 3) * 3 + 60_000).astype(np.uint16)
    data = tf.io.encode_png(levels).numpy()
    image = pictures.decode(data, "x")
    np.testing.assert_allclose(image * 65535, levels, atol=0.01)


def test_transparency_is_laid_on_white():
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = [10, 20, 30, 255]
    pixels[0, 1] = [10, 20, 30, 51]
    image = pictures.decode(encoded(pixels, "PNG"), "x")
    assert image[0, 0].tolist() == [10, 20, 30]
    # A fifth of the colour, four fifths of white.
    assert image[0, 1].tolist() == [206, 208, 210]
    assert image[1, 1].tolist() == [255, 255, 255]


def test_grey_with_transparency_stays_grey():
    pixels = np.array([[[100, 255], [100, 0]]], np.uint8)
    image = pictures.decode(encoded(pixels, "PNG", "LA"), "x")
    assert image.tolist() == [[[100], [255]]]


@pytest.mark.parametrize("value", [100, 0])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, bool])
def test_one_level_of_grey_may_be_transparent(kind, value):
    pixels = np.array([[value, 1], [1, value]]).astype(kind)
    clear = {"transparency": int(pixels[0, 0])}
    image = pictures.decode(encoded(pixels, "PNG", **clear), "x")
    white = 1.0 if kind == np.uint16 else 255
    assert image[0, 0] == image[1, 1] == white and image.shape == (2, 2, 1)
    if value == 0:
        assert image[0, 1] == {np.uint16: np.float32(1 / 65535), bool: 255}.get(
            kind, 1
        )


def test_one_colour_of_sixteen_bits_may_be_transparent():
    levels = np.full((2, 2, 3), 300, np.uint16)
    levels[0, 0, 1] = 0
    data = tf.io.encode_png(levels).numpy()
    # Of the header the first 33 bytes; then what is transparent.
    chunk = b"tRNS" + np.full(3, 300, ">u2").tobytes()
    sum_ = zlib.crc32(chunk).to_bytes(4, "big")
    data = data[:33] + (6).to_bytes(4, "big") + chunk + sum_ + data[33:]
    image = pictures.decode(data, "x")
    assert image[1, 1].tolist() == [1.0, 1.0, 1.0] and image[0, 0, 1] == 0


def test_exif_turns():
    exif = Image.Exif()
    exif[0x0112] = 6  # A quarter to the right.
    wide = np.zeros((2, 6, 3), np.uint8)
    wide[:, :3] = 200
    data = encoded(wide, "PNG", exif=exif)
    image = pictures.decode(data, "x")
    assert image.shape == (6, 2, 3)
    assert image[0, 0, 0] == 200 and image[-1, 0, 0] == 0


def test_a_header_says_what_is_decoded(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    path = tmp_path / "a.png"
    path.write_bytes(encoded(RAMP[:2], "PNG", exif=exif))
    assert header(path) == pictures.Header(4, 2, False, False)
    levels = np.zeros((3, 5), np.uint16)
    path.write_bytes(encoded(levels, "PNG"))
    assert header(path) == pictures.Header(3, 5, True, True)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
@pytest.mark.parametrize("value", [1, 6])
def test_a_header_has_the_size_of_what_is_decoded(tmp_path, kind, value):
    exif = Image.Exif()
    exif[0x0112] = value
    path = tmp_path / "a"
    path.write_bytes(encoded(RAMP[:2], kind, exif=exif))
    decoded, claimed = pictures.decode(path.read_bytes(), "x"), header(path)
    assert decoded.shape[:2] == (claimed.height, claimed.width)


def test_what_is_no_picture_is_named(tmp_path):
    whole = encoded(RAMP, "PNG")
    for data in (b"", b"text", whole[:40], whole[:-30]):
        with pytest.raises(
            ValueError, match="cat.png is not a readable picture"
        ):
            pictures.decode(data, "cat.png")


def test_a_picture_that_claims_too_much_is_refused_undecoded():
    data = bytearray(encoded(RAMP, "PNG"))
    data[16:24] = (100_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with pytest.raises(ValueError, match="bomb.png .*10000000000 pixels"):
        pictures.decode(bytes(data), "bomb.png")


@pytest.mark.parametrize("value", range(1, 9))
def test_exif_turns_sixteen_bits_as_it_turns_eight(value):
    exif = Image.Exif()
    exif[0x0112] = value
    levels = (np.arange(6, dtype=np.uint16) * 257).reshape(2, 3)
    deep = pictures.decode(encoded(levels, "PNG", exif=exif), "x")
    eight = (levels // 257).astype(np.uint8)
    plain = pictures.decode(encoded(eight, "PNG", exif=exif), "x")
    np.testing.assert_allclose(deep * 255, plain, atol=1e-3)


def test_bytes_of_other_formats_are_no_pictures():
    """Pillow would call other programs for some."""
    data = encoded(RAMP, "PPM")
    with pytest.raises(ValueError, match="is not a readable picture"):
        pictures.decode(data, "cat.png")


def test_flipped_bytes_are_read_or_refused():
    """Nothing else is raised, whatever a header says."""
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"):
        whole = encoded(RAMP, kind)
        for place in range(0, min(len(whole), 400), 3):
            data = bytearray(whole)
            data[place] ^= 0xFF
            try:
                pictures.decode(bytes(data), "x")
            except ValueError as error:
                assert "x" in str(error)
