"""Runs a packed distillation where there is JAX but no TensorFlow.

    python run.py --minutes=60

`python -m trainers.elsewhere --pack=FOLDER` makes the pack and copies this file
and its neighbours into it; they need nothing but JAX and NumPy. Outer steps are
made, where there are any to make, and then networks are trained on the set and
scored. The same command goes on with what was stopped.

    pack.json     what to do
    *.jax         what happens in a step, as StableHLO
    images.npz    the real training images, uint8 or float32, and labels
    state.npz     `step`, and all that a step changes, as it is now
    experts.npy   expert trajectories, once they are trained
    metrics.jsonl what each step reported
    set.npz       images and labels to train on, where none are distilled here
    test.npz      the real test images, and labels
    scores.json   test accuracies, and of which step
    spent.json    device, minutes, and where this run differs from the same one
                  made with TensorFlow, see `differences.py` and --help
"""

import argparse
import pathlib

import differences
from distil import distil
from pack import Pack
from score import score


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Runs a packed distillation with JAX, and scores its set.",
        epilog="Where it differs from the same run made with TensorFlow, as "
        f"far as it is true of this pack:{differences.listed()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=float("inf"),
        help="After how many to stop distilling, and score.",
    )
    parser.add_argument(
        "--pack", type=pathlib.Path, default=pathlib.Path(__file__).parent
    )
    arguments = parser.parse_args()
    pack = Pack(arguments.pack)
    if "reference" in pack.about:
        distil(pack, arguments.minutes)
    score(pack)


if __name__ == "__main__":
    main()
