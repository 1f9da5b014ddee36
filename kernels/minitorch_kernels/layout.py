"""How activations lie in memory: batch-last.

Tensors are logically (N, C, H, W), as in torch. The kernels return them stored as (C, H, W, N): the batch is the
contiguous axis. Every vector lane then works on its own image whatever C, the stride or the map size; a convolution is
a matrix product without a transposition, flatten is free, a linear layer is W[O, I] X[I, N], and joining channels is
appending memory. Kernels accept any strides and convert here; ops never look.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import jit, prange
from .memory import empty
from .vector import tile_lanes, turn_rows

LANES = 16  # of the widest vector
POSITIONS = 64  # of an image that a task takes at a time


def empty_batch_last(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised array of the logical `shape` (N, ...) whose batch axis is the contiguous one."""
    stored = empty((*shape[1:], shape[0]), dtype)
    return as_batch_first(stored)


def as_batch_first(stored: np.ndarray) -> np.ndarray:
    """(..., N) as stored -> (N, ...) as tensors show it; a view."""
    last = stored.ndim - 1
    return stored.transpose(last, *range(last))


def stored_batch_last(x: np.ndarray) -> np.ndarray:
    """(N, ...) with any strides -> C-contiguous (..., N); a view where x lies that way already, else a copy."""
    stored = x.transpose(*range(1, x.ndim), 0)
    if stored.flags.c_contiguous:
        return stored
    copy = empty(stored.shape, x.dtype)
    simple = x.flags.c_contiguous and x.flags.writeable and x.dtype in (np.float32, np.float64)
    whole = len(x) // LANES * LANES if simple else 0
    if whole:
        turn(x.reshape(-1), whole, x[0].size, copy.reshape(-1), len(x), tile_lanes(x.dtype))
    copy[..., whole:] = stored[..., whole:]
    return copy


@jit(parallel=True)
def turn(x, rows, length, out, width, together):
    """out[k, r] = x[r, k] for x (rows, length) and out (length, width)."""
    blocks, groups = (length + POSITIONS - 1) // POSITIONS, (rows + together - 1) // together
    for task in prange(blocks * groups):
        k, r = task // groups * POSITIONS, task % groups * together
        count = min(POSITIONS, length - k)
        turn_rows(x, r * length + k, length, min(together, rows - r), count, out, k * width + r, width)
