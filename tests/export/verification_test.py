"""What loses nothing must come back."""

import dataclasses
import shutil

import numpy as np
import pytest

from export import exporting, verification
from fred_tf.forms import FORMS
from fred_tf.forms.coefficients import Coefficients

LOSSLESS = [
    "images_float32",
    "images_npz",
    "coefficients_float32",
    "saved_model",
    "keras",
]


@pytest.mark.parametrize("name", LOSSLESS)
def test_another_set_is_noticed(run, exported, name):
    form, decoded = FORMS[name], run.synthetic_set()
    written = {exported / form.path: form}
    verification.check(decoded, written)
    soft = np.eye(10, dtype=np.float32)[decoded.labels]
    for changes in (
        {"images": decoded.images + 1e-4},
        {"labels": decoded.labels[::-1]},
        {"soft_labels": soft},
    ):
        other = dataclasses.replace(decoded, **changes)
        with pytest.raises(RuntimeError, match=f"{name} in .*does not decode"):
            verification.check(other, written)


def test_damage_is_noticed(run, exported, tmp_path):
    folder = shutil.copytree(exported / "images_float32", tmp_path / "moved")
    (shard,) = folder.glob("*.tfrecord-*")
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(ValueError, match="has SHA-256"):
        verification.check(
            run.synthetic_set(), {folder: FORMS["images_float32"]}
        )


def test_every_export_is_verified(run, tmp_path, monkeypatch):
    whole = Coefficients.read

    def read(self, path):
        decoded = whole(self, path)
        return dataclasses.replace(decoded, images=decoded.images + 1)

    monkeypatch.setattr(Coefficients, "read", read)
    exporting.run(run, tmp_path, ["coefficients_int8"])
    with pytest.raises(RuntimeError, match="coefficients_float32"):
        exporting.run(run, tmp_path, ["coefficients_float32"])
