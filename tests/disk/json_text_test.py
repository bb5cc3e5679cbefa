"""What JSON of others is refused for."""

import json

import pytest

from fred_tf.disk import claims, json_text


def nested(levels):
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "Expecting value"),
        (b"\xff", "can't decode"),
        (b"[NaN]", "JSON has no NaN"),
        (b"[-Infinity]", "JSON has no -Infinity"),
        (b'{"a": 1, "a": 2}', "a key occurs twice"),
        (b"[%s]" % (b"9" * 5000), "integer string"),
        (nested(102), "nests more than 100 levels"),
        (nested(900), "nests more than 100 levels"),
        (nested(10**6), "recursion"),
        (b'{"a":' * 150 + b"1" + b"}" * 150, "nests more than 100 levels"),
    ],
)
def test_what_is_no_plain_json_is_refused(text, message):
    with pytest.raises(ValueError, match=f"a.json is not a JSON.*{message}"):
        json_text.parsed(text, "a.json")


@pytest.mark.parametrize("text", [b"1", b'"a"', b"null", b"[]", nested(101)])
def test_other_json_is_read(text):
    assert json_text.parsed(text, "a.json") == json.loads(text)


@pytest.mark.parametrize("text", [b"1e999", b"-1e999", b"1" + b"0" * 400])
def test_numbers_beyond_every_float_are_refused_by_name(text):
    said = {"rate": json_text.parsed(text, "a.json")}
    with pytest.raises(ValueError, match="`rate` must be a number from 0 to 1"):
        claims.number(said, "rate", 0, 1)
