"""Distils and scores on a machine that has JAX but no TensorFlow.

    python -m trainers.elsewhere --preset=cifar10_ipc1_tm --pack=packs/tm
    python packs/tm/run.py --minutes=60          # over there
    python -m trainers.elsewhere --bring_back=packs/tm --run_dir=runs/tm

TensorFlow's own kernels may lag behind an accelerator that JAX already drives,
and the two share a compiler, XLA. The first command writes a folder that holds
all a run needs: the step, the training of experts and of the networks that
score the result as StableHLO, the memory as it begins, and the real images. The
second, on the other machine, trains the experts, makes outer steps, and scores
the set; it needs JAX and NumPy. The third makes a run folder of what came back,
with its evaluations, so that exports and pictures go on as if the run had been
made here. What has come back can be brought back again later.

    python -m trainers.elsewhere --score --run_dir=runs/a --pack=packs/a \
        --networks=convnet,resnet18

packs a set that is already there, to be scored only, as `trainers.evaluate`
would score it: the set of a run, or what `--baseline` or `--exported` say.

What comes back differs from the same run made here. `spent.json` of the pack,
and `elsewhere.json` of the run folder, list under `differences` what is true of
it among these:
"""

import pathlib
import shlex

from export import flags
from fred_tf import assembly
from fred_tf.datasets.data_facts import on_split, tested_on
from trainers import evaluate, exported_flags, run_flags
from trainers.elsewhere import (
    pack_flag,
    packed_scoring,
    packing,
    reading,
    unpacking,
)
from trainers.elsewhere.pack_flag import OVERWRITE, PACK
from trainers.elsewhere.runner import differences

# The sentences stand in the runner alone.
__doc__ = f"{__doc__}{differences.listed()}\n"

BRING_BACK = flags.DEFINE(
    run_flags.FOLDER,
    "bring_back",
    None,
    "Pack to make the run folder `--run_dir` of.",
)
SCORE = flags.DEFINE_bool(
    "score", False, "Packs a set to be scored, instead of a run to be made."
)
flags.adopt_module_key_flags(evaluate)
flags.adopt_module_key_flags(pack_flag)
flags.one_of(PACK, BRING_BACK)
flags.not_with(PACK, evaluate.NAME)
flags.not_with(BRING_BACK, SCORE, evaluate.NETWORKS, *run_flags.SETTINGS)


def _not_to_score() -> list[flags.FlagHolder]:
    """Returns flags that say what to score, and nothing else at present."""
    exported = exported_flags.EXPORTED, *exported_flags.SAID.values()
    of_sets = [evaluate.BASELINE, *exported]
    return of_sets if BRING_BACK.value else [*of_sets, run_flags.RUN_DIR]


@run_flags.of_settings("run_dir")
def main() -> int:
    run_flags.set_determinism()
    for flag in (evaluate.CORRUPTIONS, evaluate.TEST_ON, evaluate.MODEL):
        if flag.value:
            raise ValueError(
                f"Only `trainers.evaluate` takes `--{flag.name}`. Received: "
                f"{flag.value}. Leave it out here."
            )
    for flag in () if SCORE.value else _not_to_score():
        if flag.value:
            raise ValueError(
                f"`--{flag.name}` is of a set to be scored. Received: "
                f"{flag.value} without `--score`. Give both, or neither."
            )
    if BRING_BACK.value:
        run_dir = run_flags.required(run_flags.RUN_DIR)
        evaluations = unpacking.bring_back(
            BRING_BACK.value,
            run_dir,
            run_flags.DATA_DIR.value,
            evaluate.NAME.value,
            download=run_flags.DOWNLOAD.value,
        )
        facts = reading.read(pathlib.Path(BRING_BACK.value)).data
        on = on_split(tested_on(facts))
        for network, evaluation in evaluations.items():
            print(f"{evaluation} test accuracy{on} of {network}: {run_dir}")
        if not evaluations:
            program = run_flags.command("trainers.evaluate")
            print(f"Next: {program} --run_dir={shlex.quote(run_dir)}")
        return 0
    folder = run_flags.required(PACK)
    source = run_flags.DATA_DIR.value, run_flags.DOWNLOAD.value
    networks = evaluate.NETWORKS.value
    if SCORE.value:
        run_dir = run_flags.required(run_flags.RUN_DIR)
        config, word, make, _ = evaluate.subject(run_dir)
        packed_scoring.check(config.evaluation)
        data = assembly.load_data(
            config, run_flags.data_dir(run_dir), run_flags.DOWNLOAD.value
        )
        packing.pack_set(
            config,
            folder,
            make(data),
            data,
            word,
            networks,
            OVERWRITE.value,
        )
    else:
        packing.pack(
            run_flags.config(), folder, *source, networks, OVERWRITE.value
        )
    run = pathlib.Path(folder) / "run.py"
    print(f"Next, where JAX is: python {shlex.quote(str(run))}")
    return 0


if __name__ == "__main__":
    main()
