"""The IDX file format: a magic number, the size of each axis, and the elements of one array."""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_AXES = 64  # of a NumPy array
LONGEST_HEADER = 4 + 4 * MOST_AXES
UNPACKERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ": lzma.open,
    b"BZh": bz2.open,
}  # by the first bytes of the file
PIECE = 2**20  # bytes that are unpacked at a time


class DataError(RuntimeError):
    """Data that cannot be used; the message is one line that names the file or folder and says what to do."""


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file, plain or compressed (gzip, xz, bzip2). DataError where it cannot be read or is damaged.

    How it is compressed is told by its first bytes, whatever its name; no more is unpacked than its header announces.
    """
    return parse_idx(read_bytes(Path(path)), str(path))


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """The contents of an IDX file, decompressed; one byte too many where there are more than `most`.

    `most` is what the header announces, if it is not given. So what a small file unpacks to cannot fill the memory.
    DataError names a file that cannot be read or is damaged.
    """
    try:
        with open(path, "rb") as packed:
            start = packed.read(5)
            packed.seek(0)
            unpack = next((unpack for magic, unpack in UNPACKERS.items() if start.startswith(magic)), None)
            return read_idx_bytes(packed if unpack is None else unpack(packed), str(path), most)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not an unpacker's
            raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
        raise DataError(f"{path}: truncated or damaged ({error}); delete it and fetch it again") from error


def read_idx_bytes(file: IO[bytes], name: str, most: int | None) -> bytes:
    """What an open IDX file holds, at most one byte more than `most` or than its header announces."""
    header = read_at_most(file, LONGEST_HEADER)
    if most is None:
        dtype, shape, start = parse_header(header, name)
        most = start + math.prod(shape) * dtype.itemsize
    return (header + read_at_most(file, most + 1 - len(header)))[: most + 1]


def read_at_most(file: IO[bytes], count: int) -> bytes:
    """The next `count` bytes of a file, or those that are left; never makes room for more than there are."""
    pieces = []
    while count > 0 and (piece := file.read(min(count, PIECE))):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)


def parse_idx(raw: bytes, name: str) -> np.ndarray:
    """The array that the IDX bytes `raw` hold, writable and in this machine's byte order.

    Layout: two zero bytes, a byte for the element type, a byte for the number of axes, the size of each axis (32 bits,
    big-endian), the elements in row-major order. DataError, whose text begins with `name`, for a wrong magic number or
    length, and for a shape that no array can have.
    """
    dtype, shape, start = parse_header(raw, name)
    announced, found = math.prod(shape) * dtype.itemsize, len(raw) - start
    if found != announced:
        what, follow = ("truncated", f"{found:,}") if found < announced else ("too long", f"{found:,} or more")
        raise DataError(
            f"{name}: {what}: its header announces {announced:,} bytes of data (shape {shape}) but {follow} follow; "
            "delete it and fetch it again"
        )
    try:
        return np.frombuffer(raw, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
    except ValueError as error:  # such as an axis of no elements beside others of 2^32
        raise DataError(f"{name}: its header announces the shape {shape}, which no array can have ({error})") from error


def parse_header(raw: bytes, name: str) -> tuple[np.dtype, tuple[int, ...], int]:
    """The type of the elements, the shape, and where the elements begin; DataError for what is no header of IDX."""
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in DTYPES:
        raise DataError(
            f"{name}: not an IDX file: it starts with 0x{raw[:4].hex()}, an IDX file of bytes with 0x000008.."
        )
    axes = raw[3]
    if not 1 <= axes <= MOST_AXES:
        raise DataError(f"{name}: its header announces {axes} axes, an array has 1 to {MOST_AXES}; fetch it again")
    start = 4 + 4 * axes
    if len(raw) < start:
        raise DataError(f"{name}: truncated within its header of {start} bytes; delete it and fetch it again")
    return np.dtype(DTYPES[raw[2]]), struct.unpack(f">{axes}I", raw[4:start]), start
