"""Memories that are not written to the end."""

import dataclasses
import errno
import os

import pytest

from fred_tf.disk import files
from fred_tf.forms.keras_memory import KerasMemory


@pytest.mark.parametrize("earlier", [True, False])
def test_a_full_disk_leaves_both_files_as_they_were(
    earlier, small_set, small_memory, tmp_path, monkeypatch, assert_same
):
    """The one beside the memory is written first."""
    place, flush = tmp_path / "memory.keras", files._flush
    if earlier:
        KerasMemory().write(small_set, small_memory, place)

    def full(path):
        if "memory.keras" in path.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(path)

    monkeypatch.setattr(files, "_flush", full)
    later = dataclasses.replace(small_set, details={"steps": 4})
    with pytest.raises(OSError, match="No space left"):
        KerasMemory().write(later, small_memory, place)
    if earlier:
        assert_same(KerasMemory().read(place), small_set)
    else:
        assert not list(tmp_path.iterdir())
