"""Make the subset of Fashion-MNIST that is shipped inside the package: `python tools/make_embedded.py [full-copy]`.

Takes the first 600 training and the first 100 test images of each class, in the order of the original files, and writes
four IDX files, compressed by xz, into minitorch_cv/data/embedded/. Prints what `embedded` of FASHION_MNIST in
minitorch_cv/data/published.py must say: the SHA-256 of the IDX bytes, which unlike the compressed files cannot depend
on the version of xz.

Of the ways tried on the 4.7 MB of training images, plain xz was the smallest simple one: gzip 2.62 MB, bzip2 2.41 MB,
xz 2.25 MB, sorted by class 2.24 MB; predicting pixels from their neighbours as PNG does made all of them larger.
"""

from __future__ import annotations

import hashlib
import lzma
import struct
import sys
from pathlib import Path

import numpy as np

from minitorch_cv.data import FashionMNIST
from minitorch_cv.data.published import split_files

TARGET = Path(__file__).parents[1] / "minitorch_cv" / "data" / "embedded"
PER_CLASS = {True: 600, False: 100}
FULL_SIZE = {True: 60000, False: 10000}


def main(root: str | None) -> None:
    """Write the four files from the full copy in `root`, or from the one found."""
    for train, per_class in PER_CLASS.items():
        images, labels = FashionMNIST(root, train, download=False).arrays()
        if len(images) != FULL_SIZE[train]:
            raise SystemExit("no full copy of Fashion-MNIST found; name its folder")
        kept = first_of_each_class(labels, per_class)
        for name, array in zip(split_files(train), (images[kept], labels[kept])):
            raw = idx_bytes(array.astype(np.uint8))
            (TARGET / f"{name}.xz").write_bytes(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))
            print(f'"{name}", {array.shape}, "{hashlib.sha256(raw).hexdigest()}"')


def first_of_each_class(labels: np.ndarray, per_class: int) -> np.ndarray:
    """The indices, ascending, of the first `per_class` elements of every class."""
    return np.sort(np.concatenate([np.flatnonzero(labels == label)[:per_class] for label in np.unique(labels)]))


def idx_bytes(array: np.ndarray) -> bytes:
    """An array of bytes as an IDX file."""
    return struct.pack(f">4B{array.ndim}I", 0, 0, 0x08, array.ndim, *array.shape) + array.tobytes()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
