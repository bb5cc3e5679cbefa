"""Runs a packed distillation where there is JAX but no TensorFlow.

    python run.py --minutes=60

`python -m trainers.elsewhere --pack=FOLDER` makes the pack and puts this file
into it as `run.py`; it needs nothing but JAX and NumPy. It makes outer steps,
where there are any to make, and then trains networks on the set and scores
them. The same command goes on with what was stopped.

    pack.json     what to do
    *.jax         what happens in a step, as StableHLO
    images.npz    the real training images, uint8 or float32, and labels
    state.npz     `step`, and all that a step changes, as it is now
    experts.npy   expert trajectories, once they are trained
    metrics.jsonl what each step reported
    set.npz       labels to train networks on; images too, if none are distilled
    test.npz      the real test images, and labels
    scores.json   test accuracies, and of which step
    spent.json    device and minutes
"""

import argparse
import functools
import json
import os
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

BLOCK = 20  # Outer steps made on the device between looks at the clock.
SAVE_EVERY = 30.0  # Seconds between saved states.


class Pack:
    """The folder of a packed run.

    Args:
        folder: where `trainers.elsewhere` wrote it.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.about = json.loads((folder / "pack.json").read_text())
        self.step, self.leaves = 0, []
        if "reference" in self.about:
            with np.load(folder / "state.npz") as saved:
                self.step = int(saved["step"])
                count = len(saved.files) - 1
                self.leaves = [jnp.asarray(saved[str(i)]) for i in range(count)]
        path = folder / "spent.json"
        self.spent = json.loads(path.read_text()) if path.exists() else {}
        self.spent["device"] = jax.devices()[0].device_kind

    def function(self, name: str):
        """Returns a lowered function."""
        data = (self.folder / f"{name}.jax").read_bytes()
        return export.deserialize(data).call

    def images(self) -> tuple[jax.Array, jax.Array]:
        """Returns the real images and their labels."""
        with np.load(self.folder / "images.npz") as stored:
            return jnp.asarray(stored["images"]), jnp.asarray(stored["labels"])

    def save(self, leaves: list[jax.Array], step: int) -> None:
        """Writes the state; a kill leaves the old one or the new one."""
        self.leaves, self.step = leaves, step
        values = {str(i): np.asarray(leaf) for i, leaf in enumerate(leaves)}
        self._replace(
            "state.npz", lambda file: np.savez(file, step=step, **values)
        )
        self._write_json("spent.json", self.spent)

    def synthetic_set(self) -> tuple[jax.Array, jax.Array, float]:
        """Returns images, labels, and the step size that they are given."""
        with np.load(self.folder / "set.npz") as stored:
            labels = jnp.asarray(stored["labels"])
            if "images" in stored:
                return jnp.asarray(stored["images"]), labels, stored["rate"]
        images, rate = jax.jit(self.function("decode"))(self.leaves)
        return images, labels, np.asarray(rate)

    def scores(self) -> dict:
        """Returns what was scored of the present step."""
        path = self.folder / "scores.json"
        found = json.loads(path.read_text()) if path.exists() else {}
        same = found.get("step") == self.step
        return found if same else {"step": self.step, "networks": {}}

    def save_scores(self, scores: dict) -> None:
        """Keeps the accuracies of one more network."""
        self._write_json("scores.json", scores)
        self._write_json("spent.json", self.spent)

    def save_experts(self, experts: np.ndarray) -> None:
        """Keeps the trajectories for the next time."""
        self._replace("experts.npy", lambda file: np.save(file, experts))

    def append_metrics(
        self, first: int, scalars: dict[str, np.ndarray]
    ) -> None:
        """Appends a line for each step of a block."""
        with open(self.folder / "metrics.jsonl", "a") as file:
            for i in range(len(scalars["loss"])):
                found = {name: float(v[i]) for name, v in scalars.items()}
                file.write(json.dumps({"step": first + i + 1, **found}) + "\n")

    def rewind_metrics(self) -> None:
        """Drops the lines of steps that will be made again."""
        path = self.folder / "metrics.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        kept = "".join(f"{line}\n" for line in lines[: self.step])
        self._replace("metrics.jsonl", lambda file: file.write(kept.encode()))

    def _write_json(self, name, value) -> None:
        text = json.dumps(value).encode()
        self._replace(name, lambda file: file.write(text))

    def _replace(self, name, write) -> None:
        temporary = self.folder / f"{name}.tmp"
        with open(temporary, "wb") as file:
            write(file)
        os.replace(temporary, self.folder / name)


def expert_segments(pack: Pack, key: jax.Array):
    """Returns how to draw a segment of an expert trajectory, and from what.

    Experts are trained first, the epochs that segments need; their trajectories
    `[experts, epochs + 1, parameters]` stay on the device.
    """
    about, path = pack.about["reference"], pack.folder / "experts.npy"
    if not path.exists():
        begun = time.monotonic()
        pack.save_experts(_train_experts(pack, about, key))
        pack.spent["experts"] = (time.monotonic() - begun) / 60
    experts = jnp.asarray(np.load(path))

    def draw(experts, key):
        of_expert, of_start = jax.random.split(key)
        expert = jax.random.randint(of_expert, (), 0, len(experts))
        start = jax.random.randint(of_start, (), 0, about["max_start_epoch"])
        end = start + about["expert_epochs"]
        return {"start": experts[expert, start], "target": experts[expert, end]}

    return draw, experts


def _train_experts(pack: Pack, about: dict, key: jax.Array) -> np.ndarray:
    images, labels = pack.images()
    start, step = pack.function("expert_start"), pack.function("expert_step")
    batch = min(about["batch_size"], len(labels))
    batches = len(labels) // batch  # What is left over waits for next epoch.

    @jax.jit
    def epoch(state, key, images, labels):
        of_order, of_batches = jax.random.split(key)
        order = jax.random.permutation(of_order, len(labels))
        order = order[: batches * batch].reshape(batches, batch)
        seeds = _seeds(of_batches, batches)

        def one(state, chosen):
            members, seed = chosen
            return step(*state, images[members], labels[members], seed), None

        return jax.lax.scan(one, state, (order, seeds))[0]

    trajectories = []
    for number, seed in enumerate(about["expert_seeds"]):
        theta = jax.jit(start)(np.array(seed, np.int32))
        state, trajectory = (theta, jnp.zeros_like(theta)), [theta]
        expert_key = jax.random.fold_in(key, number)
        for i in range(about["epochs"]):
            of_epoch = jax.random.fold_in(expert_key, i)
            state = epoch(state, of_epoch, images, labels)
            trajectory.append(state[0])
        trajectories.append(np.stack([np.asarray(x) for x in trajectory]))
        print(
            f"expert {number + 1} of {len(about['expert_seeds'])}", flush=True
        )
    return np.stack(trajectories)


def class_batches(pack: Pack, key: jax.Array):
    """Returns how to draw as many images of each class, and from what."""
    about = pack.about["reference"]
    images, labels = pack.images()
    counts = np.bincount(np.asarray(labels), minlength=about["classes"])
    # Row c lists the images of class c, then zeros that are never drawn.
    members = np.zeros((about["classes"], counts.max()), np.int32)
    for label, count in enumerate(counts):
        members[label, :count] = np.flatnonzero(np.asarray(labels) == label)
    occupied = np.arange(counts.max()) < counts[:, None]

    def draw(images, key):
        numbers = jax.random.uniform(key, members.shape)
        numbers = jnp.where(occupied, numbers, -1.0)
        places = jax.lax.top_k(numbers, about["per_class"])[1]
        return {"images": images[jnp.take_along_axis(members, places, axis=1)]}

    return draw, images


def _seeds(key: jax.Array, count: int) -> jax.Array:
    bits = jax.random.bits(key, (count, 2), jnp.uint32)
    return jax.lax.bitcast_convert_type(bits, jnp.int32)


REFERENCES = {
    "expert_segments": expert_segments,
    "class_batches": class_batches,
}


def distil(pack: Pack, minutes: float) -> None:
    """Makes outer steps until all are made or the time is spent."""
    deadline = time.monotonic() + 60 * minutes
    pack.rewind_metrics()
    about = pack.about
    key = jax.random.key(about["seed"])
    of_source, of_steps = jax.random.split(key)
    make = REFERENCES[about["reference"]["kind"]]
    draw, source = make(pack, of_source)
    step = pack.function("step")

    @functools.partial(jax.jit, static_argnames="count")
    def advance(leaves, source, first, count):
        def one(leaves, number):
            of_step = jax.random.fold_in(of_steps, number)
            keys = jax.random.split(of_step, about["references_per_step"])
            references = jax.vmap(lambda key: draw(source, key))(keys)
            return step(leaves, references, number)

        return jax.lax.scan(one, leaves, first + jnp.arange(count))

    leaves, made = pack.leaves, pack.step
    begun = saved = time.monotonic()
    before = pack.spent.get("distilling", 0.0)
    while made < about["outer_steps"] and time.monotonic() < deadline:
        block = time.monotonic()
        count = min(BLOCK, about["outer_steps"] - made)
        leaves, scalars = advance(leaves, source, np.int32(made), count)
        scalars = {name: np.asarray(v) for name, v in scalars.items()}
        now = time.monotonic()
        if not scalars["finite"].all():
            raise SystemExit(
                f"A step after step {made} has a loss or gradient that is not "
                f"finite. {pack.folder} keeps the last state that was saved. "
                "Lower `distiller.memory_learning_rate` and pack again."
            )
        pack.append_metrics(made, scalars)
        made += count
        pack.spent["distilling"] = before + (now - begun) / 60
        if now - saved > SAVE_EVERY or made >= about["outer_steps"]:
            pack.save(leaves, made)
            saved = now
            print(
                f"step {made} of {about['outer_steps']}: loss "
                f"{scalars['loss'].mean():.4f}, "
                f"{1000 * (now - block) / count:.1f} ms a step",
                flush=True,
            )
    pack.save(leaves, made)
    print(f"{made} of {about['outer_steps']} steps, {pack.spent}", flush=True)


def score(pack: Pack) -> None:
    """Trains networks on the set and keeps their test accuracies."""
    about, scores = pack.about["scoring"], pack.scores()
    images, labels, rate = pack.synthetic_set()
    scores["rate"] = float(rate)
    with np.load(pack.folder / "test.npz") as test:
        test_images, test_labels = jnp.asarray(test["images"]), test["labels"]
    for network in about["networks"]:
        train = _trainer(pack, network, images, labels, float(rate))
        classify = _classifier(pack, network, len(test_labels))
        found = scores["networks"].setdefault(network, [])
        for number in range(len(found), len(about["seeds"])):
            begun = time.monotonic()
            predicted = classify(*train(number), test_images)
            right = np.asarray(predicted) == test_labels
            found.append(float(right.mean()))
            spent = (time.monotonic() - begun) / 60
            pack.spent["scoring"] = pack.spent.get("scoring", 0.0) + spent
            pack.save_scores(scores)
            print(
                f"{network}, network {number + 1} of {len(about['seeds'])}: "
                f"test accuracy {found[-1]:.4f}",
                flush=True,
            )


def _trainer(pack: Pack, network: str, images, labels, rate: float):
    """Returns a function of a network's number: parameters, statistics."""
    about = pack.about["scoring"]
    size, start = about["batch_size"], pack.function(f"{network}_start")
    whole, rest = divmod(len(labels), size)
    steps = {
        count: pack.function(f"{network}_step_{count}")
        for count in (size if whole else 0, rest)
        if count
    }

    @jax.jit
    def phase(state, key, passes, rate, images, labels):
        def batch(state, chosen):
            members, seed = chosen
            step = steps[len(members)]
            return step(state, images[members], labels[members], seed, rate)

        def one_pass(number, state):
            of_order, of_batches = jax.random.split(
                jax.random.fold_in(key, number)
            )
            order = jax.random.permutation(of_order, len(labels))
            seeds = _seeds(of_batches, whole + 1)
            if whole:
                batches = order[: whole * size].reshape(whole, size)
                state, _ = jax.lax.scan(
                    lambda state, chosen: (batch(state, chosen), None),
                    state,
                    (batches, seeds[:whole]),
                )
            if rest:
                state = batch(state, (order[whole * size :], seeds[whole]))
            return state

        return jax.lax.fori_loop(0, passes, one_pass, state)

    def train(number):
        state = jax.jit(start)(np.array(about["start_seeds"][number], np.int32))
        key = jax.random.key(about["seeds"][number])
        for i, (passes, factor) in enumerate(about["phases"]):
            parameters, velocities, statistics = state
            state = [parameters, [0 * v for v in velocities], statistics]
            of_phase = jax.random.fold_in(key, i)
            step_size = np.float32(rate * factor)
            state = phase(state, of_phase, passes, step_size, images, labels)
        return state[0], state[2]

    return train


def _classifier(pack: Pack, network: str, count: int):
    """Returns a function that gives the predicted classes of all images."""
    block = pack.about["scoring"]["block"]
    function = pack.function(f"{network}_classify")

    @jax.jit
    def classify(parameters, statistics, images):
        # The last block is filled up with images that are not counted.
        padded = jnp.pad(
            images,
            [(0, -count % block)] + [(0, 0)] * (images.ndim - 1),
        )
        blocks = padded.reshape(-1, block, *images.shape[1:])
        predicted = jax.lax.map(
            lambda block: function(parameters, statistics, block), blocks
        )
        return predicted.reshape(-1)[:count]

    return classify


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Runs a packed distillation with JAX, and scores its set."
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
