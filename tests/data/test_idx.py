"""IDX files, good and bad."""

import bz2
import gzip
import lzma
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minitorch_cv.data import DataError, read_idx
from minitorch_cv.data.idx import parse_idx

from .conftest import idx_bytes
from .memory import at_most

ARRAY = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


PACKERS = {"plain": bytes, "gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress}


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("name", ["images", "images.gz", "images.GZ", "images.xz", "images.dat"])
def test_reads_plain_and_compressed_whatever_the_name(tmp_path, kind, name):
    path, pack = tmp_path / name, PACKERS[kind]
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
    with pytest.raises(DataError, match=r"^f: too long: its header announces 24 bytes .* but 25 or more follow"):
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


def header(code, *sizes, axes=None):
    return struct.pack(f">4B{len(sizes)}I", 0, 0, code, len(sizes) if axes is None else axes, *sizes)


HUGE = 2**32 - 1


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (header(8) + b"x", "f: its header announces 0 axes, an array has 1 to 64"),
        (header(8, *[1] * 65) + b"x", "f: its header announces 65 axes, an array has 1 to 64"),
        (header(8, *[1] * 255) + b"x", "f: its header announces 255 axes, an array has 1 to 64"),
        (header(8, 0, HUGE, HUGE), f"f: its header announces the shape (0, {HUGE}, {HUGE}), which no array can have"),
        (header(14, HUGE, 0, HUGE, 3), f"f: its header announces the shape ({HUGE}, 0, {HUGE}, 3), which no array"),
        (
            header(8, HUGE) + b"abc",
            f"truncated: its header announces {HUGE:,} bytes of data (shape ({HUGE},)) but 3",
        ),
        (header(12, *[HUGE] * 64), f"announces {4 * HUGE**64:,} bytes of data"),
        (header(8, 3, 2**31), "f: truncated: its header announces 6,442,450,944 bytes of data"),
        (
            header(13, 2) + bytes(9),
            "too long: its header announces 8 bytes of data (shape (2,)) but 9 or more follow",
        ),
        (header(8, 2, axes=2) + b"ab", "f: truncated within its header of 12 bytes"),
        (header(10, 1) + b"x", "f: not an IDX file: it starts with 0x00000a01"),
    ],
)
def test_headers_that_no_array_can_follow(tmp_path, raw, message):
    with pytest.raises(DataError) as caught:
        parse_idx(raw, "f")
    assert message in str(caught.value)
    (tmp_path / "x").write_bytes(raw)
    with pytest.raises(DataError, match=f"^{tmp_path}/x: "):
        read_idx(tmp_path / "x")


def test_as_many_axes_as_an_array_can_have():
    assert parse_idx(header(8, *[1] * 64) + b"x", "f").shape == (1,) * 64
    assert parse_idx(header(8, 0, 28, 28), "f").shape == (0, 28, 28)


SIZES = st.one_of(st.sampled_from([0, 1, 1, 2, 3, 65536, 2**31, HUGE]), st.integers(0, HUGE))


@st.composite
def idx_like(draw):
    """Bytes that are an IDX file, or nearly one."""
    start = draw(st.sampled_from([b"\0\0"] * 9 + [b"\0\1", b"\x1f\x8b", b""]))
    code = draw(st.one_of(st.sampled_from([8, 9, 11, 12, 13, 14]), st.integers(0, 255)))
    sizes = draw(st.one_of(st.lists(SIZES, max_size=6), st.lists(st.integers(0, 1), min_size=60, max_size=70)))
    axes = draw(st.one_of(st.just(len(sizes)), st.just(len(sizes)), st.integers(0, 255)))
    announced = math.prod(sizes) * {8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8}.get(code, 1)
    length = draw(st.one_of(st.just(min(announced, 200)), st.integers(0, 40)))
    data = draw(st.binary(min_size=length, max_size=length))
    return axes, start + bytes([code, axes]) + struct.pack(f">{len(sizes)}I", *sizes) + data


@settings(max_examples=400, deadline=None)
@given(idx_like())
def test_any_bytes_are_an_array_or_refused(made):
    axes, raw = made
    try:
        array = parse_idx(raw, "f")
    except DataError:
        return
    assert array.ndim == axes
    assert array.shape == tuple(struct.unpack(f">{axes}I", raw[4 : 4 + 4 * axes]))
    assert array.astype(array.dtype.newbyteorder(">")).tobytes() == raw[4 + 4 * axes :]


@pytest.mark.parametrize("kind", ["gzip", "xz", "bzip2"])
@pytest.mark.parametrize("shape", [(4,), (0,), (2, 3)])
def test_a_small_file_that_unpacks_to_very_much_stops_where_its_header_says(tmp_path, kind, shape):
    path = tmp_path / "bomb"
    path.write_bytes(PACKERS[kind](header(8, *shape) + bytes(48_000_000)))
    assert path.stat().st_size < 100_000
    message = f"too long: its header announces {math.prod(shape)} bytes of data"
    with at_most(12_000_000), pytest.raises(DataError, match=message):  # most of it for xz's dictionary
        read_idx(path)


@pytest.mark.parametrize("kind", PACKERS)
def test_no_room_is_made_for_what_is_only_announced(tmp_path, kind):
    path = tmp_path / "x"
    path.write_bytes(PACKERS[kind](header(8, HUGE, HUGE) + bytes(5)))
    with at_most(12_000_000), pytest.raises(DataError, match="truncated: its header announces"):
        read_idx(path)


def test_all_that_the_header_announces_is_read_in_pieces(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (3, 1000, 1000), np.uint8)
    (tmp_path / "x").write_bytes(gzip.compress(idx_bytes(array), 1))
    np.testing.assert_array_equal(read_idx(tmp_path / "x"), array)
    (tmp_path / "y").write_bytes((tmp_path / "x").read_bytes()[:-1])  # the checksum of gzip is cut
    with pytest.raises(DataError, match="truncated or damaged"):
        read_idx(tmp_path / "y")


def test_a_folder_in_the_place_of_a_file(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory"):
        read_idx(tmp_path)
