"""Makes the rows of RESULTS.md, each from a run folder of its own.

    python -m trainers.results --data_dir=~/tensorflow_datasets
    python -m trainers.results --rows=mnist_ipc1_fred_dm --data_dir=...
    python -m trainers.results --rows=none     # only writes RESULTS.md again

A row trains experts if it needs them, distils, evaluates on the test split and
writes `results/<row>.json`; runs are in `runs/results`. Stopped, the same
command continues, and what is finished is left as it is. RESULTS.md is
generated from all of `results/`, never typed. Settings are those of the
presets: nothing is chosen here, and the accuracy is that of the final step.
"""

import dataclasses
import os
import pathlib
import platform
import time
from typing import Any

from absl import flags, logging

from export.forms import read_export
from fred_tf import assembly, files, loop, overrides, presets
from fred_tf import config as config_lib
from fred_tf.coresets import full_set, random_set
from fred_tf.datasets import ImageData
from fred_tf.evaluator import Evaluation
from fred_tf.objectives import OBJECTIVES
from fred_tf.scoring import score
from fred_tf.settings import check_one_of
from fred_tf.synthetic_set import SyntheticSet
from trainers import distill, run_flags, select_coreset, train_experts

NAMES = flags.DEFINE_list(
    "rows", [], "Which rows to make, of ROWS in this file; default all."
)
RUNS_DIR = flags.DEFINE_string(
    "runs_dir", "runs/results", "Where the runs of the rows are."
)
RESULTS_DIR = flags.DEFINE_string(
    "results_dir", "results", "Where the rows' JSON files are."
)
TABLE = flags.DEFINE_string("table", "RESULTS.md", "The generated table.")

_FORMAT_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        preset: the settings.
        overrides: what differs from them.
        subject: `run`, or what is scored instead: `random`, `herding` or
            `full`.
        scored_with: overrides for the evaluation only.
        published: accuracy and deviation in per cent with their source; empty
            if none is known.
    """

    preset: str
    overrides: tuple[str, ...] = ()
    subject: str = "run"
    scored_with: tuple[str, ...] = ()
    published: str = ""

    def config(self) -> config_lib.Config:
        """Returns the settings of the run."""
        return overrides.override(presets.preset(self.preset), self.overrides)

    def evaluation(self) -> config_lib.Config:
        """Returns the settings of the evaluation."""
        return overrides.override(self.config(), self.scored_with)


_PIXEL = ("parameterization.name=pixel",)
# The rows share the network of the papers, whatever they were distilled with.
_WIDE = ("network.width=128",)
_FULL = ("evaluation.epochs=20", "evaluation.learning_rate=0.01")
_FRED = "Shin et al. 2023"
_DM = "Zhao & Bilen 2023"
_TM = "Cazenavette et al. 2022"
_DSA = "Zhao & Bilen 2021"

ROWS = {
    "mnist_ipc1_random": Row("mnist_ipc1_dm_cpu", (), "random", _WIDE),
    "mnist_ipc1_herding": Row("mnist_ipc1_dm_cpu", (), "herding", _WIDE),
    "mnist_ipc1_pixel_dm": Row("mnist_ipc1_dm_cpu", _PIXEL, "run", _WIDE),
    "mnist_ipc1_fred_dm": Row("mnist_ipc1_dm_cpu", (), "run", _WIDE),
    "mnist_ipc1_pixel_tm": Row("mnist_ipc1_tm_cpu", _PIXEL, "run", _WIDE),
    "mnist_ipc1_fred_tm": Row(
        "mnist_ipc1_tm_cpu", (), "run", _WIDE, f"95.8 ({_FRED})"
    ),
    "mnist_full": Row("mnist_ipc1_dm_cpu", _FULL, "full", _WIDE),
    "cifar10_ipc1_random": Row(
        "cifar10_ipc1_dm_cpu", (), "random", (), f"14.4 ± 2.0 ({_DM})"
    ),
    "cifar10_ipc1_herding": Row(
        "cifar10_ipc1_dm_cpu", (), "herding", (), f"21.5 ± 1.3 ({_DM})"
    ),
    "cifar10_ipc1_pixel_dm": Row(
        "cifar10_ipc1_dm_cpu", _PIXEL, "run", (), f"26.0 ± 0.8 ({_DM})"
    ),
    "cifar10_ipc1_fred_dm": Row("cifar10_ipc1_dm_cpu"),
    "cifar10_ipc1_pixel_tm": Row(
        "cifar10_ipc1_tm_cpu", _PIXEL, "run", (), f"46.3 ± 0.8 ({_TM})"
    ),
    "cifar10_ipc1_fred_tm": Row(
        "cifar10_ipc1_tm_cpu", (), "run", (), f"60.6 ± 0.8 ({_FRED})"
    ),
    "cifar10_ipc1_pixel_dc": Row(
        "cifar10_ipc1_dc_cpu", _PIXEL, "run", (), f"28.3 ± 0.5 ({_DSA})"
    ),
    "cifar10_ipc1_fred_dc": Row("cifar10_ipc1_dc_cpu"),
    "cifar10_ipc1_pixel_dsa": Row(
        "cifar10_ipc1_dsa_cpu", _PIXEL, "run", (), f"28.8 ± 0.7 ({_DSA})"
    ),
    "cifar10_ipc1_fred_dsa": Row("cifar10_ipc1_dsa_cpu"),
    "cifar10_full": Row(
        "cifar10_ipc1_dm_cpu", _FULL, "full", (), f"84.8 ± 0.1 ({_DM})"
    ),
}


def make(
    name: str,
    row: Row,
    runs_dir: files.Path,
    results_dir: files.Path,
    data_dir: str | None = None,
    download: bool = False,
    interruption: loop.Interruption | None = None,
) -> dict[str, Any] | None:
    """Makes one row, or goes on with it.

    Args:
        name: of the row, and of its run folder and its JSON file.
        row: the row.
        runs_dir: where run folders and experts are.
        results_dir: where the JSON file goes.
        data_dir: where TensorFlow Datasets keeps its data.
        download: whether missing data may be downloaded.
        interruption: stops the row after the current step once it holds a
            signal.

    Returns:
        What the JSON file holds; None if the row was stopped before it was
        finished.
    """
    path = pathlib.Path(results_dir) / f"{name}.json"
    config, scored = row.config(), row.evaluation()
    described = {
        "format_version": _FORMAT_VERSION,
        "config": config_lib.to_json(config),
        "evaluation": config_lib.to_json(scored),
        "subject": row.subject,
    }
    if path.exists():
        found = files.read_json(path)
        if _same(found, described):
            logging.info("%s is finished.", name)
            return found
    folder = pathlib.Path(runs_dir) / name
    folder.mkdir(parents=True, exist_ok=True)
    data = assembly.load_data(config, data_dir, download)
    spent = _Clock(folder / "minutes.json")
    if row.subject == "run":
        chosen = _distilled(
            config, folder, runs_dir, data_dir, spent, interruption
        )
    else:
        chosen = _chosen(row.subject, config, folder, data, data_dir)
    if interruption is not None and interruption.signal:
        return None
    with spent.on("evaluating"):
        result = score(scored, chosen, data, folder / "evaluation.json")
    made = {
        **described,
        "images": len(chosen.labels),
        "floats": int(chosen.floats_stored),
        "outer_steps": chosen.details.get("outer_steps"),
        "minutes": spent.minutes(),
        "hardware": _hardware(),
        **result.to_json(),
    }
    files.write_json(path, made)
    return made


def _same(found: dict[str, Any], described: dict[str, Any]) -> bool:
    """Returns whether a file holds this row, made with these settings.

    Settings that did not exist when it was made count as their defaults.
    """
    complete = {
        name: config_lib.to_json(config_lib.from_json(found[name]))
        for name in ("config", "evaluation")
    }
    return all({**found, **complete}.get(k) == v for k, v in described.items())


class _Clock:
    """Sums the time that parts of a row took, over all times it was begun."""

    def __init__(self, path: pathlib.Path):
        self._path = path
        self._spent = files.read_json(path) if path.exists() else {}

    def on(self, part: str) -> "_Part":
        return _Part(self, part)

    def add(self, part: str, minutes: float) -> None:
        self._spent[part] = self._spent.get(part, 0) + minutes
        files.write_json(self._path, self._spent)

    def minutes(self) -> dict[str, float]:
        return {part: round(spent, 1) for part, spent in self._spent.items()}


class _Part:
    def __init__(self, clock: _Clock, part: str):
        self._clock, self._part = clock, part

    def __enter__(self):
        self._begun = time.monotonic()

    def __exit__(self, *_):
        self._clock.add(self._part, (time.monotonic() - self._begun) / 60)


def _distilled(
    config: config_lib.Config,
    folder: pathlib.Path,
    runs_dir: files.Path,
    data_dir: str | None,
    spent: _Clock,
    interruption: loop.Interruption | None,
) -> SyntheticSet:
    experts = None
    if OBJECTIVES[config.objective.name].needs_experts:
        # Rows of one data set and network share their experts.
        wanted = {
            name: config_lib.to_json(config)[name]
            for name in (
                "dataset",
                "network",
                "augmentation",
                "experts",
                "seed",
            )
        }
        key = files.digest(repr(wanted).encode())[:8]
        experts = str(pathlib.Path(runs_dir) / f"experts_{key}")
        with spent.on("experts"):
            train_experts.run(config, experts, data_dir)
    with spent.on("distilling"):
        run = distill.run(
            config, folder / "run", data_dir, experts, interruption=interruption
        )
    return run.synthetic_set()


def _chosen(
    subject: str,
    config: config_lib.Config,
    folder: pathlib.Path,
    data: ImageData,
    data_dir: str | None,
) -> SyntheticSet:
    if subject == "random":
        return random_set(data, config.ipc, config.seed)
    if subject == "full":
        return full_set(data)
    return read_export(
        select_coreset.run(config, folder / "run", subject, data_dir)
    )


def _hardware() -> str:
    """Returns the processor and how many cores of it there are."""
    model = platform.processor() or platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        named = [
            line.split(":", 1)[1].strip()
            for line in info.read_text().splitlines()
            if line.startswith("model name")
        ]
        model = named[0] if named else model
    return f"{os.cpu_count()} cores, {model}"


def table(results_dir: files.Path) -> str:
    """Returns RESULTS.md, made of the JSON files alone.

    Raises:
        ValueError: a file is no result of this format version.
    """
    made = {}
    for path in sorted(pathlib.Path(results_dir).glob("*.json")):
        made[path.stem] = files.read_json(path)
        if made[path.stem].get("format_version") != _FORMAT_VERSION:
            raise ValueError(
                f"{path} must be a result of format version "
                f"{_FORMAT_VERSION}. Delete it and make its row again."
            )
    order = [*ROWS, *sorted(made.keys() - ROWS.keys())]
    lines = [
        "# Results",
        "",
        "Generated by `python -m trainers.results` from the files in "
        "`results/`, which say more: all settings, each network's accuracy. "
        "Test accuracy in per cent at the final outer step, mean and standard "
        "deviation over networks trained from scratch by the papers' recipe; "
        "nothing was chosen by it. Minutes are of distilling, experts apart.",
        "",
        "| row | images | floats | outer steps | minutes | experts | epochs | "
        "networks | accuracy | published |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in order:
        if name in made:
            lines.append(_line(name, made[name]))
    hardware = sorted({found["hardware"] for found in made.values()})
    missing = [name for name in ROWS if name not in made]
    lines += ["", f"Hardware: {'; '.join(hardware) or 'none yet'}."]
    if missing:
        lines += ["", f"Not made yet: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _line(name: str, found: dict[str, Any]) -> str:
    minutes = found["minutes"]
    accuracy = Evaluation(tuple(found["accuracies"]), found["learning_rate"])
    cells = [
        f"`{name}`",
        f"{found['images']:,}",
        f"{found['floats']:,}",
        "" if found["outer_steps"] is None else f"{found['outer_steps']:,}",
        minutes.get("distilling", ""),
        minutes.get("experts", ""),
        f"{found['evaluation']['evaluation']['epochs']:,}",
        len(found["accuracies"]),
        str(accuracy).replace("+-", "±").removesuffix(" %"),
        ROWS[name].published if name in ROWS else "",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def program() -> int:
    run_flags.set_determinism()
    names = [] if NAMES.value == ["none"] else NAMES.value or list(ROWS)
    for name in names:
        check_one_of("--rows", name, ROWS)
        assembly.check_network(ROWS[name].evaluation())
    with loop.Interruption().watching() as interruption:
        for name in names:
            make(
                name,
                ROWS[name],
                RUNS_DIR.value,
                RESULTS_DIR.value,
                run_flags.DATA_DIR.value,
                run_flags.DOWNLOAD.value,
                interruption,
            )
            files.write_text(TABLE.value, table(RESULTS_DIR.value))
            if interruption.signal:
                print("Stopped; run again to continue.")
                return interruption.exit_code
    files.write_text(TABLE.value, table(RESULTS_DIR.value))
    print(TABLE.value)
    return 0


def main() -> None:
    run_flags.start(program)


if __name__ == "__main__":
    flags.adopt_module_key_flags(run_flags)
    main()
