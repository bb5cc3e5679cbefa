"""Runs a packed distillation where there is JAX but no TensorFlow.

    python run.py --minutes=60

`python -m trainers.elsewhere --pack=FOLDER` makes the pack and copies this file
and the folder beside it into it; they need nothing but JAX and NumPy. Outer
steps are made, where there are any to make, and then networks are trained on
the set and scored. The same command goes on with what was stopped.

    pack.json     what to do, and the SHA-256 of what has no seal of its own
    *.jax         what happens in a step, as StableHLO
    data/*/       the real images and labels, see `runner/images.py`
    experts/*/    how experts are trained, and their trajectories
    state.npz     `step`, and all that a step changes, as it is now
    constants.npz what no step changes, such as masks, for where it comes back
    metrics.jsonl what each step reported
    set.npz       images and labels to train on, where none are distilled here
    scores.json   test accuracies, and of which step
    spent.json    device, minutes, and where this run differs from the same one
                  made with TensorFlow, see `runner/differences.py` and --help
    programs.json the SHA-256 of this file and of those in `runner`
    .lock         which process makes the pack; one at a time does

A file that is not as it was written is refused by name. What a pack says is
run: run only packs that you made.

In a folder of several packs, which `python -m trainers.results --pack=FOLDER`
makes, it makes one after the other, see `rows.py`: what is unfinished shares
the minutes, which then hold for everything, and the same command goes on.

    python run.py --minutes=9 --processes=5
"""

import argparse
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).parent


def main() -> int:
    try:
        return _main()
    except (ValueError, OSError) as error:
        if os.environ.get("FRED_TF_TRACEBACK"):
            raise
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; run again to continue.", file=sys.stderr)
        return 130


def _main() -> int:
    # Imports wait until the programs are known to be as they were packed.
    sys.dont_write_bytecode = True
    from runner import sealed

    if (HERE / "pack.json").exists() or (HERE / "rows.json").exists():
        sealed.check_programs(HERE)
    from runner import differences, lock, rows

    arguments = _arguments(differences.listed())
    if arguments.parent:
        lock.end_with(arguments.parent)
    if arguments.experts:
        from runner import experts
        from runner.pack import Pack

        first, every = map(int, arguments.experts.split("/"))
        pack = Pack(arguments.pack)
        experts.train_some(pack, arguments.minutes, first, every)
        return 0
    with lock.exclusive(arguments.pack):
        if (arguments.pack / rows.ROWS).exists():
            rows.make(
                arguments.pack,
                arguments.minutes,
                arguments.processes,
                arguments.score or "complete",
            )
        else:
            make(arguments)
    return 0


def _arguments(listed: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Runs a packed distillation with JAX, and scores its set.",
        epilog="Where it differs from the same run made with TensorFlow, as "
        f"far as it is true of this pack:{listed}",
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
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    parser.add_argument(
        "--end", type=float, default=float("inf"), help=argparse.SUPPRESS
    )
    arguments = parser.parse_args()
    # A minute that is no number is never over.
    if not (arguments.minutes >= 0 and arguments.processes >= 1):
        parser.error("--minutes is at least 0, and --processes at least 1.")
    return arguments


def make(arguments: argparse.Namespace) -> None:
    """Trains experts, distils, and scores, as far as the time goes."""
    from runner import experts
    from runner.distil import distil
    from runner.pack import Pack
    from runner.score import score

    pack = Pack(arguments.pack)
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
    sys.exit(main())
