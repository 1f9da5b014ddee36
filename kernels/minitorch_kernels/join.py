"""Joining arrays along an axis: in batch-last memory, appending channels is appending memory."""

from __future__ import annotations

import numpy as np

from .addresses import address_of
from .kernel import Kernel
from .layout import as_batch_first, empty_batch_last
from .memory import empty_around
from .strides import lies_in


def join_reference(dim: int, *arrays: np.ndarray) -> np.ndarray:
    """y = [x_0, x_1, ...] along the axis `dim`; the arrays agree in all other sizes."""
    return np.concatenate(arrays, axis=dim)


def join_cpu(dim: int, *arrays: np.ndarray) -> np.ndarray:
    """Where all arrays lie batch-last, y does too; what lies in its place in y already is not copied."""
    first = arrays[0]
    last = [*range(1, first.ndim), 0]
    if first.ndim < 2 or not all(lies_in(x, last) and x.dtype == first.dtype for x in arrays):
        return join_reference(dim, *arrays)
    shape = list(first.shape)
    shape[dim] = sum(x.shape[dim] for x in arrays)
    if dim != 1:
        return np.concatenate(arrays, axis=dim, out=empty_batch_last(tuple(shape), first.dtype))
    y = as_batch_first(empty_around(arrays, (*shape[1:], shape[0]), first.dtype))
    start = 0
    for x in arrays:
        place = y[:, start : start + x.shape[1]]
        if address_of(place) != address_of(x):
            place[...] = x
        start += x.shape[1]
    return y


join = Kernel("join", join_reference, join_cpu)
