"""Small data sets of random bytes, as the published ones are inside."""

import numpy as np

from minitorch_cv.data.array_images import ArrayImages
from minitorch_cv.tensor import Tensor

GRAY, COLOR = (6, 5), (6, 5, 3)


class ByteImages(ArrayImages):
    """`count` random images of a shape (H, W) or (H, W, C)."""

    classes = ("zero", "one", "two")

    def __init__(self, shape=COLOR, transform=None, target_transform=None, count=10):
        rng = np.random.default_rng(1)
        self.data = Tensor(rng.integers(0, 256, (count, *shape)).astype(np.uint8))
        self.targets = Tensor(rng.integers(0, 3, count))
        self.transform = transform
        self.target_transform = target_transform
        self.source = "random numbers"
        self.train = True
