"""Programs keep their flags to themselves until they run."""

import importlib
import re
import subprocess
import sys

import pytest
from absl import flags as absl_flags

from export import command_line, flags
from tests.docs.pages import ROOT
from tests.docs.programs_test import SCRIPTS

TABLE = absl_flags.FLAGS


def names() -> set[str]:
    return set(flags.FLAGS) & set(TABLE)


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a program of some body with flags: its exit code, and errors."""

    def run(body, *arguments):
        monkeypatch.setattr(sys, "argv", ["program", *arguments])
        with pytest.raises(SystemExit) as ended:
            TABLE.unparse_flags()
            command_line.taking("override")(body)()
        return ended.value.code or 0, capsys.readouterr().err

    return run


def test_importing_every_program_defines_no_flag_of_absl():
    for entry in SCRIPTS.values():
        importlib.import_module(entry.partition(":")[0])
    assert {"seed", "run_dir", "preset", "values"} <= set(flags.FLAGS)
    assert names() == set()


@pytest.mark.slow
def test_a_notebook_may_have_flags_of_the_same_names():
    code = (
        "from absl import flags\n"
        "flags.DEFINE_integer('seed', 3, 'mine')\n"
        "flags.DEFINE_string('run_dir', 'mine', 'mine')\n"
        "import trainers.distill, trainers.sweep.__main__\n"
        "import trainers.evaluate, export.__main__\n"
        "flags.FLAGS(['notebook', '--seed=4'])\n"
        "print(flags.FLAGS.seed, flags.FLAGS.run_dir)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "4 mine\n", done.stderr


def test_flags_are_known_while_a_program_runs_and_then_have_defaults(run):
    seen = []

    def body():
        seen.append((command_line.OVERRIDE.value, names()))

    assert run(body, "--override=a=1", "--override", "b=2") == (0, "")
    assert run(body) == (0, "")
    assert [overrides for overrides, _ in seen] == [["a=1", "b=2"], []]
    assert all(known == {"override"} for _, known in seen)
    assert names() == set()


def test_nothing_stays_of_a_program_that_was_called_wrongly(run):
    code, errors = run(lambda: 0, "--overide=a")
    assert code == 1 and "Did you mean: override" in errors
    assert names() == set()


def test_a_program_does_not_know_what_it_would_not_look_at(run):
    assert "seed" in flags.FLAGS
    code, errors = run(lambda: pytest.fail("must not begin"), "--seed=3")
    assert code == 1 and "Unknown command line flag 'seed'" in errors


def test_a_program_does_not_run_beside_others_of_its_names(run):
    theirs = absl_flags.FlagValues()
    absl_flags.DEFINE_string("override", "mine", "mine", flag_values=theirs)
    TABLE.append_flag_values(theirs)
    try:
        with pytest.raises(absl_flags.DuplicateFlagError, match="override"):
            with flags.registered(__name__, ["override", "seed"]):
                pass
        assert names() == {"override"}
        assert TABLE["override"] is theirs["override"]
    finally:
        TABLE.remove_flag_values(theirs)


def test_no_program_takes_absls_own():
    """Its functions would define flags for whoever imports the program."""
    for room in ("export", "trainers"):
        for path in (ROOT / room).rglob("*.py"):
            if path != ROOT / "export" / "flags.py":
                found = re.findall(r"from absl import .*", path.read_text())
                assert not any("flags" in line for line in found), path


def test_a_list_of_nothing_is_refused(monkeypatch, capsys):
    """An unset variable of a shell asked for all rows, and began them."""
    from trainers.results import __main__ as results

    monkeypatch.setattr(sys, "argv", ["results", "--rows="])
    monkeypatch.setattr(results, "finished", None)
    with pytest.raises(SystemExit) as ended:
        results.main()
    assert ended.value.code == 1
    assert "`--rows` must name something" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("program", "flag"),
    [
        ("trainers.evaluate", "corruptions"),
        ("trainers.evaluate", "preset"),
        ("trainers.figures.__main__", "compare"),
        ("trainers.distill", "override"),
    ],
)
def test_a_text_of_nothing_is_refused(program, flag, call):
    """`--corruptions=$UNSET` scored clean images alone, and said nothing."""
    code, output, errors = call(program, f"--{flag}=", "--run_dir=/nowhere")
    assert (code, output) == (1, "")
    assert f"`--{flag}` must name something. Received: nothing" in errors


def test_flags_of_which_one_counts_for_nothing_are_refused(run, monkeypatch):
    monkeypatch.setattr(flags, "_BESIDE", {"override": "seed"})
    code, errors = run(lambda: pytest.fail("must not begin"), "--override=a=1")
    assert code == 1 and "`--override` counts only beside `--seed`" in errors
    monkeypatch.setattr(flags, "_BESIDE", {})
    monkeypatch.setattr(flags, "_ONE_OF", [("override", "seed")])
    assert run(lambda: 0, "--override=a=1") == (0, "")
    flags.FLAGS["seed"].present, flags.FLAGS["seed"].value = 1, 3
    code, errors = run(lambda: pytest.fail("must not begin"), "--override=a=1")
    assert code == 1 and "Received: --override=['a=1'], --seed=3." in errors


def test_nothing_at_all_is_a_value_too(monkeypatch):
    """`--full_accuracy=0` was taken beside the epochs that measure it."""
    importlib.import_module("trainers.rank")
    monkeypatch.setattr(flags, "_BESIDE", {})
    monkeypatch.setattr(flags, "_ONE_OF", [("full_accuracy", "full_epochs")])
    for name, value in (("full_accuracy", 0.0), ("full_epochs", 20)):
        monkeypatch.setattr(flags.FLAGS[name], "present", 1)
        monkeypatch.setattr(flags.FLAGS[name], "value", value)
    with pytest.raises(ValueError, match="Received: --full_accuracy=0.0, --f"):
        flags.check_together()
    for none in (None, False):
        monkeypatch.setattr(flags.FLAGS["full_accuracy"], "value", none)
        flags.check_together()


@pytest.mark.parametrize("text", ["nan", "-nan", "inf", "-inf", "1e999"])
def test_a_number_is_finite(text):
    """Of absl's own, `--full_accuracy=nan` was found after all networks."""
    for parser in (flags.Number(), flags.Number(0), flags.Number(0, 1)):
        with pytest.raises(ValueError, match="is not .*finite number"):
            parser.parse(text)


def test_no_flag_of_a_program_takes_what_is_not_finite():
    for entry in SCRIPTS.values():
        importlib.import_module(entry.partition(":")[0])
    for name in flags.FLAGS:
        parser = flags.FLAGS[name].parser
        if isinstance(parser, absl_flags.FloatParser):
            assert isinstance(parser, flags.Number), name
    assert flags.Number(0, 1).parse("0.5") == 0.5
    assert flags.Number(0, 1).syntactic_help == (
        "a finite number in the range [0, 1]"
    )


NUMBERS = flags.Numbers(above=0, most=100, distinct=True)


@pytest.mark.parametrize(
    "text",
    ["0", "-1", "nan", "1,inf", "101", "a", "1,", "1,2,1.0", "1,1.0000000001"],
)
def test_lists_hold_the_numbers_that_they_may_hold(text):
    with pytest.raises(
        ValueError, match="numbers above 0, 100 at most, .* once.*Received: '"
    ):
        NUMBERS.parse(text)


def test_numbers_are_read_as_they_are_written():
    assert NUMBERS.parse("0.01, 1e-3,100") == [0.01, 0.001, 100]
    assert NUMBERS.parse("") == []
    importlib.import_module("trainers.rank")
    told = flags.FLAGS["rates"].default_as_str
    assert told == "'0.001,0.005,0.01,0.05,0.1'"
    anything = flags.Numbers()
    assert anything.parse("-1,0,0") == [-1, 0, 0]
    with pytest.raises(ValueError, match="must be finite numbers, joined by"):
        anything.parse("nan")
