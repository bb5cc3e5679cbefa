"""Settings of KIP, and of RFAD, its convolutional kernels by random features.

Source: the public notebook of Nguyen et al. 2021 (arXiv 2011.00050) for
`cifar10_ipc10_kip`: one hidden layer, the tangent kernel, 10 real images per
class to begin with, fixed labels, batches of 5,000 real images, Adam of step
size 0.04, 300 steps; images are standardised. Loo et al. 2022 (arXiv
2210.12067) for RFAD. `# ours` marks what is not published.

Sets are scored by their own kernel; `--override evaluation.by=networks` trains
networks on them.
"""

from fred_tf.config import Config
from fred_tf.distillation.distiller_settings import DistillerSettings
from fred_tf.objectives import KernelRidge
from fred_tf.parameterizations import Pixel
from fred_tf.training.evaluator_settings import EvaluatorSettings

BASE = Config(
    dataset="cifar10",
    ipc=10,
    objective=KernelRidge.Settings(),
    outer_steps=300,
    augmentation="none",
    parameterization=Pixel.Settings(),
    # As in the source, every step is made.
    distiller=DistillerSettings(
        memory_optimizer="adam", memory_learning_rate=0.04, outlier_factor=0.0
    ),
    evaluation=EvaluatorSettings(
        by="kernel", networks=1, learning_rate=0.01, epochs=300
    ),
)

RANDOM = {
    "objective.kernel": "random_features",
    "objective.regularization": 5e-3,
    "objective.loss": "platt",
    "objective.depth": 3,
}
ROWS = {
    "cifar10_ipc10_kip": {},
    "cifar10_ipc1_kip": {"ipc": 1},  # ours
    "mnist_ipc1_kip": {"dataset": "mnist", "ipc": 1},  # ours
    "mnist_ipc10_kip": {"dataset": "mnist"},  # ours
    # Published are 8 networks of width 256, batches of 5,120 real images and
    # AdaBelief of step size 1e-3 on whitened images for tens of thousands of
    # steps.
    "cifar10_ipc10_rfad_cpu": {  # ours
        **RANDOM,
        "objective.networks": 2,
        "objective.width": 64,
        "objective.real_batch_per_class": 100,
        "outer_steps": 600,
    },
    # Finishes in seconds; for tests and for trying a change.
    "digits_ipc1_kip_tiny": {  # ours
        "dataset": "digits",
        "ipc": 1,
        "objective.real_batch_per_class": 20,
        "network.width": 8,
        "network.depth": 2,
        "outer_steps": 3,
        "evaluation.epochs": 4,
    },
}
