"""Chunks of records, whole and hostile; the package only writes."""

import os
import struct

import pytest

from fred_tf.disk import array_records

MOST = 2**20
LONG = b"abc" * 30_000  # Through a border of blocks, and another.
ANY = [b"first", b"", LONG, b"\0" * 128, b"last"]


def chunk(kind, count, data=b"", size=None):
    """A chunk; none of its hashes is looked at."""
    kind, size = ord(kind), len(data) if size is None else size
    head = struct.pack("<8xQ8xQQ", size, count << 8 | kind, 0)
    return head + data


def one(record, width=None, length=None, packed=0):
    """A chunk of one record of less than 128 bytes."""
    lengths = bytes([len(record) if length is None else length])
    width = len(lengths) if width is None else width
    return chunk("r", 1, bytes([packed, width]) + lengths + record)


def blocks(*chunks):
    """A file of chunks, cut into blocks."""
    stream = b"".join(chunks)
    room = 2**16 - 24
    parts = (stream[x : x + room] for x in range(0, len(stream), room))
    return b"".join(bytes(24) + part for part in parts)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.array_record"


def packaged(path, records, options=array_records.OPTIONS):
    module = pytest.importorskip(
        "array_record.python.array_record_module",
        reason="needs `pip install array_record`",
    )
    writer = module.ArrayRecordWriter(str(path), options)
    for record in records:
        writer.write(record)
    writer.close()


# The chunk after 65,427 bytes begins at a border of blocks; after a few less,
# its head crosses it.
@pytest.mark.parametrize(
    "records",
    [
        ANY,
        [b"x"],
        [bytes(65_427), b"y"],
        [bytes(65_426), b"y"],
        [bytes(65_400), b"y"],
        [b"z"] * 2000,
    ],
)
def test_what_the_package_wrote_comes_back(path, records):
    packaged(path, records)
    assert array_records.records(path, MOST) == records


def test_files_made_by_hand_are_read(path):
    """Those below are sound otherwise."""
    path.write_bytes(blocks(chunk("s", 0), one(b"abc"), chunk("r", 2)))
    assert array_records.records(path, MOST) == [b"abc"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("group_size:1", "record 0, .*: it is packed"),
        ("group_size:2,uncompressed", "record 0, .*kind 114 and 2 records"),
        ("group_size:1,uncompressed,transpose", "record 0, .*of kind 116 and"),
    ],
)
def test_other_ways_to_write_are_refused(path, options, message):
    """Packed zeros are a thousandth of what the package would unpack."""
    packaged(path, [bytes(2**22)] * 4, options)
    with pytest.raises(ValueError, match=message):
        array_records.records(path, 2**25)


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([chunk("r", 1, size=2**63)], "record 1, .*9,223,372,036,854,775,808"),
        ([chunk("r", 1, size=1)], "record 1, .*claims 1 bytes, more than"),
        ([one(b"abc")], "record 2, .*unpack_from requires"),
        ([one(b"abc", length=4)], "record 1, .*not as long as it says"),
        ([one(b"abc", length=2)], "record 1, .*not as long as it says"),
        ([one(b"abc", width=2)], "record 1, .*not as long as it says"),
        ([one(b"abc", packed=ord("z"))], "record 1, .*it is packed"),
        ([chunk("r", 1, b"\0" + b"\xff" * 20)], "more than 63 bits"),
        ([chunk("r", 1, b"\0\xff")], "record 1, .*out of range"),
        ([chunk("r", 1)], "record 1, .*out of range"),
        ([chunk("r", 0)], "kind 114 and 0 records is neither"),
        ([chunk("r", 2**55)], "36,028,797,018,963,968 records is neither"),
        ([chunk("r", 3)], "kind 114 and 3 records is neither"),
        ([chunk("t", 1)], "kind 116 and 1 records is neither"),
        ([chunk("s", 0)], "kind 115 and 0 records is neither"),
    ],
)
def test_sizes_are_not_believed(path, chunks, message):
    path.write_bytes(blocks(chunk("s", 0), one(b"first"), *chunks))
    with pytest.raises(ValueError, match=message) as raised:
        array_records.records(path, MOST)
    assert f"{path} must be an ArrayRecord file" in str(raised.value)


@pytest.mark.parametrize(
    "content", [b"", bytes(2**17), b"PAR1" * 99, blocks(one(b"abc"))]
)
def test_other_files_are_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="begin as one|unpack_from requires"):
        array_records.records(path, MOST)


def test_only_plain_files_of_few_bytes_are_opened(path, tmp_path):
    path.write_bytes(bytes(9))
    (tmp_path / "link").symlink_to(path)
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(ValueError, match="must be a plain file"):
            array_records.records(tmp_path / name, MOST)
    with pytest.raises(ValueError, match="must have at most 8 bytes"):
        array_records.records(path, 8)
