"""Files of a pack: none is believed that is not as it was written."""

import os

import numpy as np
import pytest

from tests.flipping import flips
from trainers.elsewhere.runner import sealed

SCORES = {"step": 9, "rate": 0.25, "networks": {"convnet": [0.5, 0.25]}}


def test_no_flipped_bit_is_read(tmp_path):
    path = tmp_path / "scores.json"
    sealed.write(path, "scores", "of", **SCORES)
    before = sealed.read(path, "scores", "of")
    for _ in flips(path):
        try:
            assert sealed.read(path, "scores", "of") == before
        except ValueError as error:
            assert str(path) in str(error)
    assert SCORES.items() <= before.items()


def test_no_flipped_bit_of_a_line_is_read(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [{"step": i + 1, "loss": 0.5 + i} for i in range(3)]
    path.write_bytes(b"".join(sealed.line(line, "of") for line in lines))
    assert sealed.lines(path, "of", 3) == lines
    for _ in flips(path):
        try:
            assert sealed.lines(path, "of", 3) == lines
        except ValueError as error:
            assert str(path) in str(error) and "delete it" in str(error)


@pytest.mark.parametrize(
    ("steps", "last", "found"),
    [
        ((1, 2, 3), 2, [1, 2]),
        ((1, 2), 0, []),
        # The first were lost with a file that was deleted.
        ((3, 4), 4, [3, 4]),
        ((1, 2), 3, "lines of all steps up to 3"),
        ((1, 3), 3, "must be of step 2"),
        ((2, 2), 2, [2]),
        ((1, 1, 2), 2, "must be of step 2"),
        ((4, 5), 3, "up to 3. Received: 0 lines"),
        ((True,), 1, "must be of step"),
    ],
)
def test_lines_follow_each_other(steps, last, found, tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [sealed.line({"step": step}, "of") for step in steps]
    path.write_bytes(b"".join(lines) + b'{"st')
    if isinstance(found, list):
        assert [x["step"] for x in sealed.lines(path, "of", last)] == found
    else:
        with pytest.raises(ValueError, match=found):
            sealed.lines(path, "of", last)


def test_files_of_others_are_refused(tmp_path):
    path = tmp_path / "scores.json"
    sealed.write(path, "scores", "a", **SCORES)
    with pytest.raises(ValueError, match="`of` of .* must be 'b'. Received"):
        sealed.read(path, "scores", "b")
    with pytest.raises(ValueError, match="`kind` of .* must be 'spent'"):
        sealed.read(path, "spent", "a")
    lines = tmp_path / "metrics.jsonl"
    lines.write_bytes(sealed.line({"step": 1}, "a"))
    with pytest.raises(ValueError, match="as it was written"):
        sealed.lines(lines, "b", 1)


@pytest.mark.parametrize("text", ["[]", "{", "NaN", '{"a": 1, "a": 2}', "\0"])
def test_what_is_no_json_object_is_refused(text, tmp_path):
    path = tmp_path / "spent.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{path} must be"):
        sealed.read(path, "spent")


def test_links_and_pipes_are_not_followed(tmp_path):
    target = tmp_path / "precious.json"
    sealed.write(target, "spent", "of", device="it")
    before = target.read_bytes()
    link, pipe = tmp_path / "link.json", tmp_path / "pipe.json"
    link.symlink_to(target)
    os.mkfifo(pipe)
    for path in (link, pipe, tmp_path):
        with pytest.raises(ValueError, match="must be a plain file"):
            sealed.read(path, "spent")
    with pytest.raises(ValueError, match="must be a plain file"):
        sealed.append(link, b"more")
    # Nor through the name under which a file is written first.
    (tmp_path / ".new.json.partial").symlink_to(target)
    sealed.write(tmp_path / "new.json", "spent", "of", device="other")
    # A link in the place of the file is replaced, and not what it leads to.
    sealed.write(link, "spent", "of", device="other")
    assert target.read_bytes() == before and not link.is_symlink()


def test_what_cannot_be_written_leaves_what_was(tmp_path, full_disk):
    path = tmp_path / "spent.json"
    sealed.write(path, "spent", "of", device="it")
    before = path.read_bytes()
    numbers = np.zeros(1000)
    for write in (
        lambda: sealed.write(path, "spent", "of", device="x" * 200),
        lambda: sealed.replace(path, lambda f: np.save(f, numbers)),
        lambda: sealed.append(path, b"x" * 200),
    ):
        with full_disk(len(before)), pytest.raises(OSError, match=str(path)):
            write()
    with pytest.raises(ValueError):
        sealed.write(path, "spent", "of", minutes=float("nan"))
    assert path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["spent.json"]


def test_what_is_written_is_on_the_disk_before_it_has_its_name(
    tmp_path, monkeypatch
):
    done, names = [], {}

    def note(name):
        call = getattr(os, name)

        def noted(*arguments):
            what = arguments[0]
            if isinstance(what, int):
                what = os.readlink(f"/proc/self/fd/{what}")
            done.append((name, os.path.basename(what)))
            return call(*arguments)

        names[name] = noted

    for name in ("fsync", "replace"):
        note(name)
        monkeypatch.setattr(os, name, names[name])
    sealed.write(tmp_path / "spent.json", "spent", "of", device="it")
    temporary = ".spent.json.partial"
    assert done == [
        ("fsync", temporary),
        ("replace", temporary),
        ("fsync", tmp_path.name),
    ]


def test_places_are_those_of_packs(tmp_path):
    place = "data/0123456789abcdef"
    assert sealed.inside(tmp_path, place) == tmp_path / place
    bad = ("data/..", "data/../../x", "/etc", "data/012345678", "", None, 3)
    for place in (*bad, "experts/0123456789ABCDEF", "rows/a/b", "rows/a\n"):
        with pytest.raises(ValueError, match="A place in a pack must be"):
            sealed.inside(tmp_path, place)
    (tmp_path / "experts").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="Received: a symbolic link"):
        sealed.inside(tmp_path, "experts/0123456789abcdef")
