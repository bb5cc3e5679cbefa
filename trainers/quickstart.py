"""The whole way on a data set that is already here, in a few minutes.

    python -m trainers.quickstart --run_dir=runs/quickstart

On `digits` (1,797 real images of 8x8, part of scikit-learn): trains experts,
distils them into FreD's frequency memory and, for comparison, into pixels of
the same number of floats, evaluates both beside random real images and the
full training set, exports, and reads the exports back. Prints and saves a
table. Stopped, it continues when it is started again.
"""

import pathlib
import time

from export import exporting, flags
from fred_tf import assembly, presets
from fred_tf import config as config_lib
from fred_tf.coresets import full_set, random_set
from fred_tf.disk import files, replaceable
from fred_tf.scoring import score
from trainers import distill, run_flags, train_experts
from trainers.results.digits import FULL, PIXEL, PRESET

RUN_DIR = "runs/quickstart"
_HEADER = "| trained on | images | floats stored | test accuracy |"


def run(config: config_lib.Config, run_dir: files.Path) -> str:
    """Goes the whole way and returns the table as Markdown.

    Args:
        config: a trajectory-matching preset on a data set that needs no
            `--data_dir`.
        run_dir: folder of everything that is made.
    """
    root = pathlib.Path(run_dir)
    table_path = root / "table.md"
    replaceable.check_file(table_path, _HEADER.encode())
    data = assembly.load_data(config)
    experts = str(root / "experts")
    train_experts.run(config, experts)
    runs = {
        name: distill.run(
            config_lib.replace(config, changes), root / name, expert_dir=experts
        )
        for name, changes in (("pixel", PIXEL), ("fred", {}))
    }
    labels = {
        "random": "random real images",
        "pixel": "pixels, distilled",
        "fred": "FreD, distilled",
        "full": "full training set",
    }
    sets = {
        "random": random_set(data, config.ipc, config.seed),
        "full": full_set(data),
        **{name: finished.synthetic_set() for name, finished in runs.items()},
    }
    rows = []
    for name, label in labels.items():
        result = score(
            config_lib.replace(config, FULL if name == "full" else {}),
            sets[name],
            data,
            root / f"evaluation_{name}.json",
        )
        images, floats = len(sets[name].labels), sets[name].floats_stored
        rows.append(f"| {label} | {images:,} | {floats:,} | {result} |")
    exporting.run(runs["fred"], root / "export")
    networks = config.evaluation.networks
    table = "\n".join(
        [
            _HEADER,
            "|---|---|---|---|",
            *rows,
            "",
            f"{config.dataset}, ipc {config.ipc}, seed {config.seed}; mean and "
            f"standard deviation of {networks} networks.",
        ]
    )
    files.write_text(table_path, table + "\n")
    return table


@run_flags.program
def main() -> None:
    run_flags.set_determinism()
    begun = time.monotonic()
    run_dir = run_flags.RUN_DIR.value or RUN_DIR
    config = config_lib.replace(
        presets.preset(PRESET), {"seed": flags.FLAGS.seed}
    )
    table = run(run_flags.override(config), run_dir)
    print(f"\n{table}\n")
    print(f"{time.monotonic() - begun:.0f} s. Look at {run_dir}/export.")


if __name__ == "__main__":
    main()
