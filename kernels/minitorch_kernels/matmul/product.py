"""`matmul`: which loop serves which product."""

from __future__ import annotations

import functools
import math

import numpy as np

from ..memory import empty
from ..vector import tile_height, tile_lanes
from .lane_sums import dots
from .panels import memory_of, pack
from .tiles import multiply

FEW = 128  # rows or columns: copying the other, much larger factor would cost more than it saves
LONG = 128  # steps of k from which on a sum over lanes pays for adding up the lanes at its end


def matmul_reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y[..., m, n] = Σ_k a[..., m, k] b[..., k, n].

    a (..., M, K), b (..., K, N) -> y (..., M, N), C-contiguous; the leading axes broadcast.
    """
    return np.ascontiguousarray(np.matmul(a, b))


def matmul_cpu(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    (M, K), N = a.shape[-2:], b.shape[-1]
    if b.shape[-2] != K:
        raise ValueError(f"matmul: a {a.shape} has {K} columns but b {b.shape} has {b.shape[-2]} rows")
    if a.dtype != b.dtype:
        dtype = np.result_type(a, b)
        a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    if a.ndim == b.ndim == 2:
        return product(a[None], b[None])[0]
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if b.ndim == 2:  # (..., M, K) @ (K, N): one product of more rows
        return product(a.reshape(1, math.prod(batch) * M, K), b[None]).reshape(*batch, M, N)
    return product(stack(a, batch), stack(b, batch)).reshape(*batch, M, N)


def stack(x: np.ndarray, batch: tuple[int, ...]) -> np.ndarray:
    """x (..., L, K) -> (G, L, K) with the leading axes broadcast to `batch` and joined."""
    if x.shape[:-2] != batch:
        x = np.broadcast_to(x, (*batch, *x.shape[-2:]))
    return x.reshape(math.prod(batch), *x.shape[-2:])


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y[g] = a[g] b[g] for a (G, M, K) and b (G, K, N), by the way that copies least."""
    (_, M, K), N, size = a.shape, b.shape[2], a.itemsize
    rows_in_order, columns_in_order = a.strides[2] == size, b.strides[1] == size
    if K >= LONG and rows_in_order and (M <= 4 * FEW if columns_in_order else N <= FEW < M):
        return by_dots(a, b)
    if a.strides[1] == size and N <= FEW < M:
        return np.ascontiguousarray(by_tiles(b.swapaxes(1, 2), a.swapaxes(1, 2)).swapaxes(1, 2))
    return by_tiles(a, b)


def by_tiles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Lanes run over the columns of b, which is read where it lies or, for many rows of a, copied into panels."""
    (G, M, K), N = a.shape, b.shape[2]
    y, height, width = empty((G, M, N), a.dtype), tile_height(M), tile_lanes(a.dtype)
    panels = pack(a, height)
    memory, first, (b_group, b_row, b_column) = memory_of(b)
    b_tile = width
    if b_column != 1:
        columns = pack(b.swapaxes(1, 2), width)
        memory, first, b_group, b_row, b_tile = columns.reshape(-1), 0, columns[:1].size, width, K * width
    multiply(
        panels.reshape(-1), np.zeros(G * M, a.dtype), memory, b_group, b_tile, rows_of(K, b_row),
        y.reshape(-1), M * N, N, one_run(first, N, K), G, M, K, height, width,
    )  # fmt: skip
    return y


@functools.lru_cache(maxsize=256)
def rows_of(K: int, step: int) -> np.ndarray:
    """Where the rows of a matrix lie."""
    return np.arange(K) * step


@functools.lru_cache(maxsize=256)
def one_run(first: int, lanes: int, K: int) -> np.ndarray:
    """All columns of a matrix as one run of `multiply`."""
    return np.array([[first, 0, lanes, 0, K, 0, 1]])


def by_dots(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Lanes run over k, along the rows of a and the columns of b."""
    (G, M, K), N = a.shape, b.shape[2]
    begin = np.zeros(1, np.int64)
    columns = np.ascontiguousarray(b.swapaxes(1, 2))  # (G, N, K)
    return np.ascontiguousarray(dots(a.reshape(G, -1), K, begin, columns.reshape(G, -1), begin, np.arange(N) * K, M, K))
