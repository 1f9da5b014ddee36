"""Noise."""

from __future__ import annotations

import numpy as np

from minitorch_kernels.layout import as_batch_first, stored_batch_last

from ...random import Generator
from .base import Transform


class GaussianNoise(Transform):
    """y = x + mean + sigma z with z standard normal, for every pixel and channel by itself.

    mean and sigma are in units of the range [0, 1], for bytes too. clip cuts off what leaves the range; bytes are
    rounded to the nearest and always clipped (torchvision rounds them to zero, and wraps round without clip).
    """

    def __init__(
        self,
        mean: float = 0.0,
        sigma: float = 0.1,
        clip: bool = True,
        generator: Generator | np.random.Generator | None = None,
    ):
        if sigma < 0:
            raise ValueError(f"GaussianNoise: sigma={sigma} is a standard deviation; choose 0 or more")
        self.mean = mean
        self.sigma = sigma
        self.clip = clip
        self.generator = generator

    def batch(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """(N, C, H, W) -> the same shape and dtype."""
        stored = stored_batch_last(images)
        if images.dtype == np.uint8:
            noisy = np.rint(stored + 255 * self.draw(stored.shape, np.dtype(np.float32), generator))
            return as_batch_first(np.clip(noisy, 0, 255, out=noisy).astype(np.uint8))
        noisy = stored + self.draw(stored.shape, images.dtype, generator)
        return as_batch_first(np.clip(noisy, 0, 1, out=noisy) if self.clip else noisy)

    def draw(self, shape: tuple[int, ...], dtype: np.dtype, generator: np.random.Generator) -> np.ndarray:
        """mean + sigma z of this shape."""
        noise = generator.standard_normal(shape, np.float64 if dtype == np.float64 else np.float32)
        noise *= self.sigma
        noise += self.mean
        return noise.astype(dtype, copy=False)
