"""The sum of two arrays, as a residual network takes it of its branches and the engine of its gradients."""

from __future__ import annotations

import numpy as np

from .arrays import Array, empty_like
from .cuda.launch import elements, launch
from .jit import jit, prange
from .kernel import Kernel
from .memory import empty
from .strides import flat, lies_in, memory_axes, unflatten

CHUNK = 1 << 14  # elements that a thread takes at a time


def add_reference(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """y = x + z, two arrays of one shape; y in x's memory order."""
    return np.add(x, z, out=np.empty_like(x))


def add_into_reference(total: np.ndarray, x: np.ndarray) -> None:
    """total += x, two arrays of one shape."""
    total += x


def add_cpu(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    axes = memory_axes(x)
    if x.size < CHUNK or not lies_in(x, axes) or not lies_in(z, axes):
        return add_reference(x, z)
    y = empty((x.size,), x.dtype)
    sums(flat(x, axes), flat(z, axes), y)
    return unflatten(y, x.shape, axes)


def add_into_cpu(total: np.ndarray, x: np.ndarray) -> None:
    axes = memory_axes(total)
    if total.size < CHUNK or not lies_in(total, axes) or not lies_in(x, axes):
        add_into_reference(total, x)
    else:
        elements = flat(total, axes)
        sums(elements, flat(x, axes), elements)


@jit(parallel=True)
def sums(x, z, y):
    """y = x + z for flat arrays; y may be x."""
    for chunk in prange((len(x) + CHUNK - 1) // CHUNK):
        a, b = x[chunk * CHUNK : (chunk + 1) * CHUNK], z[chunk * CHUNK : (chunk + 1) * CHUNK]
        result = y[chunk * CHUNK : (chunk + 1) * CHUNK]
        for i in range(len(a)):
            result[i] = a[i] + b[i]


def add_cuda(x: Array, z: Array) -> Array:
    axes = memory_axes(x)
    y = empty_like(x, (x.size,))
    launch("add.cu", "add", *elements(x.size), flat(x, axes), flat(z, axes), y, x.size)
    return unflatten(y, x.shape, axes)


def add_into_cuda(total: Array, x: Array) -> None:
    axes = memory_axes(total)
    sums = flat(total, axes)
    launch("add.cu", "add_into", *elements(total.size), sums, flat(x, axes), total.size)
    if not lies_in(total, axes):  # then the sums are a copy
        total[...] = unflatten(sums, total.shape, axes)


add = Kernel("add", add_reference, add_cpu, add_cuda)
add_into = Kernel("add_into", add_into_reference, add_into_cpu, add_into_cuda)
