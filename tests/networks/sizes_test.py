"""The images that networks take, and the parameters that come of them."""

import keras
import numpy as np
import pytest

from fred_tf.networks import NETWORKS


@pytest.mark.parametrize(
    ("name", "shape", "classes", "parameters"),
    [
        # In common use with the authors' code.
        ("convnet", (32, 32, 3), 10, 320_010),
        ("alexnet", (32, 32, 3), 10, 1_872_202),
        ("vgg11", (32, 32, 3), 10, 9_231_114),
        ("resnet18", (32, 32, 3), 10, 11_173_962),
        ("convnet3d", (16, 16, 16, 1), 10, 228_618),
        # Known, or added up by hand.
        ("lenet", (28, 28, 1), 10, 61_706),
        ("lenet", (32, 32, 3), 10, 62_006),
        ("mlp", (28, 28, 1), 10, 784 * 128 + 128 + 128**2 + 128 + 1_290),
        ("alexnet", (28, 28, 1), 10, 1_872_202 - 2 * 25 * 128),
        ("alexnet", (128, 128, 3), 10, 1_872_202 + (16**2 - 4**2) * 1920),
        ("vgg11", (28, 28, 1), 100, 9_231_114 - 2 * 9 * 64 + 513 * 90),
        ("resnet18ap", (32, 32, 3), 10, 11_173_962 + 15 * 512 * 10),
    ],
)
def test_published_parameter_counts(name, shape, classes, parameters):
    assert NETWORKS[name](shape, classes).count_params() == parameters


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("convnet", (7, 8, 3), "at least 8 pixels.*Received: 7 x 8. Lower"),
        ("alexnet", (8, 7, 3), "AlexNet needs.*at least 8 .*8 x 7"),
        ("alexnet", (3, 3, 1), "at least 4 pixels"),
        ("vgg11", (31, 31, 3), "at least 32 pixels"),
        ("vgg11", (27, 27, 1), "at least 28 pixels"),
        ("resnet18", (8, 8, 1), "at least 9 pixels.*Choose `convnet`"),
        ("resnet18ap", (15, 15, 3), "ResNet18AP needs.*at least 16 pixels"),
        ("resnet10ap", (15, 15, 3), "ResNet10AP needs.*at least 16 pixels"),
        ("resnet10ap", (31, 130, 3), "at least 32 pixels.*Received: 31 x 130"),
        ("resnet10ap", (200, 16, 3), "at least 32 pixels.*Received: 200 x 16"),
        ("resnet10ap", (15, 128, 3), "at least 16 pixels"),
        ("lenet", (15, 15, 3), "at least 16 pixels"),
        ("lenet", (11, 11, 1), "at least 12 pixels.*`mlp`"),
        ("convnet3d", (3, 8, 8, 1), "at least 4 pixels.*3 x 8 x 8"),
        ("convnet3d", (28, 28, 1), r"\[depth, height, .*Images fit every"),
        ("resnet18", (16, 16, 16, 1), r"\[height, width.*Voxels fit `convnet3"),
    ],
)
def test_refuses_images_it_cannot_take(name, shape, message):
    with pytest.raises(ValueError, match=message):
        NETWORKS[name](shape, 10)


@pytest.mark.parametrize("shape", [(32, 129, 3), (128, 16, 3), (16, 16, 3)])
def test_the_smallest_oblong_images_keep_a_position(shape):
    assert NETWORKS["resnet10ap"](shape, 10).count_params()


@pytest.mark.parametrize("name", ["mlp", "convnet", "alexnet"])
def test_digits_fit(name, digits):
    logits = NETWORKS[name]((8, 8, 1), 10)(digits.test.images[:2] / 16)
    assert logits.shape == (2, 10)
    assert np.all(np.isfinite(logits))


@pytest.mark.parametrize(
    ("side", "pooled", "kernel"), [(224, 56, 7 * 7), (128, 64, 3 * 3)]
)
def test_large_images_are_averaged_before_the_blocks(side, pooled, kernel):
    """ResNetAP-10; smaller ones are not, see its twin in NumPy."""
    network = NETWORKS["resnet10ap"]((side, side, 3), 10)
    x = keras.KerasTensor((None, side, side, 3))
    for step in network.steps:
        if hasattr(step, "shortcut"):
            break
        x = step(x)
    assert x.shape == (None, pooled, pooled, 64)
    # Kernels and norms of four blocks, and the classifier.
    rest = 73_984 + 230_144 + 919_040 + 3_673_088 + 5_130
    stem = kernel * 3 * 64 + 2 * 64
    assert network.count_params() == stem + rest


def test_mlp_takes_voxels():
    assert NETWORKS["mlp"]((4, 4, 4, 1), 10).count_params() == (
        65 * 128 + 129 * 128 + 1_290
    )
