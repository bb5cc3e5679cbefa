import importlib.util

import numpy as np
import pytest

from fred_tf.parameterizations import MultiFormation


def enlarged(patch: np.ndarray, shape) -> np.ndarray:
    """Bilinear, corners not aligned, pixel by pixel from the formula."""
    out = np.zeros((*shape, patch.shape[-1]))
    for row, column in np.ndindex(*shape):
        weights = []
        for j, size, to in zip((row, column), patch.shape, shape):
            source = min(max((j + 0.5) * size / to - 0.5, 0), size - 1)
            below = int(source)
            above = min(below + 1, size - 1)
            weights.append([(below, 1 - source % 1), (above, source % 1)])
        for r, a in weights[0]:
            for c, b in weights[1]:
                out[row, column] += a * b * patch[r, c]
    return out


def decoded(canvas, factor, middle):
    """The formation of one factor, by NumPy."""
    height, width, _ = canvas.shape
    pads = [(0, -size % factor) for size in (height, width)]
    padded = np.stack(
        [
            np.pad(canvas[..., c], pads, constant_values=middle[c])
            for c in range(canvas.shape[-1])
        ],
        axis=-1,
    )
    rows, columns = (size // factor for size in padded.shape[:2])
    return [
        enlarged(
            padded[a * rows : (a + 1) * rows, b * columns : (b + 1) * columns],
            (height, width),
        )
        for a in range(factor)
        for b in range(factor)
    ]


@pytest.fixture
def make(generator):
    def make(shape=(6, 10, 3), factor=2, decode="single", canvases=1):
        patches = factor**2
        if decode == "multi":
            patches = sum(k**2 for k in range(1, factor + 1))
        memory = MultiFormation(
            shape,
            2,
            canvases * patches,
            MultiFormation.Settings(factor=factor, decode=decode),
        )
        images = generator.normal(size=(40, *shape)).astype(np.float32)
        memory.adapt(images, np.arange(40) % 2, seed=0)
        return memory

    return make


@pytest.mark.parametrize("shape", [(6, 10, 3), (7, 8, 1)])
@pytest.mark.parametrize(
    ("factor", "decode", "formations"),
    [(2, "single", [2]), (3, "multi", [1, 2, 3]), (1, "single", [1])],
)
def test_decodes_like_numpy(shape, factor, decode, formations, make):
    memory = make(shape, factor, decode, canvases=2)
    middle = (memory.low.numpy() + memory.high.numpy()) / 2
    expected = [
        image
        for canvas in memory.canvases.numpy()
        for k in formations
        for image in decoded(canvas, k, middle)
    ]
    np.testing.assert_allclose(memory.decode(), expected, atol=1e-5)


@pytest.mark.skipif(
    not importlib.util.find_spec("torch"), reason="needs PyTorch"
)
def test_enlarges_like_pytorch(make):
    import torch

    memory = make((8, 12, 3))
    canvas = memory.canvases.numpy()[0]
    patch = torch.tensor(canvas[:4, :6].transpose(2, 0, 1)[None])
    expected = torch.nn.functional.interpolate(
        patch, (8, 12), mode="bilinear", align_corners=False
    )
    found = memory.decode()[0].numpy().transpose(2, 0, 1)
    np.testing.assert_allclose(found, expected[0], atol=1e-6)


def test_starts_from_a_mosaic_of_real_images(digits):
    memory = MultiFormation((8, 8, 1), 10, 4)
    memory.adapt(digits.train.images, digits.train.labels, seed=0)
    canvas = memory.canvases.numpy()[3]
    real = digits.train.images[digits.train.labels == 3][:, ::2, ::2]
    tiles = [canvas[a : a + 4, b : b + 4] for a in (0, 4) for b in (0, 4)]
    found = [
        np.flatnonzero((np.abs(real - tile) < 1e-6).all((1, 2, 3)))
        for tile in tiles
    ]
    assert all(len(matches) for matches in found)
    assert len({matches[0] for matches in found}) == 4


def test_canvases_stay_within_the_range_of_real_images(make):
    memory = make()
    canvases = memory.canvases.numpy() * 9
    (clipped,) = memory.constrain([canvases])
    low, high = memory.low.numpy(), memory.high.numpy()
    np.testing.assert_allclose(clipped.numpy().min((0, 1, 2)), low)
    np.testing.assert_allclose(clipped.numpy().max((0, 1, 2)), high)


def test_voxels_are_cut_along_every_axis(generator):
    memory = MultiFormation((4, 4, 4, 1), 2, 8)
    images = generator.normal(size=(32, 4, 4, 4, 1)).astype(np.float32)
    memory.adapt(images, np.arange(32) % 2, seed=0)
    assert memory.decode().shape == (16, 4, 4, 4, 1)
    assert memory.floats_stored == 2 * 64


def test_refuses_a_factor_beyond_the_image():
    settings = MultiFormation.Settings(factor=9)
    with pytest.raises(ValueError, match=r"shortest axis \(8\). Received: 9"):
        MultiFormation.instances_within(settings, (8, 10, 3), 10, 1)


def test_as_many_matrices_as_patches_are_bounded():
    """A canvas of 1,024 floats would ask for 4 GiB of them."""
    settings = MultiFormation.Settings(factor=500)
    with pytest.raises(ValueError, match="`factor` 500 makes 500 patches"):
        MultiFormation((1024, 1), 1, 500, settings)
