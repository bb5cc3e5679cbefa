"""One run with all that a log shows of it, and a reader of event files."""

import collections
import contextlib

import pytest
import tensorflow as tf

from fred_tf.distilled_run import DistilledRun
from trainers import distill
from trainers.log import run_log


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
def drawn_log(drawing):
    """A context in which pictures are drawn."""

    @contextlib.contextmanager
    def drawn():
        with pytest.MonkeyPatch.context() as patch:
            for name, real in drawing.items():
                patch.setattr(run_log, name, real)
            yield

    return drawn


@pytest.fixture
def drawn(drawn_log):
    with drawn_log():
        yield


@pytest.fixture(scope="session")
def run(quick, tmp_path_factory, drawn_log):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    with drawn_log():
        distill.run(quick, folder, images_every=2, evaluate_every=2)
    return DistilledRun.restore(folder)
