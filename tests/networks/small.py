"""Every network in its smallest size, and the same in NumPy."""

import itertools

import numpy as np
import tensorflow as tf

from fred_tf.networks import NETWORKS

CLASSES = 3
# The least images each takes, or nearly; small settings where it has any.
SMALL = {
    "convnet": ((8, 8, 1), {"width": 4, "depth": 2}),
    "alexnet": ((8, 9, 3), {}),
    "vgg11": ((28, 28, 1), {}),
    "resnet18": ((9, 10, 1), {}),
    "resnet18ap": ((16, 16, 2), {}),
    "resnet10ap": ((16, 18, 1), {}),
    "mlp": ((8, 8, 1), {"width": 6}),
    "lenet": ((12, 12, 1), {}),
    "convnet3d": ((8, 8, 9, 1), {"width": 4, "depth": 2}),
}


def make(name, dtype=None, **changes):
    shape, settings = SMALL[name]
    network = NETWORKS[name]
    settings = network.Settings(**{**settings, **changes})
    return network(shape, CLASSES, settings, dtype=dtype)


def draw(generator, name, batch=2):
    return tf.constant(generator.normal(size=(batch, *SMALL[name][0])))


# The networks in NumPy. Weights are consumed in PyTorch's order.


def conv(x, weights, padding, stride=1, bias=True):
    kernel = next(weights)
    axes = kernel.ndim - 2
    pad = [(0, 0), *[(padding, padding)] * axes, (0, 0)]
    x = np.pad(x, pad)
    sizes = [
        (have - size) // stride + 1
        for have, size in zip(x.shape[1:], kernel.shape[:axes])
    ]
    y = 0.0
    for offset in itertools.product(*map(range, kernel.shape[:axes])):
        window = [
            slice(o, o + stride * (n - 1) + 1, stride)
            for o, n in zip(offset, sizes)
        ]
        y = y + x[(slice(None), *window)] @ kernel[offset]
    return y + next(weights) if bias else y


def instance(x, weights):
    axes = tuple(range(1, x.ndim - 1))
    mean = x.mean(axes, keepdims=True)
    z = (x - mean) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    return z * next(weights) + next(weights)


def pool(x, reduce):
    for axis in range(1, x.ndim - 1):
        n = x.shape[axis] // 2
        parts = np.stack([x.take(range(i, 2 * n, 2), axis) for i in range(2)])
        x = reduce(parts, axis=0)
    return x


def relu(x):
    return np.maximum(x, 0)


def dense(x, weights):
    return x.reshape(len(x), -1) @ next(weights) + next(weights)


def convnet(x, weights):
    for padding in (3, 1):
        x = relu(instance(conv(x, weights, padding), weights))
        x = pool(x, np.mean)
    return x


def alexnet(x, weights):
    for padding, pooled in ((2, 1), (2, 1), (1, 0), (1, 0), (1, 1)):
        x = relu(conv(x, weights, padding))
        x = pool(x, np.max) if pooled else x
    return x


def vgg11(x, weights):
    padding = 3
    for block in (1, 1, 2, 2, 2):
        for _ in range(block):
            x = relu(instance(conv(x, weights, padding), weights))
            padding = 1
        x = pool(x, np.max)
    return x


def resnet(x, weights, averaged, blocks=2):
    def unit(x, padding, stride):
        halved = stride == 2 and averaged
        x = conv(x, weights, padding, 1 if averaged else stride, bias=False)
        # The main way pools after its ReLU, the shortcut before its norm.
        if padding:
            x = relu(instance(x, weights))
            return pool(x, np.mean) if halved else x
        return instance(pool(x, np.mean) if halved else x, weights)

    x = unit(x, 1, 1)
    for stage in range(4):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = unit(x, 1, stride)
            y = instance(conv(y, weights, 1, bias=False), weights)
            x = relu(y + (unit(x, 0, 2) if stride == 2 else x))
    return x if averaged else x.mean((1, 2))


def resnet10ap(x, weights):
    return resnet(x, weights, True, blocks=1).mean((1, 2))


def mlp(x, weights):
    return relu(dense(relu(dense(x, weights)), weights))


def lenet(x, weights):
    for padding in (2, 0):
        x = pool(relu(conv(x, weights, padding)), np.max)
    return mlp(x, weights)


NUMPY = {
    "convnet": convnet,
    "alexnet": alexnet,
    "vgg11": vgg11,
    "resnet18": lambda x, weights: resnet(x, weights, False),
    "resnet18ap": lambda x, weights: resnet(x, weights, True),
    "resnet10ap": resnet10ap,
    "mlp": mlp,
    "lenet": lenet,
    "convnet3d": convnet,
}
