"""Eight words are explained, each in one sentence and in one place."""

import re

import pytest

from tests.docs.pages import README, ROOT

PAGE = (ROOT / "docs" / "words.md").read_text()
WORDS = (
    "ipc",
    "budget",
    "memory",
    "outer step",
    "reference",
    "expert",
    "segment",
    "student",
)
# Of the README what is no code.
PROSE = re.sub(
    r"^```.*?^```$|`[^`]+`", "", README.read_text(), flags=re.S | re.M
)


def explained() -> dict[str, str]:
    """Returns what the page says of each word, in small letters."""
    _, *parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    return {
        word.lower(): " ".join(text.split())
        for word, text in zip(parts[::2], parts[1::2])
    }


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_explained_in_one_sentence(word):
    said = explained()[word]
    assert re.fullmatch(r"[^.]+\.", said) and 60 < len(said) < 160


def test_the_page_has_no_other_words():
    assert [*explained()] == [*WORDS]


@pytest.mark.parametrize("word", WORDS)
def test_the_readme_explains_a_word_where_it_comes_up(word):
    """By a link, the first time that it is used in prose."""
    if first := re.search(rf"\b{word}s?\b", PROSE):
        anchor = word.replace(" ", "-")
        linked = rf"\[{word}s?\]\(docs/words\.md#{anchor}\)"
        assert re.match(linked, PROSE[first.start() - 1 :]), first


def test_the_readme_uses_most_of_them():
    assert len(re.findall(r"\(docs/words\.md#", PROSE)) >= 6
