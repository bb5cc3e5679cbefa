"""Runs a packed distillation where there is JAX but no TensorFlow.

    python run.py --minutes=60

`python -m trainers.elsewhere --pack=FOLDER` makes the pack and copies this file
and its neighbours into it; they need nothing but JAX and NumPy. Outer steps are
made, where there are any to make, and then networks are trained on the set and
scored. The same command goes on with what was stopped.

    pack.json     what to do
    *.jax         what happens in a step, as StableHLO
    data/*/       the real images and labels, see `images.py`
    experts/*/    how experts are trained, and their trajectories
    state.npz     `step`, and all that a step changes, as it is now
    metrics.jsonl what each step reported
    set.npz       images and labels to train on, where none are distilled here
    scores.json   test accuracies, and of which step
    spent.json    device, minutes, and where this run differs from the same one
                  made with TensorFlow, see `differences.py` and --help

In a folder of several packs, which `python -m trainers.results --pack=FOLDER`
makes, it makes one after the other, see `rows.py`: what is unfinished shares
the minutes, which then hold for everything, and the same command goes on.

    python run.py --minutes=9 --processes=5
"""

import argparse
import pathlib
import time

import differences
import experts
import rows
from distil import distil
from pack import Pack
from score import score

HERE = pathlib.Path(__file__).parent


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
    parser.add_argument("--pack", type=pathlib.Path, default=HERE)
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        help="How many experts to train at once.",
    )
    parser.add_argument(
        "--score",
        choices=("now", "complete"),
        help="Score what there is, as for a pack alone, or only what has all "
        "its steps, as for one of several.",
    )
    # For the processes that this one starts.
    parser.add_argument("--experts", help=argparse.SUPPRESS)
    parser.add_argument(
        "--end", type=float, default=float("inf"), help=argparse.SUPPRESS
    )
    arguments = parser.parse_args()
    if (arguments.pack / rows.ROWS).exists():
        rows.make(
            arguments.pack,
            arguments.minutes,
            arguments.processes,
            arguments.score or "complete",
        )
        return
    pack = Pack(arguments.pack)
    if arguments.experts:
        first, every = map(int, arguments.experts.split("/"))
        experts.train_some(pack, arguments.minutes, first, every)
        return
    make(pack, arguments)


def make(pack: Pack, arguments: argparse.Namespace) -> None:
    """Trains experts, distils, and scores, as far as the time goes."""
    begun = time.monotonic()
    if "reference" in pack.about:
        if not experts.train(pack, arguments.minutes, arguments.processes):
            return
        spent = (time.monotonic() - begun) / 60
        distil(pack, arguments.minutes - spent)
        complete = pack.step >= pack.about["outer_steps"]
        if arguments.score == "complete" and not (
            complete or "lost" in pack.spent
        ):
            return
    score(pack, arguments.end)


if __name__ == "__main__":
    main()
