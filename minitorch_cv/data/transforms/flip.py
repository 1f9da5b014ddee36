"""Mirror images."""

from __future__ import annotations

import numpy as np

from minitorch_kernels.images import take_pixels

from ...random import Generator
from .base import Transform
from .options import probability
from .views import Views


class RandomFlip(Transform):
    """Each image mirrored along one axis with probability p."""

    def __init__(self, p: float = 0.5, generator: Generator | np.random.Generator | None = None):
        self.p = probability(p, type(self).__name__)
        self.generator = generator

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Which of `count` images are mirrored, bool (N,)."""
        return generator.random(count) < self.p


class RandomHorizontalFlip(RandomFlip):
    """Left and right exchanged with probability p, for each image by itself (book section 14.1)."""

    def batch(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """(N, C, H, W) -> the same shape and dtype."""
        N, _, H, W = images.shape
        return take_pixels(images, order(np.zeros(N, bool), H), order(self.draw(N, generator), W), no_fill(images))

    def view(self, views: Views, generator: np.random.Generator) -> None:
        """What `batch` does, written down."""
        views.mirror(1, self.draw(len(views), generator), "RandomHorizontalFlip")


class RandomVerticalFlip(RandomFlip):
    """Top and bottom exchanged with probability p, for each image by itself (book section 14.1)."""

    def batch(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """(N, C, H, W) -> the same shape and dtype."""
        N, _, H, W = images.shape
        return take_pixels(images, order(self.draw(N, generator), H), order(np.zeros(N, bool), W), no_fill(images))

    def view(self, views: Views, generator: np.random.Generator) -> None:
        """What `batch` does, written down."""
        views.mirror(0, self.draw(len(views), generator), "RandomVerticalFlip")


def order(mirrored: np.ndarray, size: int) -> np.ndarray:
    """bool (N,) -> int64 (N, size): 0 to size - 1, backwards for the mirrored images."""
    cells = np.arange(size)
    return np.where(mirrored[:, None], cells[::-1], cells)


def no_fill(images: np.ndarray) -> np.ndarray:
    """A fill colour for where every pixel comes from the image."""
    return np.zeros(images.shape[1], images.dtype)
