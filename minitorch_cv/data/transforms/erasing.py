"""Images with a hole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minitorch_kernels.layout import as_batch_first

from ...random import Generator
from .base import Transform
from .boxes import checked_range, checked_ratio, draw_sizes, first_that_fits
from .options import probability
from .padding import fill_color


class RandomErasing(Transform):
    """A random box of each image overwritten, with probability p (Zhong et al., "Random erasing", 2017).

    scale: smallest and largest share of the image's area; ratio: smallest and largest height / width. Of ten random
    boxes the first that fits is taken; if none does, nothing is erased. value: the colour, one number or one for each
    channel, in the images' units, or "random": normal noise, for images of floats. inplace is accepted for torch's
    sake: the result is always a new array.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | Sequence[float] | str = 0.0,
        inplace: bool = False,
        generator: Generator | np.random.Generator | None = None,
    ):
        if isinstance(value, str) and value != "random":
            raise ValueError(f"RandomErasing: value {value!r} is neither a number nor 'random'")
        self.p = probability(p, "RandomErasing")
        self.scale = checked_range(scale, 0, 1, "RandomErasing: scale")
        self.ratio = checked_ratio(ratio, "RandomErasing")
        self.value = value
        self.inplace = inplace
        self.generator = generator

    def batch(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """(N, C, H, W) -> the same shape and dtype."""
        N, C, H, W = images.shape
        if self.value == "random" and images.dtype.kind != "f":
            raise TypeError(f"RandomErasing: value='random' needs floats, got {images.dtype}; put ToTensor() before it")
        out = as_batch_first(np.moveaxis(images, 0, -1).copy(order="C"))
        for image, (top, left, height, width) in zip(out, self.draw(N, H, W, generator)):
            if self.value == "random":
                color = generator.standard_normal((C, height, width), np.float32)
            else:
                color = fill_color(self.value, images, "RandomErasing")[:, None, None]  # type: ignore[arg-type]
            image[:, top : top + height, left : left + width] = color
        return out

    def draw(self, count: int, height: int, width: int, generator: np.random.Generator) -> np.ndarray:
        """int64 (N, 4): top, left, height and width of the box in each of `count` images; of size 0 for no box."""
        erased = generator.random(count) < self.p
        heights, widths = draw_sizes(count, height * width, self.scale, self.ratio, generator)
        fits = (heights < height) & (widths < width)
        h, w = first_that_fits(fits, heights, widths)
        tops = generator.integers(0, np.maximum(height - h, 0) + 1)
        lefts = generator.integers(0, np.maximum(width - w, 0) + 1)
        erased &= fits.any(axis=1)
        return np.where(erased[:, None], np.stack([tops, lefts, h, w], axis=1), 0)
