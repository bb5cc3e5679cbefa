"""The formulas, against layers that are built and sums by hand."""

import math

import pytest

from benchmarks.scaling import foretelling
from benchmarks.scaling.foretelling import H200, Costs, Run
from fred_tf.networks import ConvNet, Functional

COSTS = Costs(maps=5.0, whole=14.0, floats=6.0)
RUN = Run("small", 32, 10, 160, 30_720, 50, 0, 1_000)


@pytest.mark.parametrize(
    ("size", "width", "classes"), [(32, 128, 10), (64, 16, 200), (128, 8, 3)]
)
def test_parameters_are_those_of_the_network(size, width, classes):
    run = RUN._replace(image_size=size, width=width, classes=classes)
    shape = (size, size, 3)
    settings = ConvNet.Settings(width=width, depth=0).sized(shape)
    assert settings.depth == run.depth
    network = Functional(ConvNet(shape, classes, settings))
    assert foretelling.parameters(run) == network.size


def test_maps_and_multiplications_are_counted_by_block():
    run = RUN._replace(width=4)
    assert foretelling.maps(run) == 4 * (32**2 + 16**2 + 8**2)
    assert foretelling.multiplications(run) == 9 * (
        3 * 4 * 32**2 + 4 * 4 * 16**2 + 4 * 4 * 8**2
    )


def test_memory_is_the_sum_of_its_parts():
    none = Costs(0.0, 0.0, 0.0)
    path = 4 * (50 + 1 + foretelling.VECTORS) * 320_010
    assert foretelling.memory(RUN, none) == path
    maps = foretelling.memory(RUN, none._replace(maps=1.0)) - path
    assert maps == 4 * 160 * foretelling.maps(RUN)
    whole = foretelling.memory(RUN, none._replace(whole=1.0), chunk=1) - path
    assert whole == 4 * 160 * 3 * 32**2
    assert foretelling.memory(RUN, none._replace(floats=2.0)) - path == (
        4 * 2 * 30_720
    )


def test_chunks_and_unseen_images_take_no_maps():
    all_at_once = foretelling.memory(RUN, COSTS)
    chunked = foretelling.memory(RUN, COSTS, chunk=40)
    maps = 4 * COSTS.maps * foretelling.maps(RUN)
    assert all_at_once - chunked == pytest.approx(120 * maps)
    some = RUN._replace(images=10_000, student_steps=5, student_batch=100)
    assert (some.batch, some.seen) == (100, 500)
    assert RUN._replace(student_batch=500).batch == RUN.seen == 160


def test_a_card_holds_what_it_was_seen_to_hold():
    card = foretelling.on_card(COSTS)
    assert foretelling.memory(H200.run, card) == pytest.approx(1.13e9)
    assert card._replace(maps=COSTS.maps) == COSTS


def test_the_largest_chunk_is_the_largest_that_fits():
    def fits(chunk, gigabytes):
        held = foretelling.memory(RUN, COSTS, chunk)
        return held <= foretelling.FILLED * 1e9 * gigabytes

    assert foretelling.largest_chunk(RUN, COSTS, 10) == 0
    chunk = foretelling.largest_chunk(RUN, COSTS, 0.3)
    following = min(n for n in range(chunk + 1, 161) if 160 % n == 0)
    assert 160 % chunk == 0
    assert fits(chunk, 0.3) and not fits(following, 0.3)
    assert foretelling.largest_chunk(RUN, COSTS, 0.05) is None


def test_time_is_in_proportion_to_work():
    free = COSTS._replace(floats=0.0)
    assert foretelling.seconds(H200.run, "TF32", free) == 0.182
    twice = H200.run._replace(images=320)
    assert foretelling.seconds(twice, "bfloat16", free) == 2 * 0.126
    cut = twice._replace(student_batch=160)
    assert foretelling.seconds(cut, "bfloat16", free) == 0.126
    update = foretelling.seconds(RUN, "TF32", COSTS) - 0.182
    moved = 2 * 4 * COSTS.floats * 30_720
    assert update == pytest.approx(moved / foretelling.STREAMED)


def test_replicas_send_a_ring_s_share():
    assert foretelling.exchanged(RUN, 1) == 0
    assert foretelling.exchanged(RUN, 2) == 4 * 30_722
    assert foretelling.exchanged(RUN, 8) == 2 * 7 / 8 * 4 * 30_722


def test_hours_are_of_steps_or_of_segments():
    steps, segments = foretelling.hours(RUN, "TF32", COSTS)
    assert steps == segments
    assert steps == pytest.approx(1000 * 0.182 / 3600, rel=1e-4)
    sent = foretelling.exchanged(RUN, 8)
    slow, shared = foretelling.hours(RUN, "TF32", COSTS, 8, bandwidth=sent)
    # A second more each step.
    assert slow - steps == pytest.approx(1000 / 3600)
    assert shared == slow / 8
    assert math.isfinite(shared)
