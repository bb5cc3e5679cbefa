"""Settings for any data: `dm` and `tm`. Ours.

They leave to the images what depends on their size: the share of the
frequencies that is kept is that of the paper's rows for images of 128 pixels,
MNIST's and volumes (2,048 of 16,384, 98 of 784, 512 of 4,096), which makes
eight images of one; the network has as many blocks as the papers give it; and
the step size of the memory is measured. Counts of real images shrink to what
there are (`fitting.py`). Masks look at every image of a class, which is
steadier where few are drawn. Steps and passes are about those of the presets
for two cores, a small part of the paper's: enough to see whether it works.
"""

from fred_tf.config import Config
from fred_tf.distillation.distiller_settings import DistillerSettings
from fred_tf.networks import ConvNet
from fred_tf.objectives import DistributionMatching, TrajectoryMatching
from fred_tf.parameterizations import Frequency
from fred_tf.training.evaluator_settings import EvaluatorSettings

# What they call the data until these are named.
ANY = "any"

BASE = Config(
    dataset=ANY,
    ipc=1,
    objective=DistributionMatching.Settings(real_batch_per_class=64),
    outer_steps=1_000,
    parameterization=Frequency.Settings(
        kept_share=1 / 8, mask_rule="energy", mask_statistics="whole_class"
    ),
    network=ConvNet.Settings(depth=0),
    distiller=DistillerSettings(memory_share=0.1, memory_average=0.99),
    evaluation=EvaluatorSettings(epochs=300, learning_rate=0.01),
)

ROWS = {
    "dm": {},
    "tm": {
        "objective.name": TrajectoryMatching.Settings.name,
        "objective.student_steps": 20,
        "objective.student_batch": 160,
        "objective.max_start_epoch": 6,
        "objective.student_learning_rate": 0.02,
        "objective.student_learning_rate_step": 1e-6,
        "distiller.memory_share": 0.03,
        "distiller.settling_steps": 50,
        "experts.count": 5,
        "experts.epochs": 8,
        "outer_steps": 400,
    },
}
