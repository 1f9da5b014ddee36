"""Whether the files of a published data set hold, byte for byte, what they must."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from .idx import DataError, parse_header, parse_idx
from .published import ArchiveFile, IdxFile, Published


def checked_array(raw: bytes, expected: IdxFile, published: Published, path: str) -> np.ndarray:
    """The array in the IDX bytes `raw`, which must be those of `expected`.

    DataError says what is wrong instead: swapped with another file of the data set, not IDX, truncated, of another
    shape, or altered.
    """
    digest = hashlib.sha256(raw).hexdigest()
    if digest == expected.sha256:
        return parse_idx(raw, path)
    for file in (*published.contents.values(), *published.embedded.values()):
        if file.digest == f"sha256:{digest}":
            raise DataError(
                f"{path}: swapped: it holds what belongs into {file.name}; give the files their own names back"
            )
    _, shape, _ = parse_header(raw, path)
    if shape != expected.shape:
        raise DataError(
            f"{path}: holds an array of shape {shape} but {expected.name} of {published.name} has "
            f"{expected.shape}; put the right file there"
        )
    parse_idx(raw, path)
    raise DataError(
        f"{path}: altered, or of another data set: its SHA-256 is {digest[:12]}..., "
        f"that of {published.name}'s {expected.name} is {expected.sha256[:12]}...; delete it and fetch it again"
    )


def checked_archive(path: Path, expected: ArchiveFile, published: Published) -> bytes:
    """The bytes of an archive, packed as they are; DataError where it cannot be read or is not the published one."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if digest != expected.md5:
        raise DataError(
            f"{path}: truncated or altered: its MD5 is {digest}, that of {published.name}'s {expected.name} is "
            f"{expected.md5}; delete it and fetch it again"
        )
    return raw
