"""The house stays in order: imports go down its floors, files stay short.

Each check takes modules as `parse` reads them and returns what it finds wrong,
one sentence each; the second half of this file shows each a tree that is wrong.
"""

import ast
import collections
import dataclasses
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
# Rooms and files of fred_tf, then the folders beside it; the lowest first.
# What is on one floor does not import each other.
FLOORS = (
    {"disk", "paper", "progress", "seeds", "sequential"},
    {"settings"},
    {"assignments", "coding"},
    {"augmentations", "budget", "normalizations", "optimizers", "transforms"},
    {"datasets", "networks", "synthetic_set"},
    {"coresets", "foreign", "kernels", "training"},
    {"experts"},
    {"objectives"},
    {"parameterizations"},
    {"distillation", "figures"},
    {"config"},
    {"presets"},
    {"assembly"},
    {"chosen_images", "distilled_run", "scoring"},
    {"forms"},
    {"distilled_set", "open_run"},
    {"distilling", "shipped"},
    {"fred_tf/__init__.py"},
    {"export"},
    {"trainers"},
    {"examples"},
    {"benchmarks"},
    {"tests"},
)
FLOOR_OF = {place: n for n, floor in enumerate(FLOORS) for place in floor}
FOLDERS = ("fred_tf", "export", "trainers", "benchmarks", "examples", "tests")
REFUSED = {
    "fred_tf": ("export", "trainers", "absl.flags"),
    "export": ("trainers",),
}
MOST_ROOT_FILES, MOST_LINES, MOST_LINES_OF_A_FUNCTION = 15, 350, 80


@dataclasses.dataclass(frozen=True)
class Module:
    """A file of Python: `path` from the root, and what it imports."""

    path: str
    lines: int
    tree: ast.Module
    imports: set[str]

    @property
    def place(self) -> str:
        """The room, file of fred_tf or folder beside it that it is in."""
        package, inside, *deeper = self.path.split("/")
        if package != "fred_tf":
            return package
        if inside == "__init__.py" and not deeper:
            return self.path
        return inside.removesuffix(".py")

    @property
    def floor(self) -> int | None:
        """The number of its floor; None where the table has none for it."""
        return FLOOR_OF.get(self.place)


class _Imports(ast.NodeVisitor):
    """Dotted names that are imported anywhere, but for types only."""

    def __init__(self, package: list[str]):
        self.package, self.names = package, set()

    def visit_If(self, node):
        for_types = ast.unparse(node.test).endswith("TYPE_CHECKING")
        for part in node.orelse if for_types else node.body + node.orelse:
            self.visit(part)

    def visit_Import(self, node):
        self.names |= {alias.name for alias in node.names}

    def visit_ImportFrom(self, node):
        above = self.package[: len(self.package) - node.level + 1]
        start = [*(above if node.level else []), node.module or ""]
        start = ".".join(filter(None, start))
        self.names |= {f"{start}.{alias.name}" for alias in node.names}


def parse(root: pathlib.Path) -> dict[str, Module]:
    """Returns the modules below a root by dotted name."""
    modules = {}
    for path in sorted(p for f in FOLDERS for p in (root / f).rglob("*.py")):
        relative = path.relative_to(root)
        *package, name = relative.with_suffix("").parts
        text = path.read_text()
        imports = _Imports(package)
        tree = ast.parse(text, str(relative))
        imports.visit(tree)
        whole = package if name == "__init__" else [*package, name]
        modules[".".join(whole)] = Module(
            relative.as_posix(), len(text.splitlines()), tree, imports.names
        )
    return modules


def arrows(modules: dict[str, Module]) -> dict[str, list[str]]:
    """Returns which modules each imports; a name of a module leads to it."""
    found = collections.defaultdict(list)
    for name, module in modules.items():
        for imported in sorted(module.imports):
            # `from a.b import c`: the module a.b.c, else what a.b defines.
            for target in (imported, imported.rpartition(".")[0]):
                if target in modules and target not in (name, *found[name]):
                    found[name].append(target)
                if target in modules:
                    break
    return found


def cycles(modules: dict[str, Module]) -> list[str]:
    """Two modules must not import each other, nor through others."""
    ways, done, found = arrows(modules), set(), []

    def follow(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = [modules[n].path for n in path[path.index(name) :]]
            found.append(
                f"{circle[-1]} imports {circle[0]}, which leads back to it: "
                f"{' -> '.join([*circle, circle[0]])}."
            )
        elif name not in done:
            for target in ways[name]:
                follow(target, (*path, name))
            done.add(name)

    for name in modules:
        follow(name, ())
    return found


def upward_arrows(modules: dict[str, Module]) -> list[str]:
    """A module imports from its own place and from lower floors only."""
    return [
        f"{module.path} (floor {module.floor}) imports {other.path} (floor "
        f"{other.floor}), which is not below it."
        for name, ways in arrows(modules).items()
        for module, other in ((modules[name], modules[way]) for way in ways)
        if module.place != other.place
        and None not in (module.floor, other.floor)
        and module.floor <= other.floor
    ]


def refused_imports(modules: dict[str, Module]) -> list[str]:
    """The library knows no program and no flag."""
    return [
        f"{module.path} imports {name}, which nothing in {package}/ may."
        for module in modules.values()
        for package in [module.path.split("/")[0]]
        for name in sorted(module.imports)
        for refused in REFUSED.get(package, ())
        if f"{name}.".startswith(f"{refused}.")
    ]


def unknown_places(modules: dict[str, Module]) -> list[str]:
    """Each file is on a floor of the table, and few stand at the root."""
    wrong = [
        f"{module.path} is in no place that `FLOORS` names. Give "
        f"{module.place!r} a floor, or move the file to its room."
        for module in modules.values()
        if module.floor is None
    ]
    loose = [
        module.path
        for module in modules.values()
        if module.path.startswith("fred_tf/") and module.path.count("/") == 1
    ]
    if len(loose) > MOST_ROOT_FILES:
        wrong.append(
            f"At most {MOST_ROOT_FILES} files stand at the root of fred_tf/. "
            f"Received: {len(loose)}: {', '.join(loose)}."
        )
    return wrong


def places_left(modules: dict[str, Module]) -> list[str]:
    """The table names nothing that is gone."""
    left = FLOOR_OF.keys() - {module.place for module in modules.values()}
    return [f"`FLOORS` names {name!r}, no file is there." for name in left]


def long_files(modules: dict[str, Module]) -> list[str]:
    """Near 350 lines a second concept has moved in."""
    return [
        f"{module.path} has {module.lines} lines; at most {MOST_LINES}."
        for module in modules.values()
        if module.lines > MOST_LINES
    ]


def long_functions(modules: dict[str, Module]) -> list[str]:
    """A function is counted from `def` to its last line."""
    return [
        f"{module.path}:{node.lineno} `{node.name}` has {lines} lines; at most "
        f"{MOST_LINES_OF_A_FUNCTION}."
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for lines in [node.end_lineno - node.lineno + 1]
        if lines > MOST_LINES_OF_A_FUNCTION
    ]


CHECKS = (
    cycles,
    upward_arrows,
    refused_imports,
    unknown_places,
    places_left,
    long_files,
    long_functions,
)


@pytest.fixture(scope="module")
def house():
    return parse(ROOT)


@pytest.mark.parametrize("check", CHECKS)
def test_the_house_is_in_order(house, check):
    wrong = check(house)
    assert not wrong, "\n".join([check.__doc__, *wrong])


# --- The checks themselves ----------------------------------------------------

MLP, SEEDS = "fred_tf/networks/mlp.py", "fred_tf/seeds.py"
SOUND = {
    "fred_tf/__init__.py": "from fred_tf.scoring import score",
    "fred_tf/scoring.py": (
        "from absl import logging\n"
        "from fred_tf import seeds\n"
        "from fred_tf.networks import NETWORKS\n"
    ),
    "fred_tf/networks/__init__.py": "from fred_tf.networks.mlp import MLP",
    MLP: "from fred_tf import seeds",
    SEEDS: "import tensorflow as tf",
    "export/__main__.py": "import fred_tf.scoring",
    "trainers/distill.py": "from export import __main__ as export",
}
FOR_TYPES = "if TYPE_CHECKING:\n    import fred_tf.scoring\n"
ELSE = "else:\n    import trainers.distill\n"


@pytest.fixture
def tree(tmp_path):
    """Writes the sound tree with changes, and parses it."""

    def write(changes: dict[str, str]) -> dict[str, Module]:
        for name, text in {**SOUND, **changes}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return parse(tmp_path)

    return write


def test_imports_lead_to_modules(tree):
    found = arrows(tree({}))
    assert found["fred_tf"] == ["fred_tf.scoring"]
    assert found["fred_tf.scoring"] == ["fred_tf.networks", "fred_tf.seeds"]
    assert found["fred_tf.networks"] == ["fred_tf.networks.mlp"]
    assert found["export.__main__"] == ["fred_tf.scoring"]
    assert found["trainers.distill"] == ["export.__main__"]


@pytest.mark.parametrize("check", [c for c in CHECKS if c != places_left])
def test_nothing_is_wrong_with_a_sound_tree(tree, check):
    assert check(tree({MLP: FOR_TYPES})) == []


@pytest.mark.parametrize(
    ("check", "path", "text", "named"),
    [
        (cycles, MLP, "from fred_tf.networks import X", "networks/__init__.py"),
        (cycles, MLP, "from . import mlp, X", "fred_tf/networks/__init__.py"),
        (cycles, SEEDS, "def f():\n    import fred_tf.scoring", "fred_tf/sco"),
        (upward_arrows, MLP, "from fred_tf import X", "fred_tf/__init__.py"),
        (upward_arrows, MLP, "import fred_tf.scoring", "fred_tf/scoring.py"),
        (upward_arrows, MLP, "from .. import scoring", "fred_tf/scoring.py"),
        (upward_arrows, MLP, FOR_TYPES + ELSE, "imports trainers/distill.py"),
        (upward_arrows, "fred_tf/datasets/x.py", "import fred_tf.networks", ""),
        (refused_imports, SEEDS, "from absl import flags", "absl.flags"),
        (refused_imports, SEEDS, "import export.sizes", "imports export.sizes"),
        (refused_imports, "export/a.py", "import trainers", "in export/ may."),
        (unknown_places, "fred_tf/helpers.py", "", "no place that `FLOORS`"),
        (unknown_places, "fred_tf/attic/trunk.py", "", "no place that `FLOO"),
        (long_files, SEEDS, "\n" * 351, "has 351 lines; at most 350"),
        (long_functions, SEEDS, "@f\ndef f():" + "\n 0" * 80, ":2 `f` has 81"),
    ],
)
def test_a_wrong_tree_is_found_out(tree, check, path, text, named):
    """By one sentence, which names the file and what is wrong with it."""
    (said,) = check(tree({path: text}))
    assert path in said and named in said


def test_both_ends_of_an_arrow_are_named(tree):
    modules = tree({SEEDS: "import fred_tf.scoring"})
    assert upward_arrows(modules) == [
        f"fred_tf/seeds.py (floor 0) imports fred_tf/scoring.py (floor "
        f"{FLOOR_OF['scoring']}), which is not below it."
    ]
    assert cycles(modules) == [
        "fred_tf/seeds.py imports fred_tf/scoring.py, which leads back to it: "
        "fred_tf/scoring.py -> fred_tf/networks/__init__.py -> "
        "fred_tf/networks/mlp.py -> fred_tf/seeds.py -> fred_tf/scoring.py."
    ]


def test_as_many_lines_as_allowed_are_no_mistake(tree):
    function = "def f():\n" + "    0\n" * 79
    modules = tree({SEEDS: function + "\n" * 270})
    assert modules["fred_tf.seeds"].lines == 350
    assert long_files(modules) == long_functions(modules) == []


def test_a_pile_at_the_root_is_found_out(tree):
    names = [name for name in FLOOR_OF if name.isidentifier()]
    modules = tree({f"fred_tf/{n}.py": "" for n in names if n != "networks"})
    assert unknown_places(modules)[-1].startswith(
        "At most 15 files stand at the root of fred_tf/. Received: "
    )


def test_a_floor_that_nobody_lives_on_is_found_out(tree):
    found = places_left(tree({}))
    assert "`FLOORS` names 'distillation', no file is there." in found
    assert not any("seeds" in said for said in found)
