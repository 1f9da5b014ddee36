"""IDX files, good and bad."""

import gzip
import lzma
import struct

import numpy as np
import pytest

from minitorch_cv.data import DataError, read_idx
from minitorch_cv.data.idx import parse_idx

from .conftest import idx_bytes

ARRAY = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_reads_plain_and_compressed(tmp_path, suffix, pack):
    path = tmp_path / f"images{suffix}"
    path.write_bytes(pack(idx_bytes(ARRAY)))
    array = read_idx(path)
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, ARRAY)
    array[0, 0, 0] = 7  # writable


@pytest.mark.parametrize(
    ("code", "dtype"), [(0x08, "u1"), (0x09, "i1"), (0x0B, "i2"), (0x0C, "i4"), (0x0D, "f4"), (0x0E, "f8")]
)
def test_element_types_are_big_endian(code, dtype):
    values = np.array([1, 2, 100], dtype)
    raw = struct.pack(">4BI", 0, 0, code, 1, 3) + values.astype(values.dtype.newbyteorder(">")).tobytes()
    array = parse_idx(raw, "x")
    assert array.dtype == values.dtype
    assert array.dtype.isnative
    np.testing.assert_array_equal(array, values)


@pytest.mark.parametrize(
    "raw", [b"", b"\0\0\x08", b"\x1f\x8b\x08\x01aaaa", b"\0\0\x07\x01\0\0\0\x01a", b"\0\x01\x08\x01"]
)
def test_wrong_magic(raw):
    with pytest.raises(DataError, match=r"^some/file: not an IDX file: it starts with 0x"):
        parse_idx(raw, "some/file")


def test_truncated_header():
    with pytest.raises(DataError, match=r"^f: truncated within its header of 16 bytes"):
        parse_idx(idx_bytes(ARRAY)[:9], "f")


def test_length_must_be_what_the_header_says():
    with pytest.raises(DataError, match=r"^f: truncated: its header announces 24 bytes of data .* but 23 follow"):
        parse_idx(idx_bytes(ARRAY)[:-1], "f")
    with pytest.raises(DataError, match=r"^f: too long: its header announces 24 bytes of data .* but 25 follow"):
        parse_idx(idx_bytes(ARRAY) + b"x", "f")


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[:5], lambda b: b[:20] + b"\xff\xff\xff" + b[23:]])
def test_damaged_compression_names_the_file(tmp_path, suffix, pack, damage):
    path = tmp_path / f"images{suffix}"
    path.write_bytes(damage(pack(idx_bytes(ARRAY))))
    with pytest.raises(DataError) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: truncated or damaged")
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read .No such file"):
        read_idx(tmp_path / "nothing")
