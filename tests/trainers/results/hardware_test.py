"""What a row says it was made on."""

import os

import pytest

from trainers.results.hardware import hardware


@pytest.mark.parametrize(
    ("left", "told"), [({3}, "1 core, "), ({0, 2}, "2 cores, ")]
)
def test_hardware_counts_the_cores_that_are_left_to_the_process(
    left, told, monkeypatch
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: left, raising=False)
    assert hardware().startswith(told)


def test_where_that_is_not_known_it_counts_those_there_are(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert hardware().startswith("7 cores, ")
