"""Pixels taken from other places: crops, padding, mirror images and the nearest neighbour are all of this kind."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from ..cuda.launch import dense, launch, places
from ..cuda.layout import empty_channels_last, stored_channels_last
from ..jit import jit, prange
from ..memory import empty
from .kernel import ImageKernel, batch_last


def take_pixels_reference(images: np.ndarray, rows: np.ndarray, cols: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """y[n, c, i, j] = images[n, c, rows[n, i], cols[n, j]], and fill[c] where one of the two is -1.

    images (N, C, H, W), rows int64 (N, OH), cols int64 (N, OW), fill (C,) of the images' dtype -> y (N, C, OH, OW).
    """
    N, C, H, W = images.shape
    framed = np.empty((N, C, H + 1, W + 1), images.dtype)  # index -1 lands in the last row or column
    framed[...] = fill[:, None, None]
    framed[:, :, :H, :W] = images
    n, c = np.ogrid[:N, :C]
    return framed[n[..., None, None], c[..., None, None], rows[:, None, :, None], cols[:, None, None, :]]


def take_pixels_cpu(images: np.ndarray, rows: np.ndarray, cols: np.ndarray, fill: np.ndarray) -> np.ndarray:
    y = empty((*images.shape[:2], rows.shape[1], cols.shape[1]), images.dtype)
    take(*(np.ascontiguousarray(a) for a in (images, rows, cols, fill)), y)
    return batch_last(y)


@jit(parallel=True)
def take(images, rows, cols, fill, y):
    N, C, OH, OW = y.shape
    for n in prange(N):
        for c in range(C):
            for i in range(OH):
                row = rows[n, i]
                for j in range(OW):
                    col = cols[n, j]
                    y[n, c, i, j] = fill[c] if row < 0 or col < 0 else images[n, c, row, col]


def take_pixels_cuda(images: Array, rows: Array, cols: Array, fill: Array) -> Array:
    (N, C, H, W), OH, OW = images.shape, rows.shape[1], cols.shape[1]
    y = empty_channels_last(images, (N, C, OH, OW))
    arrays = stored_channels_last(images), dense(rows), dense(cols), dense(fill), stored_channels_last(y)
    name = "take_bytes" if images.dtype == np.uint8 else "take_floats"
    launch("images/take_pixels.cu", name, *places(OH * OW * C, N), *arrays, N, H, W, OH, OW, C)
    return y


take_pixels = ImageKernel("take_pixels", take_pixels_reference, take_pixels_cpu, take_pixels_cuda)
