"""Trains experts on real data and stores their trajectories.

    python -m trainers.train_experts --preset=cifar10_ipc1_tm \\
        --data_dir=~/tensorflow_datasets --expert_dir=experts/cifar10

Experts serve every trajectory-matching preset with the same data set, network
and expert settings, as long as enough of their epochs are stored. A stopped
run continues with the next expert when the same command is given again;
`--override experts.count=...` adds more.

A hundred experts take much room: `--override experts.dtype=float16` halves it
(`fred_tf.experts.trajectory_array` says what that costs), and `--override
experts.stored_epochs=...` keeps only the first epochs. How many the preset
uses, and what keeping only those would take, the program says at its start;
all are kept unless asked otherwise, because other presets may use more, and
what was not stored must be trained again.

Several processes share the work when they write to one folder and each finds
its place in the environment variable TF_CONFIG, as `tf.distribute` reads it:

    TF_CONFIG='{"cluster": {"worker": ["a:1", "b:1"]},
                "task": {"type": "worker", "index": 0}}'

Nothing is sent to these addresses. The store is the same however many
processes trained it.

    python -m trainers.train_experts --list_experts --expert_dir=DIR

says what a store holds and what is damaged, and with a --preset or --row also
how much of it these settings use.
"""

from absl import logging

from export import flags
from fred_tf import assembly, distilling, progress
from fred_tf.config import Config
from fred_tf.datasets.data_facts import on_split, tested_on
from fred_tf.distillation import devices
from fred_tf.experts.inspection import StoredExpert, inspect
from fred_tf.experts.store import ExpertStore
from fred_tf.experts.trainer import checked_worker
from fred_tf.experts.trajectory_array import DTYPES
from fred_tf.objectives import TrajectoryMatching
from fred_tf.training.evaluation import Evaluation
from trainers import run_flags
from trainers.results.row import Row

_LIST = flags.DEFINE_bool(
    "list_experts", False, "Prints what --expert_dir holds, exits."
)
_VERIFY = flags.DEFINE_bool(
    "verify", False, "With --list_experts: also compares every SHA-256."
)
flags.only_with(_LIST, _VERIFY)


def run(
    config: Config,
    expert_dir: str,
    data_dir: str | None = None,
    download: bool = False,
    worker: tuple[int, int] = (0, 1),
) -> ExpertStore:
    """Trains what is missing of a config's experts.

    Args:
        config: its `experts`, `network`, `augmentation`, `dataset` and `seed`
            are used.
        expert_dir: folder of the store; made if missing.
        data_dir: where TensorFlow Datasets keeps its data.
        download: whether missing data may be downloaded.
        worker: index of this process among those that share the work, and how
            many there are.

    Returns:
        The store, with this worker's share of `experts.count` trajectories and
        what others have appended.
    """
    devices.refuse_auto_jit()
    index, workers = checked_worker(worker)
    assembly.check_network(config)
    assembly.check_experts(config, expert_dir)
    data = assembly.load_data(config, data_dir, download)
    store = assembly.expert_store(config, data, expert_dir)
    logging.info("%s", usage(config, store, config.experts.count))
    told_on = f"test accuracy{on_split(data.tested_on)}"
    missing = store.missing(range(index, config.experts.count, workers))
    made = 0
    with progress.shown(
        "epoch", len(missing) * config.experts.epochs, lasting=True
    ) as report:

        def on_epoch(expert: int, epoch: int, accuracy: float | None) -> None:
            nonlocal made
            made += 1
            which = f"expert {expert + 1} of {config.experts.count}"
            report(made, which)
            if accuracy is not None:
                logging.info("%s, %s %.3f", which, told_on, accuracy)

        return distilling.train_experts(
            data, config, expert_dir, on_epoch, worker
        )


def usage(config: Config, store: ExpertStore, count: int) -> str:
    """Returns how much of what a store keeps the objective can use, as text.

    Args:
        config: its objective counts.
        store: as experts are stored.
        count: experts whose room is told.
    """
    if not isinstance(config.objective, TrajectoryMatching.Settings):
        return f"{config.objective.name} uses no experts."
    objective = config.objective
    used = objective.last_epoch
    row = count * store.parameters * DTYPES[store.dtype][0].itemsize / 1e6
    stored = (
        f"{objective.name} uses epochs 0 to {used}, {store.epochs} are stored: "
        f"{(store.epochs + 1) * row:.3f} MB for {count} "
        f"expert{'' if count == 1 else 's'}"
    )
    if used >= store.epochs:
        return f"{stored}."
    return (
        f"{stored}, or {(used + 1) * row:.3f} MB with `--override "
        f"experts.stored_epochs={used}` in a folder of their own."
    )


_ROW = "{:>6}  {:22}  {:>6}  {:8}  {:>9}  {:>8}  {}"


def table(store: ExpertStore, experts: list[StoredExpert]) -> str:
    """Returns what `inspect` tells as aligned text."""
    heads = ("number", "file", "epochs", "dtype", "MB", "accuracy", "")
    lines = [_ROW.format(*heads).rstrip()]
    for number, expert in enumerate(experts):
        accuracy = expert.facts.get("test_accuracy")
        cells = (
            number,
            expert.file,
            expert.epochs,
            expert.dtype,
            f"{expert.bytes / 1e6:.3f}",
            "" if accuracy is None else f"{100 * accuracy:.1f} %",
            "damaged" if expert.damage else "",
        )
        lines.append(_ROW.format(*cells).rstrip())
    lines += [expert.damage for expert in experts if expert.damage]
    return "\n".join([*lines, _summary(store, experts)])


def _summary(store: ExpertStore, experts: list[StoredExpert]) -> str:
    usable = [expert for expert in experts if not expert.damage]
    megabytes = sum(expert.bytes for expert in usable) / 1e6
    network = dict(store.description.get("network") or {})
    settings = [f"{name} {value}" for name, value in network.items()]
    parts = [
        f"{len(usable)} usable of {len(experts)} experts",
        f"{megabytes:.3f} MB",
        str((store.data or {}).get("name", "unnamed data")),
        ", ".join(settings).removeprefix("name ") or "unnamed network",
    ]
    if convolutions := store.description.get("convolutions"):
        parts.append(f"convolutions of {convolutions}")
    scored = [
        expert.facts
        for expert in usable
        if expert.facts.get("test_accuracy") is not None
    ]
    alike = [facts for facts in scored if "test" not in facts]
    if alike:
        scores = tuple(facts["test_accuracy"] for facts in alike)
        on = on_split(tested_on(store.data or {}))
        parts.append(f"test accuracy{on} {Evaluation(scores, 0.0)}")
    if others := len(scored) - len(alike):
        parts.append(f"{others} scored on other test images")
    return "; ".join(parts)


@run_flags.of_settings("expert_dir")
def main() -> int:
    expert_dir = run_flags.required(run_flags.EXPERT_DIR)
    if _LIST.value:
        run_flags.refuse_changes()
        store = ExpertStore(expert_dir)
        experts = inspect(store, _VERIFY.value)
        print(table(store, experts))
        if run_flags.has_settings():
            print(usage(run_flags.config(Row.config), store, len(store)))
        return int(any(expert.damage for expert in experts))
    run_flags.set_determinism()
    config, worker = run_flags.config(Row.config), devices.worker()
    store = run(
        config,
        expert_dir,
        run_flags.DATA_DIR.value,
        run_flags.DOWNLOAD.value,
        worker,
    )
    print(
        f"{len(store)} experts, {store.epochs} epochs of each, in {expert_dir}"
    )
    return 0


if __name__ == "__main__":
    main()
