"""What a dead process left is told from what a living one writes."""

import concurrent.futures
import os
import threading

import psutil

from fred_tf.disk import files, leftovers


def test_only_leftovers_are_removed(tmp_path):
    host, dead = leftovers.temporary(tmp_path).name.split(".")[2], 2**22 + 1
    host = host.partition("-")[0]
    kept = [
        tmp_path / name
        for name in (
            "a.partial",
            ".hidden",
            "a",
            # Of a living process here, and of one elsewhere.
            f".b.{host}-{os.getppid()}.partial",
            ".c.01234567-1.partial",
        )
    ]
    for path in kept:
        path.touch()
    for name in (".a.1.partial", f".a.{host}-{dead}.partial"):
        (tmp_path / name).touch()
    (tmp_path / f".b.{host}-{10**20}.partial").mkdir()
    (tmp_path / f".b.{host}-{10**20}.partial" / "c").touch()
    (tmp_path / ".e.01234567-2.partial").symlink_to(tmp_path / "a")
    os.utime(tmp_path / ".e.01234567-2.partial", (0, 0), follow_symlinks=False)
    (tmp_path / ".d.01234567-1.partial").touch()
    os.utime(tmp_path / ".d.01234567-1.partial", (0, 0))
    files.remove_leftovers(tmp_path)
    assert set(tmp_path.iterdir()) == set(kept)


def test_a_number_that_another_process_has_now_is_no_owner(tmp_path):
    """Of one that began later, and of a thread, which also takes a number."""
    host = leftovers.temporary(tmp_path).name.split(".")[2].partition("-")[0]
    before = psutil.Process(os.getppid()).create_time() - 60
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        thread = pool.submit(threading.get_native_id).result()
        later, of_thread = (
            tmp_path / f".a.{host}-{number}.partial"
            for number in (os.getppid(), thread)
        )
        later.touch()
        of_thread.touch()
        os.utime(later, (before, before))
        files.remove_leftovers(tmp_path)
    assert not list(tmp_path.iterdir())
