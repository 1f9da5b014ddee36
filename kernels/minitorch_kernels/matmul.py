"""Matrix products: `matmul`, and the loop over tiles that it shares with the convolutions.

Our own product, not the BLAS library's, because two thread pools in one process slow each other down and because here
the rows of `b` may lie anywhere (see `vector.multiply_tile`), as the taps of a convolution do. To read memory in order,
`a` is first copied into panels of a tile's height, and `b` into panels as wide as a tile; with few rows in `a` copying
`b` does not pay, and it is read where it lies.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .jit import jit, prange
from .kernel import Kernel
from .memory import empty
from .vector import multiply_tile, tile_height, tile_lanes

DEPTH = 512  # steps of k between two visits to a tile of results: a panel of b, 512 x 256 bytes, stays in the L2 cache
FEW_ROWS = 128  # up to so many rows of a, b is read where it lies: packing it would cost more than it saves
PANELS = 16  # panels of a that one task takes through its tile of b


def matmul_reference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y[..., m, n] = Σ_k a[..., m, k] b[..., k, n].

    a (..., M, K), b (..., K, N) -> y (..., M, N), C-contiguous; the leading axes broadcast.
    """
    return np.ascontiguousarray(np.matmul(a, b))


def matmul_cpu(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    dtype = np.result_type(a, b)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    (M, K), N = a.shape[-2:], b.shape[-1]
    if b.shape[-2] != K:
        raise ValueError(f"matmul: a {a.shape} has {K} columns but b {b.shape} has {b.shape[-2]} rows")
    if b.ndim == 2 and a.ndim > 2:  # (..., M, K) @ (K, N): one product of more rows
        return matmul_cpu(a.reshape(math.prod(batch) * M, K), b).reshape(*batch, M, N)
    y = empty((*batch, M, N), dtype)
    G, height, width = math.prod(batch), tile_height(M), tile_lanes(dtype)
    rows = pack(stack(a, batch, dtype), height)
    memory, first, (b_group, b_row, b_column) = memory_of(stack(b, batch, dtype))
    b_tile = width
    if b_column != 1 or M > FEW_ROWS:
        columns = pack(stack(b, batch, dtype).swapaxes(1, 2), width)
        memory, first, b_group, b_row, b_tile = columns.reshape(-1), 0, columns[:1].size, width, K * width
    runs = np.array([[first, 0, N, 0, K, 0, 1]])
    multiply(
        rows.reshape(-1), np.zeros(G * M, dtype), memory, b_group, b_tile, np.arange(K) * b_row,
        y.reshape(-1), M * N, N, runs, G, M, K, height, width,
    )  # fmt: skip
    return y


def stack(x: np.ndarray, batch: tuple[int, ...], dtype: Any) -> np.ndarray:
    """x (..., L, K) -> (G, L, K) with the leading axes broadcast to `batch` and joined."""
    x = x.astype(dtype, copy=False)
    if x.shape[:-2] != batch:
        x = np.broadcast_to(x, (*batch, *x.shape[-2:]))
    return x.reshape(math.prod(batch), *x.shape[-2:])


def pack(x: np.ndarray, height: int) -> np.ndarray:
    """x (G, L, K), any strides -> panels (G, P, K, height) of `height` neighbouring l; what pads the last is unset."""
    G, L, K = x.shape
    panels = empty((G, -(-L // height), K, height), x.dtype)
    flat, start, strides = memory_of(x)
    copy_panels(flat, start, *strides, G, L, K, height, panels.reshape(-1))
    return panels


def memory_of(x: np.ndarray) -> tuple[np.ndarray, int, tuple[int, ...]]:
    """The memory under x as one 1-D array, the index of x's first element in it, and x's strides in elements.

    Compiled code that takes these serves every layout; one that took x would be compiled anew for each kind of layout,
    and for read-only arrays, which are copied here.
    """
    if not x.flags.writeable or any(stride % x.itemsize for stride in x.strides):
        x = x.copy()
    strides = tuple(stride // x.itemsize for stride in x.strides)
    if x.size == 0:
        return np.empty(0, x.dtype), 0, strides
    first = sum((n - 1) * -stride for n, stride in zip(x.shape, strides) if stride < 0)
    extent = 1 + sum((n - 1) * abs(stride) for n, stride in zip(x.shape, strides))
    lowest = x[tuple(slice(None, None, -1 if stride < 0 else 1) for stride in strides)]
    return np.lib.stride_tricks.as_strided(lowest, (extent,), (x.itemsize,)), first, strides


def run_of_memory(x: np.ndarray) -> np.ndarray:
    """x as one C-contiguous, writeable axis: x's own memory wherever it is so already."""
    flat = np.ascontiguousarray(x).reshape(-1)
    return flat if flat.flags.writeable else flat.copy()


@jit(parallel=True)
def copy_panels(x, start, stride_g, stride_l, stride_k, G, L, K, height, panels):
    """panels[g, p, k, i] = x[g, p height + i, k]."""
    P = (L + height - 1) // height
    for item in prange(G * P):
        g, first = item // P, item % P * height
        source = start + g * stride_g + first * stride_l
        target = item * K * height
        if stride_k < stride_l:
            for i in range(min(height, L - first)):
                for k in range(K):
                    panels[target + k * height + i] = x[source + i * stride_l + k * stride_k]
        else:
            for k in range(K):
                for i in range(min(height, L - first)):
                    panels[target + k * height + i] = x[source + i * stride_l + k * stride_k]


@jit(parallel=True)
def multiply(a, start, b, b_group, b_tile, offsets, out, out_group, out_row, runs, G, M, K, height, width):
    """out[g, m, run] = start[g, m] + Σ_k a[g, m, k] · b[g, run, k]: every product and convolution ends up here.

    a holds panels (G, P, K, height) as from `pack`, start (G M,) where each sum begins; b and out are the memory of
    arrays whose groups lie b_group and out_group apart. A run is a stretch of neighbouring lanes; its row of `runs` has
    its begin in b and in out, its number of lanes, and over which k to sum. These come in stretches, too: where the
    first begins, their length, how far apart they are, how many. Row k of b lies offsets[k] after the begin of the run,
    and the tiles of a run lie b_tile apart. Each result is summed by one thread, in the order of k.
    """
    P = (M + height - 1) // height
    blocks = (P + PANELS - 1) // PANELS
    tiles = 0
    for run in range(len(runs)):
        tiles = max(tiles, (runs[run, 2] + width - 1) // width)
    for item in prange(G * len(runs) * tiles * blocks):
        block, run, tile = item % blocks, item // blocks // tiles % len(runs), item // blocks % tiles
        g = item // (blocks * tiles * len(runs))
        lanes = min(width, runs[run, 2] - tile * width)
        if lanes > 0:
            first, length, stretch, count = runs[run, 3], runs[run, 4], runs[run, 5], runs[run, 6]
            b_start = g * b_group + runs[run, 0] + tile * b_tile
            out_start = g * out_group + runs[run, 1] + tile * width
            together = max(1, min(count, DEPTH // max(length, 1)))
            for s in range(0, count, together):
                for k in range(0, max(length, 1), DEPTH):
                    for p in range(block * PANELS, min(P, (block + 1) * PANELS)):
                        m = p * height
                        multiply_tile(
                            a, (g * P + p) * K * height, b, b_start, offsets,
                            first + s * stretch + k, min(DEPTH, length - k), stretch, min(together, count - s),
                            start, g * M + m, out, out_start + m * out_row, out_row,
                            height, min(height, M - m), lanes, s + k,
                        )  # fmt: skip


matmul = Kernel("matmul", matmul_reference, matmul_cpu)
