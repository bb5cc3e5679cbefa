"""Markdown that says what files of others may have told, and no more."""


def block(code: str, language: str = "python") -> str:
    """Returns code as a block of its own."""
    return f"```{language}\n{code}\n```"


def plain(words: str) -> str:
    """Returns a line that Markdown and HTML leave as it is, in code or not."""
    return "".join(" " if letter in "`<>|\n" else letter for letter in words)
