"""`matmul` on the GPU: a block of threads for each tile of results."""

from __future__ import annotations

import math

import numpy as np

from ..arrays import Array, array_module, empty_like
from ..cuda import precision
from ..cuda.launch import launch

THREADS = 256
LARGE_TILES = 64  # so many tiles of 128 x 128 at least, before they are better than four times as many of 64 x 64


def matmul_cuda(a: Array, b: Array) -> Array:
    (M, K), N = a.shape[-2:], b.shape[-1]
    if b.shape[-2] != K:
        raise ValueError(f"matmul: a {a.shape} has {K} columns but b {b.shape} has {b.shape[-2]} rows")
    xp, dtype = array_module(a), np.result_type(a.dtype, b.dtype)
    a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    G = math.prod(batch)
    a, b = (xp.broadcast_to(x, (*batch, *x.shape[-2:])).reshape(G, *x.shape[-2:]) for x in (a, b))
    y = empty_like(a, (G, M, N))
    product(a, b, y)
    return y.reshape(*batch, M, N)


def product(a: Array, b: Array, y: Array) -> None:
    """y[g] = a[g] b[g] for a (G, M, K) and b (G, K, N) with any strides; y C-contiguous."""
    (G, M, K), N = a.shape, b.shape[2]
    side, name = tile(G, M, N, y.itemsize)
    (a, *a_strides), (b, *b_strides) = with_strides(a), with_strides(b)
    grid = (-(-N // side), -(-M // side), G)
    launch("matmul/matmul.cu", f"product_{name}", grid, (THREADS,), a, *a_strides, b, *b_strides, y, M, N, K)


def tile(G: int, M: int, N: int, size: int) -> tuple[int, str]:
    """Side of the tiles, and their name, for G matrices of M x N results: small tiles where large ones would be few.

    Of float64 (`size` is 8 bytes), the registers of a thread hold a small tile's share only. Where the precision allows
    it, float32 is multiplied by matrix instructions, which have one size.
    """
    if size == 4 and precision.float32_matmul != "highest":
        return 128, "tf32"
    large = size == 4 and G * -(-M // 128) * -(-N // 128) >= LARGE_TILES
    return (128, "large") if large else (64, "small")


def with_strides(x: Array) -> tuple[Array, ...]:
    """x (G, L, K) -> a C-contiguous array over its memory and its strides in elements; copied where it is not dense."""
    axes = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    stored = x.transpose(axes)
    if not stored.flags.c_contiguous:
        stored = array_module(x).ascontiguousarray(x)
        x, axes = stored, [0, 1, 2]
    return stored, *(stride // x.itemsize for stride in x.strides)
