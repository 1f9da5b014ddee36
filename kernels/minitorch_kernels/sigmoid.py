"""The logistic function and its gradient, one pass over memory each."""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array, empty_like
from .cuda.launch import elements, launch
from .exponential import sigmoid_float32
from .jit import jit, prange
from .kernel import Kernel
from .memory import empty
from .strides import flat, memory_axes, unflatten

CHUNK = 1 << 13  # elements that a thread takes at a time


def sigmoid_reference(x: np.ndarray) -> np.ndarray:
    """y = 1 / (1 + e⁻ˣ), any shape; y in x's memory order."""
    with np.errstate(over="ignore"):  # e⁻ˣ becomes Inf for very negative x, and 1 / Inf = 0 is right
        return 1 / (1 + np.exp(-x))


def sigmoid_grad_reference(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dx = dy y (1 - y); dy and y of one shape, dx in y's memory order."""
    return dy * (y * (1 - y))


def sigmoid_cpu(x: np.ndarray) -> np.ndarray:
    axes = memory_axes(x)
    y = empty((x.size,), x.dtype)
    with np.errstate(over="ignore"):
        (float32_chunks if x.dtype == np.float32 else float64_chunks)(flat(x, axes), y)
    return unflatten(y, x.shape, axes)


def sigmoid_grad_cpu(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    axes = memory_axes(y)
    dx = empty((y.size,), y.dtype)
    slope_times(flat(dy, axes), flat(y, axes), dx)
    return unflatten(dx, y.shape, axes)


@jit(parallel=True, fastmath={"contract"})
def float32_chunks(x, y):
    for chunk in prange((len(x) + CHUNK - 1) // CHUNK):
        source, result = x[chunk * CHUNK : (chunk + 1) * CHUNK], y[chunk * CHUNK : (chunk + 1) * CHUNK]
        for i in range(len(source)):
            result[i] = sigmoid_float32(source[i])


@jit(parallel=True)
def float64_chunks(x, y):
    for chunk in prange((len(x) + CHUNK - 1) // CHUNK):
        for i in range(chunk * CHUNK, min(len(x), (chunk + 1) * CHUNK)):
            y[i] = 0 if x[i] < -709 else 1 / (1 + math.exp(-x[i]))  # beyond, the exponential overflows


@jit(parallel=True, fastmath={"contract"})
def slope_times(dy, y, dx):
    """dx = dy y (1 - y) on flat arrays."""
    for chunk in prange((len(y) + CHUNK - 1) // CHUNK):
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        g, s, result = dy[part], y[part], dx[part]
        one = s.dtype.type(1)  # a plain 1 would make float64 of it all
        for i in range(len(g)):
            result[i] = g[i] * (s[i] * (one - s[i]))


def sigmoid_cuda(x: Array) -> Array:
    axes = memory_axes(x)
    y = empty_like(x, (x.size,))
    launch("sigmoid.cu", "sigmoid", *elements(x.size), flat(x, axes), y, x.size)
    return unflatten(y, x.shape, axes)


def sigmoid_grad_cuda(dy: Array, y: Array) -> Array:
    axes = memory_axes(y)
    dx = empty_like(y, (y.size,))
    launch("sigmoid.cu", "sigmoid_grad", *elements(y.size), flat(dy, axes), flat(y, axes), dx, y.size)
    return unflatten(dx, y.shape, axes)


sigmoid = Kernel("sigmoid", sigmoid_reference, sigmoid_cpu, sigmoid_cuda)
sigmoid_grad = Kernel("sigmoid_grad", sigmoid_grad_reference, sigmoid_grad_cpu, sigmoid_grad_cuda)
