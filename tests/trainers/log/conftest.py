"""One run with all that a log shows of it, and a reader of event files."""

import collections

import pytest
import tensorflow as tf

from fred_tf.distilled_run import DistilledRun
from trainers import distill


@pytest.fixture(scope="session")
def events():
    """Returns what is logged in a folder, by tag and step."""

    def events(folder) -> dict[str, dict[int, tf.Tensor]]:
        found = collections.defaultdict(dict)
        for file in sorted(folder.rglob("events*")):
            for event in tf.compat.v1.train.summary_iterator(str(file)):
                for value in event.summary.value:
                    found[value.tag][event.step] = tf.make_ndarray(value.tensor)
        return found

    return events


@pytest.fixture(scope="session")
def run(quick, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    distill.run(quick, folder, images_every=2, evaluate_every=2)
    return DistilledRun.restore(folder)
