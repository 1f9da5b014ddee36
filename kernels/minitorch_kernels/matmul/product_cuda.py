"""`matmul` on the GPU: a block of threads for each tile of results."""

from __future__ import annotations

import math

import numpy as np

from ..arrays import Array, array_module, empty_like
from ..cuda.launch import launch
from ..cuda.parts import add_parts, parts
from ..cuda.tiles import tile


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
    kind = tile(G, M, N, y.itemsize)
    tiles = G * kind.number(M, N)
    count, length = parts(tiles, K)
    partial = y if count == 1 else empty_like(y, (count, G, M, N))
    launch(
        "matmul/matmul.cu", f"product_{kind.name}", (count * tiles,), (kind.threads,),
        *lines(a), *lines(b.swapaxes(1, 2)), partial, G, M, N, K, length,
    )  # fmt: skip
    if count > 1:
        add_parts(partial, y)


def lines(x: Array) -> tuple[Array, int, int, int]:
    """x (G, L, K) -> a C-contiguous array over its memory, steps from matrix to matrix and from line to line, and 1
    where the lines run along K, 0 where they run along L; copied where it does not lie in lines."""
    axes = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    if axes[2] == 0 or not x.transpose(axes).flags.c_contiguous:
        x, axes = array_module(x).ascontiguousarray(x), [0, 1, 2]
    group, row, column = (stride // x.itemsize for stride in x.strides)
    return (x.transpose(axes), group, row, 1) if axes[2] == 2 else (x.transpose(axes), group, column, 0)
