"""All programs by one command: `fred distil` is `python -m trainers.distill`.

    fred                   # lists the programs
    fred distil --help     # explains one
    fred distil --preset=digits_ipc1_dm --run_dir=runs/digits

`python -m trainers` is the same where nothing is installed.
"""

import ast
import difflib
import importlib
import importlib.util
import pathlib
import sys

from export import loading

# The module of each program. Nothing is imported to list them: TensorFlow
# takes seconds.
PROGRAMS = {
    "distil": "trainers.distill",
    "evaluate": "trainers.evaluate",
    "export": "export.__main__",
    "sweep": "trainers.sweep.__main__",
    "train-experts": "trainers.train_experts",
    "rank": "trainers.rank",
    "report": "trainers.report.__main__",
    "figures": "trainers.figures.__main__",
    "results": "trainers.results.__main__",
    "quickstart": "trainers.quickstart",
    "select-coreset": "trainers.select_coreset",
    "elsewhere": "trainers.elsewhere.__main__",
}
_HELP = ("help", "-h", "-help", "--help", "--helpshort", "--helpfull")


def summary(program: str) -> str:
    """Returns the first line of what a program says of itself."""
    package, *inside = PROGRAMS[program].split(".")
    place = importlib.util.find_spec(package)
    assert place is not None and place.origin is not None
    file = pathlib.Path(place.origin).parent.joinpath(*inside)
    tree = ast.parse(file.with_suffix(".py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def listed(called: str) -> str:
    """Returns the programs, a line each.

    Args:
        called: how this command was called.
    """
    width = max(map(len, PROGRAMS))
    lines = [f"  {name:{width}}  {summary(name)}" for name in PROGRAMS]
    return "\n".join(
        [
            f"Usage: {called} PROGRAM [flags]",
            "",
            *lines,
            "",
            f"`{called} PROGRAM --help` explains one with its flags.",
        ]
    )


def main() -> int | None:
    # `command_line.command` knows these two.
    of_script = pathlib.PurePath(sys.argv[0]).stem == "fred"
    called = "fred" if of_script else "python -m trainers"
    if len(sys.argv) < 2 or sys.argv[1] in _HELP:
        print(listed(called))
        return 0
    name = loading.named(sys.argv[1])
    if name not in PROGRAMS:
        known = [*PROGRAMS, *loading.ALIASES]
        close = difflib.get_close_matches(name, known, n=1)
        meant = f" Did you mean `{called} {close[0]}`?" if close else ""
        print(
            f"`{called}` is followed by a program: {', '.join(PROGRAMS)}. "
            f"Received: {sys.argv[1]!r}.{meant}",
            file=sys.stderr,
        )
        return 1
    program = f"{called} {sys.argv[1]}"
    sys.argv[:2] = [program]
    loading.begin(program, sys.argv[1:])
    return importlib.import_module(PROGRAMS[name]).main()


if __name__ == "__main__":
    sys.exit(main())
