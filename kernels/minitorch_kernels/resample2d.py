"""Images in another size: each output row and column is a weighted sum of a few of x.

The weights stand in two small matrices, one for the rows and one for the columns, so that nearest-neighbour and
bilinear interpolation differ in their matrices alone, and the gradient is the same kernel with both transposed. Each
output gathers what it needs; nothing is scattered.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array, empty_like
from .cuda.columns import warps
from .cuda.launch import dense, launch, places
from .cuda.layout import empty_channels_last, stored_channels_last
from .jit import jit, prange
from .kernel import Kernel
from .layout import as_batch_first, stored_batch_last
from .memory import empty


def resample2d_reference(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """y[n, c] = rows x[n, c] columnsᵀ, where a weight of 0 takes no part: 0 · NaN does not reach y.

    x (N, C, H, W), rows (OH, H), columns (OW, W) -> y (N, C, OH, OW), all of one dtype.
    """
    (N, C, _, W), OH, OW = x.shape, len(rows), len(columns)
    between = np.zeros((N, C, OH, W), x.dtype)
    for i, h in np.argwhere(rows):
        between[:, :, i] += rows[i, h] * x[:, :, h]
    y = np.zeros((N, C, OH, OW), x.dtype)
    for j, w in np.argwhere(columns):
        y[..., j] += columns[j, w] * between[..., w]
    return y


def resample2d_cpu(x: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    N, C, H, W = x.shape
    y = empty((C, len(rows), len(columns), N), x.dtype)
    weighted_sums(
        stored_batch_last(x).reshape(C, H, W * N), np.ascontiguousarray(rows), spans(rows),
        np.ascontiguousarray(columns), spans(columns), y,
    )  # fmt: skip
    return as_batch_first(y)


def spans(weights: np.ndarray) -> np.ndarray:
    """(rows, 2): from where to where the weights of each row are not 0; an empty span for a row of zeros."""
    used = weights != 0
    first, last = used.argmax(1), weights.shape[1] - used[:, ::-1].argmax(1)
    return np.stack([first, np.where(used.any(1), last, first)], axis=1)


@jit(parallel=True, fastmath={"contract"})
def weighted_sums(x, rows, row_spans, columns, column_spans, y):
    """y[c, i, j] = Σ_w columns[j, w] Σ_h rows[i, h] x[c, h, w], the inner sum once for all j.

    x (C, H, W N), rows (OH, H), columns (OW, W), y (C, OH, OW, N); spans as `spans` returns them.
    """
    C, OH, OW, N = y.shape
    for task in prange(C * OH):
        c, i = task // OH, task % OH
        between = np.zeros(x.shape[2], x.dtype)
        for h in range(row_spans[i, 0], row_spans[i, 1]):
            weight = rows[i, h]
            if weight != 0:
                for lane in range(len(between)):
                    between[lane] += weight * x[c, h, lane]
        for j in range(OW):
            for n in range(N):
                y[c, i, j, n] = 0
            for w in range(column_spans[j, 0], column_spans[j, 1]):
                weight = columns[j, w]
                if weight != 0:
                    for n in range(N):
                        y[c, i, j, n] += weight * between[w * N + n]


def resample2d_cuda(x: Array, rows: Array, columns: Array) -> Array:
    (N, C, H, W), OH, OW = x.shape, len(rows), len(columns)
    y = empty_channels_last(x, (N, C, OH, OW))
    weights = []
    for matrix in (dense(rows), dense(columns)):
        of_rows = empty_like(matrix, (len(matrix), 2), np.int32)
        launch("resample2d.cu", "find_spans", *warps(len(matrix)), matrix, of_rows, *matrix.shape)
        weights += [matrix, of_rows]
    arrays = stored_channels_last(x), *weights, stored_channels_last(y)
    launch("resample2d.cu", "weighted_sums", *places(OH * OW * C, N), *arrays, N, H, W, OH, OW, C)
    return y


resample2d = Kernel("resample2d", resample2d_reference, resample2d_cpu, resample2d_cuda)
