"""A log of what is done to the disk, in its order."""

import os
import pathlib
import shutil

import pytest

from fred_tf.disk import leftovers


@pytest.fixture
def operations(tmp_path, monkeypatch):
    """Returns what was flushed, renamed and removed since it was last asked.

    Paths are those below `tmp_path`, temporary ones without their owner.
    """
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("tells the paths of open files, as Linux does")
    log = []

    def named(path):
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}")
        path = pathlib.Path(path).relative_to(tmp_path)
        parts = [
            part.removesuffix(leftovers.SUFFIX).rpartition(".")[0]
            if part.endswith(leftovers.SUFFIX)
            else part
            for part in path.parts
        ]
        return "/".join(parts) or "."

    def logged(module, function, verb):
        original = getattr(module, function)

        def call(*paths, **options):
            exists = verb == "sync" or os.path.lexists(paths[0])
            if exists and not options.get("dir_fd"):
                log.append(f"{verb} {' -> '.join(map(named, paths[:2]))}")
            return original(*paths, **options)

        monkeypatch.setattr(module, function, call)

    logged(os, "fsync", "sync")
    logged(os, "replace", "rename")
    logged(os, "unlink", "remove")
    logged(shutil, "rmtree", "remove")

    def since():
        told, log[:] = list(log), []
        return told

    return since
