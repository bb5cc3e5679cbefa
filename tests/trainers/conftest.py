"""What tests of several programs need: a quick run, and its memory."""

import numpy as np
import pytest

from fred_tf import config, presets
from fred_tf.distilled_run import DistilledRun


@pytest.fixture(scope="session")
def quick() -> config.Config:
    """Distribution matching in three steps, scored by one epoch.

    Graphs without augmentation and convolution are built in a third of the
    time.
    """
    return config.replace(
        presets.preset("digits_ipc1_dm_tiny"),
        {
            "augmentation": "none",
            "network.name": "mlp",
            "evaluation.networks": 1,
            "evaluation.epochs": 1,
        },
    )


@pytest.fixture(scope="session")
def memory_of():
    """Returns the memory of a run, or of the run in a folder."""

    def memory_of(run) -> np.ndarray:
        if not isinstance(run, DistilledRun):
            run = DistilledRun.restore(run)
        return run.parameterization.trainable_variables[0].numpy()

    return memory_of
