"""Event files as they lie on disk: what is in them, and how they go back."""

import pathlib
from collections.abc import Collection, Iterable
from typing import Any

import tensorflow as tf
from tensorboard.compat.proto import event_pb2

from fred_tf.disk import files


def paths(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the event files in a folder."""
    return [*folder.glob("events.out.tfevents.*")]


def latest(
    paths: Iterable[pathlib.Path], step: int, tags: Collection[str]
) -> dict[str, Any]:
    """Returns what was logged last at a step, of `tags` of one value each.

    Scalars are floats, texts bytes.

    What a kill left half-written is left out. Two files of one second can sort
    either way, so the events' own clock says which came last.
    """
    timed: dict[str, tuple[float, Any]] = {}
    names = tf.constant(list(map(str, paths)), tf.string)
    for record in tf.data.TFRecordDataset(names).ignore_errors():
        event = event_pb2.Event.FromString(record.numpy())
        for value in event.summary.value:
            if event.step == step and value.tag in tags:
                logged = event.wall_time, tf.make_ndarray(value.tensor).item()
                timed[value.tag] = max(timed.get(value.tag, logged), logged)
    return {tag: value for tag, (_, value) in timed.items()}


def rewind(
    path: pathlib.Path, last: int, without: Collection[str] = ()
) -> set[tuple[int, str]]:
    """Drops the events after step `last`, and what a kill left half-written.

    Args:
        path: an event file that nobody writes to.
        last: see above.
        without: tags that are dropped of every step.

    Returns:
        What is left: steps with the tags that were logged at them.
    """
    earlier, left, dropped = [], set(), False
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            event = event_pb2.Event.FromString(record.numpy())
            told = {value.tag for value in event.summary.value}
            if event.step > last or not told.isdisjoint(without):
                dropped = True
            else:
                earlier.append(record.numpy())
                left |= {(event.step, tag) for tag in told}
    except tf.errors.DataLossError:
        dropped = True
    if dropped:
        with files.replacing_file(path) as temporary:
            with tf.io.TFRecordWriter(str(temporary)) as writer:
                for record in earlier:
                    writer.write(record)
    return left
