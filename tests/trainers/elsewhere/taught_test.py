"""Labels that experts give where they are trained."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from fred_tf import assembly, config
from fred_tf.coresets import select_random
from fred_tf.distilled_run import DistilledRun
from fred_tf.parameterizations.labels import logits_of
from tests.trainers.elsewhere import made
from trainers.elsewhere import packing, unpacking
from trainers.elsewhere.runner import arrays


@pytest.fixture
def taught(quick_taught):
    changes = {"outer_steps": 0, "distiller.memory_average": 0.9}
    return config.replace(quick_taught, changes)


def shown_to(settings, digits):
    memory = assembly.parameterization(settings, digits.image_shape, 10)
    labels, count = digits.train.labels, memory.instances_per_class
    return select_random(labels, count, 10, settings.seed), count


def test_a_pack_says_what_experts_are_shown(
    taught, unlowered, digits, tmp_path
):
    packing.pack(taught, tmp_path / "pack")
    told = made.about_of(tmp_path / "pack")["reference"]["taught"]
    rows, count = shown_to(taught, digits)
    np.testing.assert_array_equal(told["shown"], rows.reshape(10, count))
    assert told["asked"] == 2
    state = made.state_of(tmp_path / "pack")
    # Of the memory and of its running average, not of their velocity; they
    # begin as the classes.
    of_labels = [
        int(name)
        for name, leaf in state.items()
        if leaf.shape == (10 * count, 10) and leaf.any()
    ]
    assert told["leaves"] == of_labels and len(of_labels) == 2
    for number in of_labels:
        classes = state[str(number)].argmax(1)
        np.testing.assert_array_equal(classes, np.repeat(range(10), count))


def test_experts_that_are_trained_there_teach_there(taught, digits, tmp_path):
    pytest.importorskip("jax")
    pack = tmp_path / "pack"
    packing.pack(taught, pack)
    subprocess.run([sys.executable, pack / "run.py"], check=True)
    about = made.about_of(pack)["reference"]
    network = assembly.network(taught, digits.image_shape, 10)
    shown = tf.constant(digits.normalized_train[shown_to(taught, digits)[0]])
    answers = [
        tf.nn.softmax(network.logits(network.unflatten(visited[-1]), shown))
        for number in range(2)
        for visited in [
            arrays.read(
                pack / about["experts"] / f"{number}.npz",
                f"{about['experts']}/{number}",
            )["visited"]
        ]
    ]
    expected = logits_of((answers[0] + answers[1]) / 2)
    state = made.state_of(pack)
    for number in about["taught"]["leaves"]:
        np.testing.assert_allclose(state[str(number)], expected, atol=1e-3)
    unpacking.bring_back(pack, tmp_path / "run")
    run = DistilledRun.restore(tmp_path / "run")
    assert run.config.parameterization.initial_labels == "experts"
    np.testing.assert_allclose(
        run.synthetic_set().soft_labels, tf.nn.softmax(expected), atol=1e-3
    )
