"""Lines of metrics are sealed: what changed in them is named."""

import json
import zlib

import pytest

from fred_tf.disk import metrics


@pytest.fixture
def path(tmp_path):
    path = tmp_path / metrics.NAME
    for step in (1, 2, 3):
        metrics.append(path, step, {"loss": 1 / step, "rate": 1e-5})
    return path


def test_a_line_states_the_checksum_of_the_rest(path):
    line = json.loads(path.read_text().splitlines()[1])
    stated = line.pop("crc32")
    assert line == {"step": 2, "loss": 0.5, "rate": 1e-5}
    text = json.dumps(line, sort_keys=True).encode()
    assert stated == f"{zlib.crc32(text):08x}"
    assert metrics.read(path)[1] == line


@pytest.mark.parametrize("mask", [1, 4, 32, 255])
def test_each_flipped_byte_is_named(path, mask):
    """A last line without its end is what a kill leaves."""
    content, before = path.read_bytes(), metrics.read(path)
    ends = [i for i, byte in enumerate(content) if byte == ord("\n")]
    same = 0
    for position in range(len(content) - 1):
        damaged = bytearray(content)
        damaged[position] ^= mask
        path.write_bytes(damaged)
        number = 1 + sum(end < position for end in ends)
        try:
            read = metrics.read(path)
        except ValueError as error:
            assert str(error).startswith(f"Line {number} of {path} must be ")
            assert "delete that line" in str(error)
        else:
            # 1E-05 is 1e-05.
            assert read == before and mask == 32
            same += 1
    assert same == (3 if mask == 32 else 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [lines[1], lines[0], lines[2]],
        lambda lines: [lines[0], lines[0], *lines[1:]],
    ],
)
def test_lines_in_another_order_are_named(path, change):
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(change(lines)))
    with pytest.raises(ValueError, match="Line 2 .* of a later step .*before"):
        metrics.read(path)


def test_lines_of_an_earlier_version_go_on(path):
    old = '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": null}\n'
    path.write_text(old)
    metrics.append(path, 3, {"loss": 0.25})
    expected = [
        {"step": 1, "loss": 0.5},
        {"step": 2, "loss": None},
        {"step": 3, "loss": 0.25},
    ]
    assert metrics.read(path) == expected
    # Resumed, they are sealed as the others are.
    metrics.rewind(path, 3)
    assert path.read_text().count('"crc32"') == 3
    assert metrics.read(path) == expected


@pytest.mark.parametrize("name", ["step", "crc32"])
def test_names_of_ours_are_refused(path, name):
    with pytest.raises(ValueError, match="must not be called any of"):
        metrics.append(path, 4, {name: 1.0})


def test_a_link_is_neither_read_nor_written_to(tmp_path):
    target, path = tmp_path / "precious", tmp_path / metrics.NAME
    target.write_text('{"step": 9}\n')
    path.symlink_to(target)
    for use in (
        lambda: metrics.read(path),
        lambda: metrics.append(path, 1, {}),
        lambda: metrics.rewind(path, 0),
    ):
        with pytest.raises(ValueError, match="must be a plain file"):
            use()
    assert target.read_text() == '{"step": 9}\n'
