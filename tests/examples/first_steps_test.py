"""The notebook runs from its first cell to its last, without Jupyter."""

import ast
import importlib
import json
import pathlib

import pytest

import fred_tf

PATH = pathlib.Path(__file__).parents[2] / "examples" / "first_steps.ipynb"
BOOK = json.loads(PATH.read_text(encoding="utf-8"))
CODE = [
    "".join(cell["source"])
    for cell in BOOK["cells"]
    if cell["cell_type"] == "code"
]


def test_it_is_a_notebook_without_outputs():
    assert (BOOK["nbformat"], BOOK["nbformat_minor"]) == (4, 5)
    cells = BOOK["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells) >= 10
    for cell in cells:
        own = {"cell_type", "id", "metadata", "source"}
        if cell["cell_type"] == "code":
            own |= {"execution_count", "outputs"}
            assert cell["execution_count"] is None and cell["outputs"] == []
        assert cell.keys() == own


def test_cells_compile_and_what_they_use_is_there():
    used = set()
    for node in ast.walk(ast.parse("\n".join(CODE))):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            used |= {(module, alias.name) for alias in node.names}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in ("fred_tf", "figures"):
                module = getattr(fred_tf, node.value.id, fred_tf)
                used.add((module, node.attr))
    assert len(used) > 8
    for module, name in used:
        assert hasattr(module, name), (module, name)
    # Forms are named by text.
    (forms,) = (code for code in CODE if code.startswith("forms = "))
    assert {*ast.literal_eval(forms.splitlines()[0][8:])} <= {*fred_tf.FORMS}


@pytest.mark.slow  # Half a minute; the test before looks at what it calls.
def test_its_story_is_true(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    for number, code in enumerate(CODE):
        exec(compile(code, f"cell {number}", "exec"), names)
    scores = names["scores"]
    assert scores["distilled"].mean > scores["random real"].mean + 0.1
    assert len(names["distilled"]) == 30 and len(names["real"].labels) == 10
    assert 0 < names["off"] < 0.02
    assert (tmp_path / "exported" / "gallery.png").is_file()
    told = capsys.readouterr().out
    assert "digits, distilled" in told and "coefficients_int8" in told
