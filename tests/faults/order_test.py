"""What a loss of power could take is found in the order of operations."""

import pytest

from tests.faults.order import unsafe

SOUND = [
    ("open", "/r/.a.partial"),
    ("write", "/r/.a.partial"),
    ("sync", "/r/.a.partial"),
    ("rename", "/r/.a.partial", "/r/a"),
    ("sync", "/r"),
    ("unlink", "/r/b"),
]


def without(*left_out):
    return [step for n, step in enumerate(SOUND) if n not in left_out]


def test_nothing_is_wrong_with_the_right_order():
    assert unsafe(SOUND, ["/r/a", "/r/b"]) == []


@pytest.mark.parametrize(
    ("operations", "fault"),
    [
        (without(2), "/r/a is replaced by /r/.a.partial, unsynced"),
        (without(2), "/r/b goes before /r/a is synced"),
        (without(4), "/r/b goes before /r/a is synced"),
        (without(4, 5), "/r/a is never synced"),
        ([*SOUND, ("write", "/r/a")], "/r/a is never synced"),
        ([*SOUND, ("mkdir", "/r/c")], "/r/c is never synced"),
    ],
)
def test_each_wrong_order_is_told(operations, fault):
    assert fault in unsafe(operations, ["/r/a", "/r/b"])


@pytest.mark.parametrize(
    "path",
    ["/r/tensorboard/events", "/r/.lock", "/r/.a.partial", "/r/ckpt-1_temp/x"],
)
def test_what_may_be_lost_need_not_be_synced(path):
    assert unsafe([("open", path), ("write", path)]) == []
