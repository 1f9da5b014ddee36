"""The hyperbolic tangent and its gradient, one pass over memory each."""

from __future__ import annotations

import numpy as np

from .arrays import Array, empty_like
from .cuda.launch import elements, launch
from .exponential import tanh_float32
from .jit import jit, prange
from .kernel import Kernel
from .memory import empty
from .strides import flat, memory_axes, unflatten

CHUNK = 1 << 13  # elements that a thread takes at a time


def tanh_reference(x: np.ndarray) -> np.ndarray:
    """y = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ), any shape; y in x's memory order."""
    return np.tanh(x)


def tanh_grad_reference(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dx = dy (1 - y²); dy and y of one shape, dx in y's memory order."""
    return dy * (1 - y * y)


def tanh_cpu(x: np.ndarray) -> np.ndarray:
    if x.dtype == np.float64:
        return np.tanh(x)
    axes = memory_axes(x)
    y = empty((x.size,), x.dtype)
    tanh_chunks(flat(x, axes), y)
    return unflatten(y, x.shape, axes)


def tanh_grad_cpu(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    axes = memory_axes(y)
    dx = empty((y.size,), y.dtype)
    slope_times(flat(dy, axes), flat(y, axes), dx)
    return unflatten(dx, y.shape, axes)


@jit(parallel=True, fastmath={"contract"})
def tanh_chunks(x, y):
    for chunk in prange((len(x) + CHUNK - 1) // CHUNK):
        source, result = x[chunk * CHUNK : (chunk + 1) * CHUNK], y[chunk * CHUNK : (chunk + 1) * CHUNK]
        for i in range(len(source)):
            result[i] = tanh_float32(source[i])


@jit(parallel=True, fastmath={"contract"})
def slope_times(dy, y, dx):
    """dx = dy (1 - y²) on flat arrays."""
    for chunk in prange((len(y) + CHUNK - 1) // CHUNK):
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        g, t, result = dy[part], y[part], dx[part]
        one = t.dtype.type(1)  # a plain 1 would make float64 of it all
        for i in range(len(g)):
            result[i] = g[i] * (one - t[i] * t[i])


def tanh_cuda(x: Array) -> Array:
    axes = memory_axes(x)
    y = empty_like(x, (x.size,))
    launch("tanh.cu", "hyperbolic_tangent", *elements(x.size), flat(x, axes), y, x.size)
    return unflatten(y, x.shape, axes)


def tanh_grad_cuda(dy: Array, y: Array) -> Array:
    axes = memory_axes(y)
    dx = empty_like(y, (y.size,))
    launch("tanh.cu", "tanh_grad", *elements(y.size), flat(dy, axes), flat(y, axes), dx, y.size)
    return unflatten(dx, y.shape, axes)


tanh = Kernel("tanh", tanh_reference, tanh_cpu, tanh_cuda)
tanh_grad = Kernel("tanh_grad", tanh_grad_reference, tanh_grad_cpu, tanh_grad_cuda)
