"""Text is read and written as UTF-8, whatever the language of a machine."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parents[1]
_FOLDERS = "fred_tf", "export", "trainers", "examples", "benchmarks"
_TOLD = {"encoding", "errors"}  # Replaced, other bytes do no harm.


def test_no_text_is_read_or_written_as_the_machine_likes():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in _FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("read_text", "write_text")
        and getattr(node.func.value, "id", "") != "files"
        and not _TOLD & {keyword.arg for keyword in node.keywords}
    ]
    assert found == []
