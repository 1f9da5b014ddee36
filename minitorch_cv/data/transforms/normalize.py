"""Channels of mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minitorch_kernels.layout import as_batch_first, stored_batch_last

from .base import Transform


class Normalize(Transform):
    """y = (x - mean) / std, channel by channel.

    mean, std: a number for each channel, or one for all. inplace is accepted for torch's sake: the result is always a
    new array. Raises TypeError for bytes, which go through ToTensor first; ValueError where the numbers of channels
    differ or a std is 0.
    """

    pixelwise = True

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False):
        self.mean = np.atleast_1d(np.asarray(mean, np.float64))
        self.std = np.atleast_1d(np.asarray(std, np.float64))
        self.inplace = inplace
        if (self.std == 0).any():
            raise ValueError(f"Normalize: std {self.std.tolist()} divides by zero; leave constant channels out")

    def batch(self, images: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """float (N, C, H, W) -> the same shape and dtype."""
        if images.dtype.kind != "f":
            raise TypeError(f"Normalize: takes floats, got {images.dtype}; put ToTensor() before it")
        channels = images.shape[1]
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, channels):
                raise ValueError(
                    f"Normalize: the images have {channels} channels (shape {images.shape}) but {name} has "
                    f"{len(values)} values {values.tolist()}; give {channels}, or one for all"
                )
        mean, std = (values.astype(images.dtype)[:, None, None, None] for values in (self.mean, self.std))
        centered = stored_batch_last(images) - mean
        return as_batch_first(np.divide(centered, std, out=centered))
