"""Arrays as compiled code takes them: as runs of memory, and copied into panels."""

from __future__ import annotations

import numpy as np

from ..jit import jit, prange
from ..memory import empty
from ..vector import HEIGHTS, copy_panel

MAX_HEIGHT = max(HEIGHTS)
TOGETHER = 16  # steps of k that are copied for all taps before the next: in a filter they lie in the same cache lines


def memory_of(x: np.ndarray) -> tuple[np.ndarray, int, tuple[int, ...]]:
    """The memory under x as one 1-D array, the index of x's first element in it, and x's strides in elements.

    Compiled code that takes these serves every layout; one that took x would be compiled anew for each kind of layout,
    and for read-only arrays, which are copied here.
    """
    size = x.itemsize
    if not x.flags.writeable or any(stride % size for stride in x.strides):
        x = x.copy()
    strides = tuple([stride // size for stride in x.strides])
    if x.flags.c_contiguous:
        return x.reshape(-1), 0, strides
    dense = x.transpose(sorted(range(x.ndim), key=lambda axis: -strides[axis]))
    if dense.flags.c_contiguous:
        return dense.reshape(-1), 0, strides
    if x.size == 0:
        return np.empty(0, x.dtype), 0, strides
    first = sum((n - 1) * -stride for n, stride in zip(x.shape, strides) if stride < 0)
    extent = 1 + sum((n - 1) * abs(stride) for n, stride in zip(x.shape, strides))
    lowest = x[tuple(slice(None, None, -1 if stride < 0 else 1) for stride in strides)]
    return np.lib.stride_tricks.as_strided(lowest, (extent,), (size,)), first, strides


def run_of_memory(x: np.ndarray) -> np.ndarray:
    """x as one C-contiguous, writeable axis: x's own memory wherever it is so already."""
    flat = np.ascontiguousarray(x).reshape(-1)
    return flat if flat.flags.writeable else flat.copy()


def pack(x: np.ndarray, height: int, order: np.ndarray | None = None) -> np.ndarray:
    """x (G, L, ..., K), any strides -> panels (G, P, ... K, height) of `height` neighbouring l.

    What pads the last panel is unset. The axes between L and K, if there are any, are joined with K: they are the taps
    of a convolution, which are taken in `order`.
    """
    G, L, *taps, K = x.shape
    memory, start, (stride_g, stride_l, *tap_strides, stride_k) = memory_of(x)
    places = np.zeros(1, np.int64)
    for n, stride in zip(taps, tap_strides):
        places = np.add.outer(places, np.arange(n) * stride).reshape(-1)
    if order is not None:
        places = places[order]
    panels = empty((G, -(-L // height), len(places) * K, height), x.dtype)
    copy_panels(memory, start, stride_g, stride_l, places, stride_k, G, L, K, height, panels.reshape(-1))
    return panels


@jit(parallel=True)
def copy_panels(x, start, stride_g, stride_l, places, stride_k, G, L, K, height, panels):
    """panels[g, p, tap, k, i] = x[g, p height + i, tap, k], where x[g, l, tap] begins at places[tap]."""
    P, T = (L + height - 1) // height, len(places)
    together = max(1, TOGETHER if T > 1 else K)
    for item in prange(G * P):
        g, first = item // P, item % P * height
        source, target, rows = start + g * stride_g + first * stride_l, item * T * K * height, min(height, L - first)
        for k in range(0, K, together):
            length = min(together, K - k)
            for tap in range(T):
                at, to = source + places[tap] + k * stride_k, target + (tap * K + k) * height
                if height <= MAX_HEIGHT:
                    copy_panel(x, at, stride_l, stride_k, length, rows, panels, to, height)
                else:  # as wide as a tile: lanes side by side
                    for step in range(length):
                        for i in range(rows):
                            panels[to + step * height + i] = x[at + step * stride_k + i * stride_l]
