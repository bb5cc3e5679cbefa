import pytest
import tensorflow as tf

from fred_tf.sequential import repeat


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_turns_follow_each_other(count, mode):
    def digits(number, total, pair):
        return 10 * total + number, [pair[1], pair[0] + 1]

    def function(total, pair):
        return repeat(count, digits, total, pair)

    if mode != "eager":
        function = tf.function(function, jit_compile=mode == "xla")
    total, pair = function(tf.constant(7), [tf.constant(0), tf.constant(100)])
    expected, swapped = 7, [0, 100]
    for number in range(count):
        expected = 10 * expected + number
        swapped = [swapped[1], swapped[0] + 1]
    assert int(total) == expected
    assert [int(x) for x in pair] == swapped
