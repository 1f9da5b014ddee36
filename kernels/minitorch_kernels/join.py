"""Joining arrays along an axis: in batch-last memory, appending channels is appending memory."""

from __future__ import annotations

import numpy as np

from .kernel import Kernel
from .layout import empty_batch_last
from .strides import lies_in


def join_reference(dim: int, *arrays: np.ndarray) -> np.ndarray:
    """y = [x_0, x_1, ...] along the axis `dim`; the arrays agree in all other sizes."""
    return np.concatenate(arrays, axis=dim)


def join_cpu(dim: int, *arrays: np.ndarray) -> np.ndarray:
    """Where all arrays lie batch-last, y does too, and its memory comes from the pool."""
    first = arrays[0]
    last = [*range(1, first.ndim), 0]
    if first.ndim < 2 or not all(lies_in(x, last) for x in arrays):
        return join_reference(dim, *arrays)
    shape = list(first.shape)
    shape[dim] = sum(x.shape[dim] for x in arrays)
    return np.concatenate(arrays, axis=dim, out=empty_batch_last(tuple(shape), first.dtype))


join = Kernel("join", join_reference, join_cpu)
