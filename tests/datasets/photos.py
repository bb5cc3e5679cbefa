"""Photos as people have them: of many sizes, modes and formats."""

import pathlib

import numpy as np
from PIL import Image

# Suffix and mode by turns.
KINDS = (
    ("jpg", "RGB"),
    ("PNG", "RGBA"),
    ("webp", "RGB"),
    ("bmp", "RGB"),
    ("gif", "P"),
    ("tif", "L"),
    ("png", "I;16"),
    ("JPEG", "CMYK"),
    ("png", "LA"),
)


def take(root: pathlib.Path, per_class: int = 12) -> None:
    """Writes photos of three classes, told apart by how bright they are."""
    generator = np.random.default_rng(0)
    for place, name in enumerate(("cat", "dog", "owl")):
        for number in range(per_class):
            height, width = generator.integers(10, 24, 2)
            levels = generator.normal(60 + 70 * place, 20, (height, width, 3))
            pixels = np.clip(levels, 0, 255).astype(np.uint8)
            suffix, mode = KINDS[number % len(KINDS)]
            image = Image.fromarray(pixels)
            if mode == "I;16":
                image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
            elif mode != "RGB":
                image = image.convert(mode)
            folder = root / name / ("more" if number % 4 == 0 else "")
            folder.mkdir(parents=True, exist_ok=True)
            image.save(folder / f"{number}.{suffix}")
