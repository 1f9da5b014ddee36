"""MNIST: 70,000 grey images of 28x28 pixels, handwritten digits (LeCun, Cortes, Burges 1998)."""

from __future__ import annotations

import numpy as np

from .array_images import ArrayImages
from .checksums import checked_array
from .idx import read_bytes
from .published import MNIST as PUBLISHED
from .published import IdxFile
from .sources import Source


class MNIST(ArrayImages):
    """60,000 training or 10,000 test images with their labels, as torchvision's class of this name has them.

    Samples, batches and `data` (N, 28, 28) are as in `FashionMNIST`, and so is where the files are looked for, except
    that there is no built-in subset: DataError says where to get the files.
    """

    published = PUBLISHED
    classes = (
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    )

    @staticmethod
    def read(source: Source, train: bool) -> tuple[np.ndarray, np.ndarray]:
        """Images uint8 (N, 28, 28) and labels int64 (N,) of one split; DataError names a file that is wrong."""
        images, labels = (read_checked(source, name) for name in source.published.split_files(train))
        return images, labels.astype(np.int64)


def read_checked(source: Source, name: str) -> np.ndarray:
    """The array in one IDX file of a copy."""
    path, expected = source.paths[name], source.contents[name]
    assert isinstance(expected, IdxFile)
    raw = read_bytes(path, most=source.published.largest_file())
    return checked_array(raw, expected, source.published, str(path))
