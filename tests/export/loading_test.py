"""While TensorFlow is loaded a program says what it is, and nothing else."""

import os
import shlex
import subprocess
import sys

import pytest

from export import loading
from tests.docs.pages import ROOT
from tests.docs.programs_test import SCRIPTS

PROGRAMS = [entry.partition(":")[0] for entry in SCRIPTS.values()]
# What TensorFlow 2.21 says on two CPU cores, and what it must go on saying.
NOTES = (
    b"WARNING: All log messages before absl::InitializeLog() is called are "
    b"written to STDERR\n"
    b"I0000 00:00:1795852170.105556   16040 port.cc:153] oneDNN custom "
    b"operations are on.\n"
    b"W0000 00:00:1795852170.105831   16040 x.cc:31] A warning.\n"
)
ERROR = b"E0000 00:00:1795852170.1   16040 x.cc:52] An error.\n"
NO_GPU = (
    b"E0000 00:00:1795852434.312461   28714 cuda_platform.cc:52] failed call "
    b"to cuInit: INTERNAL: CUDA error: Failed call to cuInit: UNKNOWN ERROR\n"
)


def in_a_process(*words: str, path: str = "") -> subprocess.CompletedProcess:
    # Python buffers stderr unless it is told otherwise.
    left_out = loading.LEVEL, "PYTHONUNBUFFERED"
    usual = {k: v for k, v in os.environ.items() if k not in left_out}
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**usual, "PYTHONPATH": path},
        capture_output=True,
    )


@pytest.fixture
def begins(tmp_path):
    """Begins a program, for which a few lines stand in for TensorFlow.

    Its exit code, and what it said.
    """

    def begins(tensorflow, before="") -> tuple[int, str, str]:
        (tmp_path / "tensorflow.py").write_text(
            "import os, types\n"
            "config = types.SimpleNamespace(list_physical_devices=list)\n"
            + tensorflow
        )
        code = (
            f"import os, sys; sys.argv = ['fred-x', '--run_dir=r']\n{before}\n"
            f"import trainers; print('loaded', os.environ[{loading.LEVEL!r}])"
        )
        done = in_a_process("-c", code, path=str(tmp_path))
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return begins


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", ""),
        (
            "--preset=dm --dataset 'folder:my photos' --width=64 -run_dir=r",
            "preset dm of folder:my photos in r; ",
        ),
        ("--run_dir=a --run_dir=b", "in b; "),
        ("--preset=tm --expert_dir=e", "preset tm with experts in e; "),
        ("--run_dir", ""),
        ("run_dir=a --override preset=b --run_dir=\x1b[31m", ""),
    ],
)
def test_the_line_tells_what_a_command_is_about(words, told):
    line = loading.opening("fred distil", shlex.split(words))
    assert line == f"fred distil: {told}starting TensorFlow ..."


@pytest.mark.parametrize("module", PROGRAMS)
def test_every_program_is_known_before_it_is_imported(module, monkeypatch):
    name = module.removesuffix(".__main__")
    for word in (f"-m {name}", f"-m{name}"):
        typed = ["python", *word.split(), "--run_dir=r", "-m"]
        monkeypatch.setattr(sys, "orig_argv", typed)
        monkeypatch.setattr(sys, "argv", ["-m", "--run_dir=r", "-m"])
        assert loading.called() == f"python -m {name}"
    (script,) = [k for k, v in SCRIPTS.items() if v == f"{module}:main"]
    for file in (f"/usr/bin/{script}", f"{script}.exe"):
        monkeypatch.setattr(sys, "argv", [file])
        assert loading.called() == script


@pytest.mark.parametrize(
    ("first", "module"),
    [
        ("-m", "trainers"),
        ("-m", "pytest"),
        ("-c", "export"),
        ("/x/trainers/distill.py", "trainers.distill"),
        ("/usr/bin/fred", "x"),
        ("", "x"),
    ],
)
def test_what_is_no_program_yet_begins_nothing(first, module, monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", module])
    monkeypatch.setattr(sys, "argv", [first])
    assert loading.called() is None


def test_an_import_changes_nothing():
    """Of the library, or of the programs' packages, as in a notebook."""
    done = in_a_process(
        "-c",
        "import os, sys; before = dict(os.environ), sys.excepthook\n"
        "import fred_tf, trainers, export\n"
        "assert (dict(os.environ), sys.excepthook) == before\n"
        "assert 'tensorflow' not in sys.modules",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("0", NOTES + ERROR),
        ("2", ERROR),
        ("3", b""),
        ("anything", NOTES + ERROR),
    ],
)
def test_what_is_not_to_be_said_is_left_out(level, said):
    """And nothing else, though the process ends in the midst of it."""
    done = in_a_process(
        "-c",
        "import os; from export import loading\n"
        f"with loading._without_notes({level!r}):\n"
        f"    os.write(2, {NOTES + ERROR!r})\n"
        "    os.write(2, b'last words')\n"
        "    os.abort()",
    )
    assert done.returncode < 0 and done.stdout == b""
    assert done.stderr == said + b"last words"


def test_stderr_is_as_it_was_afterwards():
    done = in_a_process(
        "-c",
        "import os, sys; from export import loading\n"
        "with loading._without_notes('1'):\n"
        "    print('I0000 1', file=sys.stderr)\n"
        "    print('inside', file=sys.stderr)\n"
        "print('I0000 2', file=sys.stderr)\n"
        "os.close(2)\n"
        "with loading._without_notes('1'): print('said')",
    )
    assert done.stdout == b"said\n"
    assert done.stderr == b"inside\nI0000 2\n"


def test_a_gpu_that_fails_is_told_where_there_is_one(monkeypatch, tmp_path):
    monkeypatch.setattr(loading, "_GPUS", ())
    assert loading.unsaid("IW").match(NO_GPU)
    assert not loading.unsaid("IW").match(ERROR)
    monkeypatch.setattr(loading, "_GPUS", (tmp_path,))
    assert not loading.unsaid("IW").match(NO_GPU)


def test_nothing_is_said_where_tensorflow_is_there(capfd):
    loading.begin("fred distil", [])
    assert capfd.readouterr() == ("", "")


LINE = "fred-x: in r; starting TensorFlow ...\n"


def test_a_program_says_a_line_before_tensorflow_is_loaded(begins):
    spoken = f"os.write(2, {NOTES + ERROR!r})"
    told = f"{LINE}{ERROR.decode()}"
    assert begins(spoken) == (0, "loaded 2\n", told)
    level = f"os.environ[{loading.LEVEL!r}] = '1'"
    warned = LINE + NOTES.decode().splitlines(True)[-1] + ERROR.decode()
    assert begins(spoken, level) == (0, "loaded 1\n", warned)


def test_a_line_that_nobody_can_hear_goes_nowhere_else(begins):
    """Least of all among what the program prints."""
    for closed in ("sys.stderr = None", "os.close(2)"):
        assert begins("", closed) == (0, "loaded 2\n", "")


def test_ctrl_c_says_a_line_and_a_failure_all_of_it(begins):
    code, output, errors = begins("raise KeyboardInterrupt")
    assert code != 0 and output == ""
    assert errors == f"{LINE}Stopped; the same command continues.\n"
    _, _, errors = begins("raise ImportError('libcudart')")
    assert errors.startswith(LINE) and "Traceback" in errors
    assert errors.endswith("ImportError: libcudart\n")


@pytest.mark.slow
@pytest.mark.parametrize("module", PROGRAMS)
def test_a_program_says_a_line_and_no_note(module):
    """Of one a quick test asks it, too, in `command_line_test.py`."""
    done = in_a_process("-m", module, "--help")
    assert done.returncode == 0 and done.stdout
    said = f"python -m {module}: starting TensorFlow ...\n"
    assert done.stderr.decode() == said
