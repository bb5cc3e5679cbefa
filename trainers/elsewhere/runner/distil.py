"""Outer steps, and where their references come from."""

import collections
import functools
import time

import jax
import jax.numpy as jnp
import numpy as np

from .pack import SAVE_EVERY, Pack

# Outer steps made on the device between looks at the clock; as many are only
# measured before the first.
BLOCK = 20
RECENT = 8  # Blocks whose states are kept to go back to.


def expert_segments(pack: Pack, key: jax.Array):
    """Returns how to draw a segment of an expert trajectory, and from what.

    They are trained. The trajectories `[experts, epochs + 1, parameters]` stay
    on the device.
    """
    about = pack.about["reference"]
    experts = jnp.stack(
        [pack.read_expert(path)["visited"] for path in pack.expert_paths()]
    )
    most, over = about["max_start_epoch"], about["start_epochs_grow_over"]

    def draw(experts, key, number):
        of_expert, of_start = jax.random.split(key)
        expert = jax.random.randint(of_expert, (), 0, len(experts))
        grown = 1 + jnp.maximum(number, 0) * most // over if over else most
        epochs = jnp.minimum(grown, most)
        start = jax.random.randint(of_start, (), 0, epochs)
        end = start + about["expert_epochs"]
        return {"start": experts[expert, start], "target": experts[expert, end]}

    return draw, experts


def class_batches(pack: Pack, key: jax.Array):
    """Returns how to draw as many images of each class, and from what.

    Some of any class are drawn beside them where the pack says so.
    """
    about = pack.about["reference"]
    images, labels = pack.images()
    counts = np.bincount(np.asarray(labels), minlength=about["classes"])
    # Row c lists the images of class c, then zeros that are never drawn.
    members = np.zeros((about["classes"], counts.max()), np.int32)
    for label, count in enumerate(counts):
        members[label, :count] = np.flatnonzero(np.asarray(labels) == label)
    occupied = np.arange(counts.max()) < counts[:, None]

    def shuffled(key):
        numbers = jax.random.uniform(key, members.shape)
        return jnp.where(occupied, numbers, -1.0)

    def draw(images, key, number):
        places = jax.lax.top_k(shuffled(key), about["per_class"])[1]
        rows = jnp.take_along_axis(members, places, axis=1)
        if not (count := about.get("of_any", 0)):
            return {"images": images[rows]}
        others = shuffled(jax.random.fold_in(key, 1)).reshape(-1)
        places = jax.lax.top_k(others, count)[1]
        return {
            "images": images[rows],
            "any_images": images[jnp.take(members.reshape(-1), places)],
            "any_labels": (places // members.shape[1]).astype(np.int32),
        }

    return draw, images


def taught(pack: Pack, leaves: list[jax.Array]) -> list[jax.Array]:
    """Returns the first state with the labels that experts give, if they do.

    They are trained. Each class is shown by itself.
    """
    about = pack.about["reference"].get("taught")
    if about is None:
        return leaves
    paths = pack.expert_paths()[: about["asked"]]
    last = [pack.read_expert(path)["visited"][-1] for path in paths]
    vectors, (images, _) = jnp.stack(last), pack.images()
    teach = jax.jit(pack.function("teach"))
    parts = [teach(vectors, images[np.array(x)]) for x in about["shown"]]
    labels = jnp.concatenate(parts)
    return [
        labels if i in about["leaves"] else leaf
        for i, leaf in enumerate(leaves)
    ]


REFERENCES = {
    "expert_segments": expert_segments,
    "class_batches": class_batches,
}


def distil(pack: Pack, minutes: float) -> None:
    """Makes outer steps until all are made or the time is spent.

    Args:
        pack: its experts are trained.
        minutes: the time.
    """
    if "lost" in pack.spent:
        return
    deadline = time.monotonic() + 60 * minutes
    pack.rewind_metrics()
    about = pack.about
    key = jax.random.key(about["seed"])
    of_source, of_steps = jax.random.split(key)
    draw, source = REFERENCES[about["reference"]["kind"]](pack, of_source)
    step, each = pack.function("step"), about["references_per_step"]

    @functools.partial(jax.jit, static_argnames="count")
    def advance(leaves, source, first, count):
        def one(leaves, number):
            of_step = jax.random.fold_in(of_steps, number)
            keys = jax.random.split(of_step, each)
            numbers = number * each + jnp.arange(each)
            references = jax.vmap(draw, (None, 0, 0))(source, keys, numbers)
            return step(leaves, references, number)

        return jax.lax.scan(one, leaves, first + jnp.arange(count))

    leaves, reached = pack.leaves, pack.step
    if not reached:  # Steps below 0 change nothing but what is usual.
        leaves = taught(pack, leaves)
        leaves, _ = advance(leaves, source, np.int32(-BLOCK), BLOCK)
    # States that a run which is lost goes back to.
    recent = collections.deque([(reached, leaves)], maxlen=RECENT)
    begun = saved = time.monotonic()
    before = pack.spent.get("distilling", 0.0)
    while reached < about["outer_steps"] and time.monotonic() < deadline:
        block = time.monotonic()
        count = min(BLOCK, about["outer_steps"] - reached)
        new, scalars = advance(leaves, source, np.int32(reached), count)
        scalars = {name: np.asarray(v) for name, v in scalars.items()}
        now = time.monotonic()
        pack.append_metrics(reached, scalars)
        lost = np.flatnonzero(scalars["trouble"])
        if len(lost):
            _stop_lost(pack, recent, reached, scalars, lost[0])
            return
        leaves, reached = new, reached + count
        recent.append((reached, leaves))
        pack.spent["distilling"] = before + (now - begun) / 60
        if now - saved > SAVE_EVERY or reached >= about["outer_steps"]:
            pack.save(leaves, reached)
            saved = now
            print(
                f"step {reached} of {about['outer_steps']}: loss "
                f"{scalars['loss'].mean():.4f}, "
                f"{int(scalars['skipped'][-1])} skipped, "
                f"{1000 * (now - block) / count:.1f} ms a step",
                flush=True,
            )
    pack.save(leaves, reached)
    minutes = pack.spent.get("distilling", 0.0)
    print(
        f"{reached} of {about['outer_steps']} steps, {minutes:.1f} minutes of "
        f"distilling on {pack.spent['device']}",
        flush=True,
    )


def _stop_lost(pack: Pack, recent, reached: int, scalars: dict, at: int):
    """Keeps the last state from before a run was lost, and says so.

    Args:
        pack: the pack.
        recent: steps and states, the newest last.
        reached: steps before the block in which it was found.
        scalars: of the block.
        at: the place in it.
    """
    good = scalars["last_good"][at]
    kept = [pair for pair in recent if pair[0] <= good] or [recent[0]]
    step, leaves = kept[-1]
    reason = pack.about["troubles"][int(scalars["trouble"][at])]
    pack.spent["lost"] = f"Outer step {reached + at + 1} {reason}."
    pack.save(leaves, step)
    print(
        f"LOST. {pack.spent['lost']} {pack.folder} keeps the state of step "
        f"{step}. Lower `distiller.memory_learning_rate` or "
        "`objective.student_learning_rate_step` and pack again.",
        flush=True,
    )
