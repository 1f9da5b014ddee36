"""What the files of Fashion-MNIST must hold, byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .idx import DataError, parse_idx

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@dataclass(frozen=True)
class IdxFile:
    """One file: its name without .gz or .xz, the shape of its array, the SHA-256 of its *decompressed* bytes."""

    name: str
    shape: tuple[int, ...]
    sha256: str


def by_name(*files: IdxFile) -> dict[str, IdxFile]:
    """The files under their names."""
    return {file.name: file for file in files}


FULL = by_name(
    IdxFile(TRAIN_IMAGES, (60000, 28, 28), "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    IdxFile(TRAIN_LABELS, (60000,), "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    IdxFile(TEST_IMAGES, (10000, 28, 28), "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    IdxFile(TEST_LABELS, (10000,), "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
)

# What is shipped inside the package: the first 600 training and 100 test images of each class (tools/make_embedded.py).
SUBSET = by_name(
    IdxFile(TRAIN_IMAGES, (6000, 28, 28), "cf313073c7eb485392848071d5c433571d7166043e971e3345b095cc30518084"),
    IdxFile(TRAIN_LABELS, (6000,), "097b93fbcf9bd5bc648b1a457ddc55c9e4ab49afb33f9ecae8ce068399a75e3a"),
    IdxFile(TEST_IMAGES, (1000, 28, 28), "7cee33c3c6414b1b86c25e665a6c4f41584269de3b7cc9768b1d351922845eef"),
    IdxFile(TEST_LABELS, (1000,), "3128d790775889812b73c4f13923559c8b9e281d112c6ea7862acf60a206a909"),
)


def checked_array(raw: bytes, expected: IdxFile, known: Iterable[IdxFile], path: str) -> np.ndarray:
    """The array in the IDX bytes `raw`, which must be those of `expected`.

    DataError says what is wrong instead: swapped with another of the `known` files, not IDX, truncated, of another
    shape, or altered.
    """
    digest = hashlib.sha256(raw).hexdigest()
    if digest == expected.sha256:
        return parse_idx(raw, path)
    for file in known:
        if digest == file.sha256:
            raise DataError(
                f"{path}: swapped: it holds what belongs into {file.name}; give the files their own names back"
            )
    array = parse_idx(raw, path)
    if array.shape != expected.shape:
        raise DataError(
            f"{path}: holds an array of shape {array.shape} but {expected.name} of Fashion-MNIST has {expected.shape}; "
            "put the right file there"
        )
    raise DataError(
        f"{path}: altered, or of another data set: its SHA-256 is {digest[:12]}..., "
        f"that of Fashion-MNIST's {expected.name} is {expected.sha256[:12]}...; delete it and fetch it again"
    )
