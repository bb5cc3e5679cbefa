"""What files claim is believed within bounds only."""

import math

import pytest

from fred_tf.disk import claims

ACCEPTED = [
    (claims.integer, 0, (0, 9)),
    (claims.integer, 9, (0, 9)),
    (claims.number, 0.5, (0, 1)),
    (claims.number, 1, (0, 1)),
    (claims.number, -2.5, (-math.inf, math.inf)),
    (claims.numbers, [0, 0.5], (0, 1)),
    (claims.text, "Übung", ()),
    (claims.word, "a_1", ()),
    (claims.word, "", (True,)),
    (claims.one_of, "a", (("a", "b"),)),
    (claims.mapping, {"b": 1}, ()),
    (claims.listed, [1, 2], (2,)),
]
REFUSED = [
    (claims.integer, value, (0, 9))
    for value in (-1, 10, True, 1.0, "1", None, [1], 10**400)
]
REFUSED += [
    (claims.number, value, (0, 1))
    for value in (-0.1, 17.5, math.nan, math.inf, True, "1", None, 10**400)
]
REFUSED += [
    (claims.number, math.inf, (0, math.inf)),
    (claims.numbers, [0, 2], (0, 1)),
    (claims.numbers, 1, (0, 1)),
    (claims.text, "x" * 11, (10,)),
    (claims.text, 1, ()),
    (claims.word, "", ()),
    (claims.word, "../a", ()),
    (claims.word, "a\n", ()),
    (claims.word, "A", ()),
    (claims.word, "a" * 101, ()),
    (claims.word, None, (True,)),
    (claims.one_of, "c", (("a", "b"),)),
    (claims.one_of, ["a"], (("a", "b"),)),
    (claims.mapping, [1], ()),
    (claims.listed, [1, 2, 3], (2,)),
    (claims.listed, {}, ()),
    (claims.shape, [4], (range(2, 4), 100)),
    (claims.shape, [4, 5, 6], (range(2, 4), 100)),
    (claims.shape, [2**20] * 3, (range(2, 4), 2**31)),
    (claims.shape, [4, 0], (range(2, 4), 100)),
    (claims.shape, [4, -1, -1], (range(2, 4), 100)),
    (claims.shape, [4.0, 1], (range(2, 4), 100)),
    (claims.shape, "44", (range(2, 4), 100)),
]


@pytest.mark.parametrize(("claim", "value", "bounds"), ACCEPTED)
def test_what_may_be_is_believed(claim, value, bounds):
    assert claim({"name": value}, "name", *bounds) == value


@pytest.mark.parametrize(("claim", "value", "bounds"), REFUSED)
def test_what_cannot_be_is_refused(claim, value, bounds):
    with pytest.raises(ValueError, match="` must be .* Received: ") as refused:
        claim({"name": value}, "name", *bounds)
    assert len(str(refused.value)) < 300


def test_a_shape_is_a_tuple():
    found = claims.shape({"a": [4, 5]}, "a", range(2, 4), 20)
    assert found == (4, 5)


def test_what_is_not_there_is_refused():
    for claim in (claims.integer, claims.text, claims.word, claims.mapping):
        with pytest.raises(ValueError, match="Received: None"):
            claim({}, "name")
