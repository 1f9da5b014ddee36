"""Joining arrays along an axis: in batch-last memory, appending channels is appending memory."""

from __future__ import annotations

import math

import numpy as np

from .addresses import address_of
from .arrays import Array, empty_like
from .cuda.launch import launch
from .kernel import Kernel
from .layout import as_batch_first, empty_batch_last
from .memory import empty_around
from .strides import flat, lies_in, memory_axes, unflatten


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


def join_cuda(dim: int, *arrays: Array) -> Array:
    """In the memory order of the first array, x_i is a matrix of which a row holds all of it from `dim` on."""
    first = arrays[0]
    axes = memory_axes(first)
    shape = list(first.shape)
    shape[dim] = sum(x.shape[dim] for x in arrays)
    before = axes.index(dim % first.ndim)
    rows = math.prod(first.shape[axis] for axis in axes[:before])
    y = empty_like(first, (math.prod(shape),))
    start, pitch = 0, y.size // max(1, rows)
    for x in arrays:
        width = x.size // max(1, rows)
        grid = (min(1024, -(-rows // 8)), min(64, -(-width // 32)))
        launch("join.cu", "put_columns", grid, (32, 8), flat(x, axes), y, rows, width, pitch, start)
        start += width
    return unflatten(y, tuple(shape), axes)


join = Kernel("join", join_reference, join_cpu, join_cuda)
