"""A run on digits, and all that it is exported as."""

import pytest

from export import exporting
from fred_tf import config, presets
from fred_tf.distilled_run import DistilledRun
from fred_tf.forms import FORMS
from trainers import distill

# Graphs without augmentation and convolution are built in a third of the time.
DM = config.replace(
    presets.preset("digits_ipc1_dm_tiny"),
    {
        "augmentation": "none",
        "network.name": "mlp",
        # The usual step is too long for so small a network.
        "distiller.memory_learning_rate": 1000.0,
    },
)


@pytest.fixture(scope="package")
def run(tmp_path_factory) -> DistilledRun:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    distill.run(DM, folder)
    return DistilledRun.restore(folder)


@pytest.fixture(scope="package")
def exported(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    written = exporting.run(run, folder)
    expected = [
        form.path
        for name, form in FORMS.items()
        # Of images, which have no sides to be seen from.
        if form.by_default and name != "views"
    ]
    assert sorted(str(path.relative_to(folder)) for path in written) == sorted(
        [*expected, "sizes.md"]
    )
    return folder
