"""The student of `trajectory_sides.py` written plainly, by other libraries.

Each twin takes the number of student steps, the width of the network, how many
images, and what is multiplied: `float32`, `tf32` (as GPUs round float32, where
they do) or `bfloat16` (by convolutions alone). It returns a function that
computes one outer gradient, in the images and the learning rate, without
augmentation, and waits for it. Libraries are imported inside.
"""

from collections.abc import Callable

IMAGES, CLASSES = 160, 10

Call = Callable[[], object]


def _shapes(width: int) -> list[tuple[int, ...]]:
    """Returns those of the parameters, kernels `[3, 3, in, out]`."""
    shapes: list[tuple[int, ...]] = []
    channels = 3
    for _ in range(3):
        shapes += [(3, 3, channels, width), (width,), (width,), (width,)]
        channels = width
    return [*shapes, (width * 16, CLASSES), (CLASSES,)]


def pytorch(
    steps: int, width: int, images: int = IMAGES, numbers: str = "float32"
) -> Call:
    """The student in PyTorch, by the book: an unroll, on a GPU if there is."""
    import torch
    from torch.nn import functional

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rounds = numbers != "float32"
    torch.backends.cuda.matmul.allow_tf32 = rounds
    torch.backends.cudnn.allow_tf32 = rounds
    torch.backends.cudnn.benchmark = True
    narrow = torch.bfloat16 if numbers == "bfloat16" else torch.float32
    shapes = [
        (*reversed(s[2:]), *s[:2]) if len(s) == 4 else s for s in _shapes(width)
    ]
    sizes = [torch.Size(shape).numel() for shape in shapes]
    start = 0.05 * torch.randn(sum(sizes), device=device)
    x0 = torch.randn(images, 3, 32, 32, device=device, requires_grad=True)
    labels = torch.arange(images, device=device) % CLASSES
    rate = torch.tensor(0.01, device=device, requires_grad=True)

    def logits(theta):
        parts = [p.view(s) for p, s in zip(theta.split(sizes), shapes)]
        x = x0
        for block in range(3):
            kernel, bias, gamma, beta = parts[4 * block : 4 * block + 4]
            kernel, bias = kernel.to(narrow), bias.to(narrow)
            x = functional.conv2d(x.to(narrow), kernel, bias, padding=1)
            x = functional.group_norm(x.float(), width, gamma, beta)
            x = functional.avg_pool2d(functional.relu(x), 2)
        return x.flatten(1) @ parts[-2] + parts[-1]

    def gradient():
        theta = start.clone().requires_grad_()
        for _ in range(steps):
            loss = functional.cross_entropy(logits(theta), labels)
            (slope,) = torch.autograd.grad(loss, theta, create_graph=True)
            theta = theta - rate * slope
        slopes = torch.autograd.grad((theta**2).sum(), [x0, rate])
        return [slope.cpu() for slope in slopes]

    return gradient


def plain_jax(
    steps: int, width: int, images: int = IMAGES, numbers: str = "float32"
) -> Call:
    """The student in JAX: a scan of steps that are made again going back."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    shapes = _shapes(width)
    sizes = [int(np.prod(shape)) for shape in shapes]
    generator = np.random.default_rng(0)
    start = 0.05 * generator.normal(size=sum(sizes)).astype(np.float32)
    x0 = generator.normal(size=(images, 32, 32, 3)).astype(np.float32)
    labels = jnp.arange(images) % CLASSES
    narrow = jnp.bfloat16 if numbers == "bfloat16" else jnp.float32
    precision = "highest" if numbers == "float32" else "default"

    def loss(theta, x):
        pieces = jnp.split(theta, np.cumsum(sizes)[:-1])
        parts = [p.reshape(s) for p, s in zip(pieces, shapes)]
        for block in range(3):
            kernel, bias, gamma, beta = parts[4 * block : 4 * block + 4]
            x = jax.lax.conv_general_dilated(
                x.astype(narrow),
                kernel.astype(narrow),
                (1, 1),
                "SAME",
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
                precision=precision,
            )
            x = x.astype(jnp.float32) + bias
            x = x - x.mean((1, 2), keepdims=True)
            variance = (x**2).mean((1, 2), keepdims=True)
            x = gamma * x * jax.lax.rsqrt(variance + 1e-5) + beta
            n, height, _, channels = x.shape
            pairs = (n, height // 2, 2, height // 2, 2, channels)
            x = jax.nn.relu(x).reshape(pairs).mean((2, 4))
        x = x.reshape(images, -1)
        logits = jnp.dot(x, parts[-2], precision=precision) + parts[-1]
        chosen = jax.nn.log_softmax(logits)[jnp.arange(images), labels]
        return -chosen.mean()

    def far(x, rate):
        @jax.checkpoint
        def step(theta, _):
            return theta - rate * jax.grad(loss)(theta, x), None

        theta, _ = jax.lax.scan(step, start, None, steps)
        return (theta**2).sum()

    gradient = jax.jit(jax.grad(far, (0, 1)))
    rate = np.float32(0.01)
    return lambda: [np.asarray(slope) for slope in gradient(x0, rate)]


TWINS = {"PyTorch": pytorch, "plain JAX": plain_jax}
