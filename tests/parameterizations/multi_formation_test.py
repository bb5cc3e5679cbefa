import dataclasses
import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config, presets
from fred_tf.parameterizations import MultiFormation, formations


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


def test_a_worked_example():
    """A canvas of four patches [a, b; c, d] of two by two pixels.

    Enlarged twofold, pixels lie at -1/4, 1/4, 3/4 and 5/4 of a patch: the outer
    ones show its own, the inner ones three quarters of the nearer one.
    """
    memory = MultiFormation((4, 4, 1), 1, 4)
    canvas = np.zeros((4, 4))
    canvas[:2, :2] = [[0, 4], [0, 4]]  # a: from left to right.
    canvas[:2, 2:] = [[8, 8], [0, 0]]  # b: from top to bottom.
    canvas[2:, :2] = 5  # c: constant.
    canvas[2:, 2:] = [[16, 0], [0, 0]]  # d: a corner.
    memory.canvases.assign(canvas[None, ..., None])
    falls = np.array([1, 0.75, 0.25, 0])
    expected = [
        np.tile([0, 1, 3, 4], (4, 1)),
        np.tile([[8], [6], [2], [0]], (1, 4)),
        np.full((4, 4), 5),
        16 * np.outer(falls, falls),
    ]
    np.testing.assert_allclose(memory.decode()[..., 0], expected, atol=1e-6)


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


@pytest.mark.parametrize(
    ("factor", "canvases", "pairs"),
    [
        # Four images of each as long as 128 hold them.
        (2, 10, [(10, 2)]),
        (2, 32, [(32, 2)]),
        (2, 33, [(31, 2), (2, 1)]),  # 124 + 2; a 32nd would make 129.
        (2, 50, [(26, 2), (24, 1)]),
        (2, 127, [(127, 1)]),
        (2, 200, [(200, 1)]),
        # 13 of nine leave room for no four and three of four, then none.
        (3, 20, [(13, 3), (1, 2), (6, 1)]),
        (1, 5, [(5, 1)]),
    ],
)
def test_bound_cuts_as_many_canvases_as_fit(factor, canvases, pairs):
    found = formations.formations("bound", factor, 2, canvases)
    assert found == pairs
    images = sum(count * k**2 for count, k in pairs)
    assert images == formations.images("bound", factor, 2, canvases)
    assert images <= max(formations.BOUND, canvases)


def test_bound_decodes_like_numpy(generator, monkeypatch):
    """Of five canvases in ten images, one is cut into four, and one stays."""
    monkeypatch.setattr(formations, "BOUND", 9)
    settings = MultiFormation.Settings(decode="bound")
    memory = MultiFormation.within_budget(settings, (6, 4, 1), 2, 5)
    assert memory.settings.canvases == 5
    assert memory.instances_per_class == 4 + 4
    assert memory.floats_stored == 2 * 5 * 24
    images = generator.normal(size=(60, 6, 4, 1)).astype(np.float32)
    memory.adapt(images, np.arange(60) % 2, seed=0)
    middle = (memory.low.numpy() + memory.high.numpy()) / 2
    canvases = memory.canvases.numpy()
    expected = [
        image
        for place, canvas in enumerate(canvases)
        for image in decoded(canvas, 1 if place % 5 else 2, middle)
    ]
    np.testing.assert_allclose(memory.decode(), expected, atol=1e-5)
    again = MultiFormation.from_config(memory.get_config())
    assert again.canvases.shape == memory.canvases.shape


def test_as_many_images_of_other_canvases_are_told_apart():
    """33 and 36 canvases both become 126 images, of other canvases."""
    for ipc in (33, 36):
        settings = MultiFormation.Settings(decode="bound")
        memory = MultiFormation.within_budget(settings, (4, 4, 1), 2, ipc)
        assert memory.instances_per_class == 126
        weights = [w.numpy() for w in memory.weights]
        again = MultiFormation.with_weights(
            (4, 4, 1), 2, 126, memory.settings, weights
        )
        assert again.canvases.shape[0] == 2 * ipc
    with pytest.raises(ValueError, match="`canvases` 33 of a class must"):
        MultiFormation(
            (4, 4, 1), 2, 125, dataclasses.replace(settings, canvases=33)
        )


def test_bound_pays_for_learned_labels():
    settings = MultiFormation.Settings(decode="bound", labels="scores")
    memory = MultiFormation.within_budget(settings, (4, 4, 1), 2, 3)
    # Three images of 16 floats and labels of 2: 54 floats, not 2 * (16 + 8).
    assert memory.canvases_per_class == 2
    assert memory.floats_stored <= 2 * 54
    assert memory.instances_per_class == 8


def test_padding_is_told_and_patches_of_it_alone_are_refused(make, caplog):
    make((7, 8, 1), 2)
    assert "7 x 8 are padded with mid-grey where" in caplog.text
    caplog.clear()
    make((8, 8, 1), 2)
    make((6, 6, 1), 3, "multi")
    assert not caplog.text
    make((8, 8, 1), 3, "multi")
    assert "`factor` 3, which does not divide" in caplog.text
    for decode in ("single", "multi", "bound"):
        settings = MultiFormation.Settings(factor=4, decode=decode)
        with pytest.raises(ValueError, match="pixels in every patch.*4 of 5"):
            MultiFormation.instances_within(settings, (8, 5, 1), 2, 4)


@pytest.mark.parametrize(
    ("decode", "instances"), [("single", 6), ("multi", 4), ("bound", 6)]
)
def test_instances_are_of_whole_canvases(decode, instances):
    settings = MultiFormation.Settings(decode=decode)
    with pytest.raises(ValueError, match="what whole canvases become"):
        MultiFormation((8, 8, 1), 2, instances, settings)


def test_so_many_canvases_begin_with_their_own_images_only():
    """Two of ten canvases need eight images: nothing is cut into fewer."""
    settings = MultiFormation.Settings(canvases=2)
    of = (8, 8, 1), 10
    assert MultiFormation.real_images(settings, *of, 10) == 8
    assert MultiFormation.shrunk(settings, *of, 10, 8) == settings
    fewer = MultiFormation.shrunk(settings, *of, 10, 7)
    assert fewer == dataclasses.replace(settings, factor=1)


def test_a_factor_that_cannot_be_is_passed_over():
    """Of 5 pixels 4 patches of 2 would leave one of padding."""
    of = (5, 5, 1), 2, 10
    for factor, images, left in ((5, 100, 3), (4, 200, 4), (2, 3, 1)):
        settings = MultiFormation.Settings(factor=factor)
        fewer = MultiFormation.shrunk(settings, *of, images)
        assert fewer.factor == left


def test_learned_labels_leave_room_for_fewer_canvases():
    """Of 740 floats each takes 64 and four labels of ten: seven canvases."""
    settings = MultiFormation.Settings(labels="probabilities")
    of = (8, 8, 1), 10, 10
    assert MultiFormation.instances_within(settings, *of) == 4 * 7
    assert MultiFormation.real_images(settings, *of) == 4 * 7


def test_a_budget_refuses_more_canvases_than_it_holds():
    settings = MultiFormation.Settings(canvases=3)
    with pytest.raises(
        ValueError, match=r"hold `canvases` 3 \(192\). Raise .* lower `canvas"
    ):
        MultiFormation.within_budget(settings, (8, 8, 1), 2, 2)
    learned = MultiFormation.Settings(labels="scores")
    with pytest.raises(
        ValueError, match="hold a canvas and the learned labels of 4 images"
    ):
        MultiFormation.within_budget(learned, (8, 8, 1), 2, 1)
    memory = MultiFormation.within_budget(settings, (8, 8, 1), 2, 4)
    assert memory.floats_stored == 2 * 3 * 64


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


def test_a_step_is_handed_the_bounds(digits):
    """As packs take it: it reads no variable."""
    settings = config.override(
        presets.preset("digits_ipc1_dm_tiny"),
        ["parameterization.name=idc", "network.depth=1", "augmentation=none"],
    )
    distiller = assembly.distiller(settings, digits)
    distiller.adapt(digits.normalized_train, digits.train.labels)
    numbers = tf.data.Dataset.range(1)
    references = next(iter(distiller.objective.references(0, numbers).batch(1)))
    arguments = *distiller.tensors(), references, tf.constant(1, tf.int64)
    step = tf.function(distiller.outer_step, autograph=False)
    assert not step.get_concrete_function(*arguments).graph.variables
