"""The IDX file format: a magic number, the size of each axis, and the elements of one array."""

from __future__ import annotations

import gzip
import lzma
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class DataError(RuntimeError):
    """Data that cannot be used; the message is one line that names the file or folder and says what to do."""


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file, plain or compressed (.gz, .xz). DataError where it cannot be read or is damaged."""
    return parse_idx(read_bytes(Path(path)), str(path))


def read_bytes(path: Path) -> bytes:
    """The decompressed contents of a file; .gz and .xz are recognised by name. DataError names the file."""
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    try:
        if path.suffix == ".gz":
            return gzip.decompress(packed)
        if path.suffix == ".xz":
            return lzma.decompress(packed)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{path}: truncated or damaged ({error}); delete it and fetch it again") from error
    return packed


def parse_idx(raw: bytes, name: str) -> np.ndarray:
    """The array that the IDX bytes `raw` hold, writable and in this machine's byte order.

    Layout: two zero bytes, a byte for the element type, a byte for the number of axes, the size of each axis (32 bits,
    big-endian), the elements in row-major order. DataError, whose text begins with `name`, for a wrong magic number or
    length.
    """
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in DTYPES:
        raise DataError(
            f"{name}: not an IDX file: it starts with 0x{raw[:4].hex()}, an IDX file of bytes with 0x000008.."
        )
    dtype, axes = np.dtype(DTYPES[raw[2]]), raw[3]
    start = 4 + 4 * axes
    if len(raw) < start:
        raise DataError(f"{name}: truncated within its header of {start} bytes; delete it and fetch it again")
    shape = struct.unpack(f">{axes}I", raw[4:start])
    announced, found = math.prod(shape) * dtype.itemsize, len(raw) - start
    if found != announced:
        what = "truncated" if found < announced else "too long"
        raise DataError(
            f"{name}: {what}: its header announces {announced:,} bytes of data (shape {shape}) but {found:,} follow; "
            "delete it and fetch it again"
        )
    return np.frombuffer(raw, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
