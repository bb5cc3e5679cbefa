"""Experts of packs, which a kill may end at any moment."""

import types

import numpy as np
import pytest

pytest.importorskip("jax")

EPOCHS = 6


class Pack:
    """Two experts of one parameter, whose steps are made up."""

    def __init__(self, folder, last_write=None):
        self.about = {
            "seed": 0,
            "reference": {
                "batch_size": 4,
                "epochs": EPOCHS,
                "expert_seeds": [[1, 2], [3, 4]],
            },
        }
        self.folder, self.last_write, self.writes = folder, last_write, 0

    def expert_paths(self):
        return [self.folder / f"{number}.npz" for number in range(2)]

    def images(self):
        return np.arange(10.0, dtype=np.float32), np.arange(10)

    def expert_functions(self):
        def step(theta, velocity, images, labels, seed):
            drawn = images.sum() + seed[0] % 7
            velocity = 0.5 * velocity + drawn
            return theta + velocity, velocity

        return lambda seed: 1.0 * seed[:1], step

    def read_expert(self, path):
        with np.load(path) as stored:
            return dict(stored)

    def write_expert(self, path, **values):
        np.savez(path, **values)
        self.writes += 1
        if self.writes == self.last_write:
            raise KeyboardInterrupt


def train(folder, monkeypatch, every, last_write=None):
    """Trains the experts with so many seconds between saves."""
    from trainers.elsewhere.runner import experts

    monkeypatch.setattr(experts, "SAVE_EVERY", every)
    folder.mkdir(exist_ok=True)
    pack = Pack(folder, last_write)
    experts.train_some(pack, 100.0, 0, 1)
    return types.SimpleNamespace(
        writes=pack.writes,
        visited=[pack.read_expert(p)["visited"] for p in pack.expert_paths()],
    )


def test_a_kill_leaves_what_was_saved(tmp_path, monkeypatch):
    whole = train(tmp_path / "whole", monkeypatch, 1e9)
    assert whole.writes == 2
    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        train(cut, monkeypatch, -1.0, last_write=3)
    with np.load(cut / "0.begun.npz") as begun:
        assert len(begun["visited"]) == 1 + 3
    after = train(cut, monkeypatch, -1.0)
    # Three more epochs of the first, and all of the second.
    assert after.writes == EPOCHS - 3 + EPOCHS
    np.testing.assert_array_equal(after.visited, whole.visited)
    assert sorted(p.name for p in cut.iterdir()) == ["0.npz", "1.npz"]
