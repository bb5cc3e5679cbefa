"""Frames of records, whole and hostile; TensorFlow only writes and compares."""

import os
import struct

import pytest
import tensorflow as tf

from fred_tf.disk import tfrecords


@pytest.fixture
def path(tmp_path):
    """Records of 0 to 4 bytes."""
    path = tmp_path / "a.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for length in range(5):
            writer.write(b"x" * length)
    return path


def masked_crc(data):
    """The checksum of TFRecord files, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(length, data=b""):
    head = struct.pack("<Q", length)
    checksums = [struct.pack("<I", masked_crc(x)) for x in (head, data)]
    return head + checksums[0] + data + checksums[1]


def test_whole_files_are_counted(path, tmp_path):
    assert tfrecords.check(path) == 5
    (tmp_path / "empty").touch()
    assert tfrecords.check(tmp_path / "empty") == 0
    # The frames that hostile files below are made of are sound otherwise.
    path.write_bytes(frame(3, b"abc"))
    assert [x.numpy() for x in tf.data.TFRecordDataset(str(path))] == [b"abc"]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (frame(2**62), "record 1, .*4,611,686,018,427,387,904 bytes, more"),
        (frame(2**64 - 1), "record 1, .*claims 18,446,744,073,709,551,615"),
        (frame(2**64 - 16), "record 1, .*more than there are"),
        (frame(4, b"abc"), "record 1, .*claims 4 bytes, more than there are"),
        (frame(3, b"abc")[:-1], "record 1, .*claims 3 bytes"),
        (frame(3, b"abc")[:11], "record 1, .*is cut short"),
        (b"\0", "record 1, .*is cut short"),
        (frame(3, b"abc") + b"\0" * 12, "record 2, .*claims 0 bytes"),
    ],
)
def test_lengths_are_not_believed(tmp_path, frames, message):
    """TensorFlow ends the process where it believes the first."""
    path = tmp_path / "hostile"
    path.write_bytes(frame(1, b"a") + frames)
    with pytest.raises(ValueError, match=f"hostile must be a TFR.*{message}"):
        tfrecords.check(path)


def test_records_may_be_long_and_many_within_bounds(path, monkeypatch):
    with pytest.raises(ValueError, match="record 4, .*4 bytes, more than 3"):
        tfrecords.check(path, most=3)
    monkeypatch.setattr(tfrecords, "MOST_RECORDS", 3)
    assert tfrecords.framed(path) == (3, "it follows 3 others")


def test_only_plain_files_are_opened(path, tmp_path):
    (tmp_path / "link").symlink_to(path)
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "."):
        with pytest.raises((ValueError, OSError), match="plain|directory"):
            tfrecords.check(tmp_path / name)


def test_data_are_not_read(path):
    """A file of 1 TiB, nearly all of it a hole, takes no time."""
    with open(path, "wb") as file:
        for _ in range(2**12):
            file.write(struct.pack("<QI", 2**28, 0))
            file.seek(2**28 + 4, os.SEEK_CUR)
        file.truncate(file.tell())
    assert tfrecords.check(path) == 2**12
