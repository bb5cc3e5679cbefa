"""Settings of FreD with gradient matching, without (DC) and with DSA.

Source: Shin et al. 2023 (arXiv 2311.08819), official run scripts. They publish
the row `cifar10_ipc2_dc`: 32 coefficients, memory step size 1e3 on
unnormalised coefficients, 256 real images per class, 1,000 steps, no
augmentation. Steps a network serves and epochs between them are the loops of
Zhao et al. 2021 (arXiv 2006.05929). An evaluation without augmentation takes
300 epochs there, one with it 1,000. `# ours` marks what is not published. Where
rows whose networks serve one step depart from the source: steps whose gradient
is an outlier are skipped.
"""

from fred_tf.config import Config
from fred_tf.objectives import GradientMatching
from fred_tf.training.evaluator_settings import EvaluatorSettings

BASE = Config(
    dataset="cifar10",
    ipc=1,
    objective=GradientMatching.Settings(real_batch_per_class=256),
    outer_steps=1_000,
    augmentation="none",
    evaluation=EvaluatorSettings(learning_rate=0.01, epochs=300),
)

KEPT = "parameterization.coefficients_per_channel"
DSA = {
    "augmentation": "color_crop_cutout_flip_scale_rotate",
    "evaluation.epochs": 1_000,
}
# A step of the memory for each of the 10 that a network serves, whose gradients
# grow as it is trained.
IPC10 = {
    "distiller.outlier_factor": 0.0,
    "ipc": 10,
    "objective.network_steps": 10,
    "objective.network_epochs": 50,
    "outer_steps": 10_000,
}
# Two cores: a quarter of the real images, as many steps as 20 minutes hold.
CPU = {
    "objective.real_batch_per_class": 64,
    "distiller.memory_average": 0.99,
    "outer_steps": 400,
}

ROWS = {
    "cifar10_ipc1_dc": {KEPT: 64},  # ours
    "cifar10_ipc1_dsa": {KEPT: 64, **DSA},  # ours
    "cifar10_ipc2_dc": {KEPT: 32, "ipc": 2},
    "cifar10_ipc10_dc": {KEPT: 160, **IPC10},  # ours
    "cifar10_ipc10_dsa": {KEPT: 160, **IPC10, **DSA},  # ours
    "cifar10_ipc1_dc_cpu": {KEPT: 64, **CPU},  # ours
    "cifar10_ipc1_dsa_cpu": {  # ours
        KEPT: 64,
        **DSA,
        **CPU,
        "evaluation.epochs": 300,
    },
    # Finishes in seconds; for tests and for trying a change.
    "digits_ipc1_dc_tiny": {  # ours
        "dataset": "digits",
        KEPT: 32,
        "network.width": 8,
        "network.depth": 2,
        "objective.real_batch_per_class": 8,
        "outer_steps": 3,
        "evaluation.epochs": 4,
        "evaluation.networks": 2,
    },
}
