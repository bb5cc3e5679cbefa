"""Trains experts on real data and stores their trajectories.

    python -m trainers.train_experts --preset=cifar10_ipc1_tm \\
        --data_dir=~/tensorflow_datasets --expert_dir=experts/cifar10

Experts serve every trajectory-matching preset with the same data set, network
and expert settings. A stopped run continues with the next expert when the same
command is given again; `--override experts.count=...` adds more.
"""

import time

from absl import flags, logging

from fred_tf import assembly, datasets
from fred_tf.config import Config
from fred_tf.expert_store import ExpertStore
from trainers import run_flags


def run(
    config: Config,
    expert_dir: str,
    data_dir: str | None = None,
    download: bool = False,
) -> ExpertStore:
    """Trains what is missing of a config's experts.

    Args:
        config: its `experts`, `network`, `augmentation`, `dataset` and `seed`
            are used.
        expert_dir: folder of the store; made if missing.
        data_dir: where TensorFlow Datasets keeps its data.
        download: whether missing data may be downloaded.

    Returns:
        The store, with `experts.count` trajectories or more.
    """
    data = datasets.load(config.dataset, data_dir, download)
    trainer = assembly.expert_trainer(config, data)
    store = ExpertStore.create_or_open(
        expert_dir,
        {
            **assembly.expert_description(config, data),
            "parameters": trainer.network.size,
            "epochs": config.experts.epochs,
            "seed": config.seed,
        },
    )
    begun = spoken = time.monotonic()

    def report(expert: int, epoch: int, accuracy: float | None) -> None:
        nonlocal spoken
        now = time.monotonic()
        if accuracy is None and now - spoken < 10:
            return
        spoken = now
        logging.info(
            "expert %d of %d, epoch %d of %d%s (%.0f s)",
            expert + 1,
            config.experts.count,
            epoch,
            config.experts.epochs,
            "" if accuracy is None else f", test accuracy {accuracy:.3f}",
            now - begun,
        )

    trainer.train(store, config.experts.count, report)
    return store


def program() -> None:
    run_flags.set_determinism()
    config = run_flags.config()
    expert_dir = run_flags.required(run_flags.EXPERT_DIR)
    store = run(
        config, expert_dir, run_flags.DATA_DIR.value, run_flags.DOWNLOAD.value
    )
    print(f"{len(store)} experts of {store.epochs} epochs in {expert_dir}")


def main() -> None:
    run_flags.start(program)


if __name__ == "__main__":
    flags.adopt_module_key_flags(run_flags)
    main()
