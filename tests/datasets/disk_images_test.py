"""Images on the disk: written once, continued after a kill, shared, sealed."""

import os
import signal
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from fred_tf.datasets import disk_images, raw_images
from fred_tf.datasets.disk_images import DiskImages

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 4, 3, 1), np.uint8)


def stream(left_out=(), begun=None):
    def images(row):
        if begun is not None:
            begun.append(row)
        for number in range(row, len(IMAGES)):
            yield None if number in left_out else IMAGES[number]

    return images


def kept(root, images=None, **identity):
    return disk_images.kept(
        root,
        {"source": "x", **identity},
        len(IMAGES),
        IMAGES.shape[1:],
        IMAGES.dtype,
        images or stream(),
    )


def test_rows_are_read_as_numpy_would(tmp_path):
    values, left_out = kept(tmp_path)
    assert left_out == []
    assert values.shape == IMAGES.shape and values.dtype == np.uint8
    for key in (3, slice(2, 9, 3), [5, 1, 5], IMAGES[:, 0, 0, 0] > 99, -1):
        np.testing.assert_array_equal(values[key], IMAGES[key])
        assert not isinstance(values[key], np.memmap)
    some = values.only(np.array([4, 2, 9]))
    np.testing.assert_array_equal(some[1:], IMAGES[[2, 9]])
    np.testing.assert_array_equal(
        some.only(np.array([True, False, True]))[:], IMAGES[[4, 9]]
    )
    blocks = np.concatenate(list(values.blocks(7)))
    np.testing.assert_array_equal(blocks, IMAGES)


def test_a_second_run_shares_what_is_written(tmp_path):
    kept(tmp_path)
    begun = []
    values, _ = kept(tmp_path, stream(begun=begun))
    assert begun == []
    np.testing.assert_array_equal(values[:], IMAGES)
    kept(tmp_path, stream(begun=begun), image_size=64)
    assert begun == [0] and len(list(tmp_path.iterdir())) == 2


def test_what_is_left_out_is_remembered(tmp_path):
    for _ in range(2):
        values, left_out = kept(tmp_path, stream(left_out=(0, 7)))
        assert left_out == [0, 7]
        np.testing.assert_array_equal(
            values[:], np.delete(IMAGES, [0, 7], axis=0)
        )


def killed(row):
    for number in range(row, len(IMAGES)):
        if number == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        yield IMAGES[number]


def test_a_kill_costs_a_block(tmp_path, monkeypatch):
    child = os.fork()  # A new process would first import TensorFlow.
    if not child:
        try:
            signal.alarm(60)  # Nobody waits for ever.
            monkeypatch.setattr(disk_images, "_BLOCK", 30)
            kept(tmp_path, killed)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    begun = []
    values, _ = kept(tmp_path, stream(begun=begun))
    assert begun == [12]
    np.testing.assert_array_equal(values[:], IMAGES)


@pytest.mark.parametrize("there", [None, 40])
def test_a_stopped_cache_that_lost_bytes_begins_anew(
    tmp_path, monkeypatch, caplog, there
):
    """Filled up with zeros, they would be images, and sealed as right ones."""

    def stopped(row):
        yield None
        yield from IMAGES[1:13]
        raise OSError("No space left on device")

    monkeypatch.setattr(disk_images, "_BLOCK", 30)
    with pytest.raises(OSError, match="No space"):
        kept(tmp_path, stopped)
    (values,) = tmp_path.glob("*/images.bin")
    os.truncate(values, there or 0)
    if there is None:
        values.unlink()
    with caplog.at_level("WARNING"):
        images, left_out = kept(tmp_path, stream(left_out=(0,)))
    assert left_out == [0]
    np.testing.assert_array_equal(images[:], IMAGES[1:])
    assert "All images are written again" in caplog.text


def test_two_runs_at_once_write_the_images_once(tmp_path):
    """The second waits for the first; no image is decoded twice."""
    begun, results = [], []

    def slow(row):
        begun.append(row)
        for image in IMAGES[row:]:
            time.sleep(0.005)
            yield image

    runs = [
        threading.Thread(
            target=lambda: results.append(kept(tmp_path, slow)[0][:])
        )
        for _ in range(3)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert begun == [0]
    for images in results:
        np.testing.assert_array_equal(images, IMAGES)
    assert len(results) == 3


def test_no_flipped_byte_goes_unseen(tmp_path):
    kept(tmp_path)
    (folder,) = tmp_path.iterdir()
    for name, step in (("images.bin", 37), ("cache.json", 5)):
        path = folder / name
        whole = path.read_bytes()
        for place in range(0, len(whole), step):
            flipped = bytearray(whole)
            flipped[place] ^= 1
            path.write_bytes(flipped)
            with pytest.raises(ValueError, match=name):
                kept(tmp_path)
        path.write_bytes(whole)
    os.truncate(folder / "images.bin", 100)
    with pytest.raises(ValueError, match="has 100 bytes and not 240"):
        kept(tmp_path)
    (folder / "images.bin").unlink()
    with pytest.raises(ValueError, match="no such file. Delete that folder"):
        kept(tmp_path)


def test_a_cache_that_cannot_be_made_says_what_to_do(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        NotADirectoryError, match="240 bytes. Received: Not a dir.*FRED_TF_CA"
    ):
        kept(tmp_path / "file" / "caches")


def test_images_that_the_disk_has_no_room_for_are_not_begun(
    tmp_path, monkeypatch
):
    """Else what decodes for hours ends by a full disk."""
    begun, usage = [], SimpleNamespace(free=239)
    monkeypatch.setattr(disk_images.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match="239 bytes are free.*FRED_TF_CACHE"):
        kept(tmp_path, stream(begun=begun))
    assert not begun
    usage.free = 240
    kept(tmp_path, stream(begun=begun))


def test_a_cache_is_called_what_named_it(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FRED_TF_CACHE", str(tmp_path / "file"))
    with pytest.raises(NotADirectoryError, match="`FRED_TF_CACHE` must be a"):
        raw_images.cache_folder()
    with pytest.raises(NotADirectoryError, match="`cache_dir` must be a fold"):
        raw_images.cache_folder(tmp_path / "file")


def test_images_of_another_size_are_refused(tmp_path):
    def odd(row):
        yield IMAGES[0]
        yield IMAGES[1, :3]

    with pytest.raises(ValueError, match=r"Image 1 must be .*\(3, 3, 1\)"):
        kept(tmp_path, odd)


def test_data_that_shrink_while_they_are_read_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must be 20 images. Received: 3"):
        kept(tmp_path, lambda row: iter(IMAGES[:3]))


def test_an_array_in_memory_is_one_of_these_too():
    np.testing.assert_array_equal(DiskImages(IMAGES)[4:6], IMAGES[4:6])
