"""A random part of each image, brought to one size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...random import Generator
from .base import Transform
from .boxes import checked_range, checked_ratio, draw_sizes, first_that_fits
from .options import InterpolationMode, height_and_width, interpolation_mode
from .resize import check_bilinear, resized
from .views import Views


class RandomResizedCrop(Transform):
    """A random box of each image at `size`; the book (14.1) has (200, scale=(0.1, 1), ratio=(0.5, 2)).

    scale: smallest and largest share of the image's area; ratio: smallest and largest width / height. Of ten random
    boxes the first that fits into the image is taken; if none does, the largest one in the middle whose ratio is
    allowed. interpolation, antialias: as for Resize; the result is that of cropping and then resizing.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: str = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
        generator: Generator | np.random.Generator | None = None,
    ):
        self.size = height_and_width(size, "RandomResizedCrop")
        self.scale = checked_range(scale, 0, float("inf"), "RandomResizedCrop: scale")
        self.ratio = checked_ratio(ratio, "RandomResizedCrop")
        self.interpolation = interpolation_mode(interpolation, antialias, "RandomResizedCrop")
        self.generator = generator

    def batch(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """(N, C, H, W) -> (N, C, *size)."""
        N, _, H, W = images.shape
        if not H * W:
            raise ValueError(f"RandomResizedCrop: images of shape {images.shape} have no pixels")
        return resized(images, self.draw(N, H, W, generator), self.size, self.interpolation)

    def view(self, views: Views, generator: np.random.Generator) -> None:
        """What `batch` does, written down."""
        check_bilinear(self.interpolation, "RandomResizedCrop")
        views.resize(self.draw(len(views), *views.size, generator), self.size, "RandomResizedCrop")

    def draw(self, count: int, height: int, width: int, generator: np.random.Generator) -> np.ndarray:
        """int64 (N, 4): top, left, height and width of the box of each of `count` images of this size."""
        widths, heights = draw_sizes(count, height * width, self.scale, self.ratio, generator)
        fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
        w, h = first_that_fits(fits, widths, heights)
        tops = generator.integers(0, np.maximum(height - h, 0) + 1)
        lefts = generator.integers(0, np.maximum(width - w, 0) + 1)
        drawn = np.stack([tops, lefts, h, w], axis=1)
        return np.where(fits.any(axis=1, keepdims=True), drawn, self.middle_box(height, width))

    def middle_box(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The largest box in the middle of an image whose ratio is allowed."""
        narrowest, widest = self.ratio
        h = min(height, max(1, round(width / narrowest)))
        w = min(width, max(1, round(height * widest)))
        return (height - h) // 2, (width - w) // 2, h, w
