"""The rectifier and its gradient, one pass over memory each."""

from __future__ import annotations

import numpy as np

from .arrays import Array, empty_like
from .cuda.launch import dense, elements, launch
from .jit import jit, prange
from .kernel import Kernel
from .memory import empty
from .strides import flat, memory_axes, unflatten

CHUNK = 1 << 14  # elements that a thread takes at a time


def relu_reference(x: np.ndarray) -> np.ndarray:
    """y = x where x > 0, else 0; NaN stays NaN. Any shape, y in x's memory order."""
    return np.maximum(x, 0)


def relu_grad_reference(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    """dx = dy where y > 0 or y is NaN, else 0, also where dy is Inf. dy and y of one shape; dx in y's memory order."""
    return np.where(y <= 0, y.dtype.type(0), dy)


def relu_cpu(x: np.ndarray) -> np.ndarray:
    axes = memory_axes(x)
    y = empty((x.size,), x.dtype)
    source = flat(x, axes)
    rectify(source, source, y)
    return unflatten(y, x.shape, axes)


def relu_grad_cpu(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    axes = memory_axes(y)
    dx = empty((y.size,), y.dtype)
    rectify(flat(y, axes), flat(dy, axes), dx)
    return unflatten(dx, y.shape, axes)


@jit(parallel=True)
def rectify(gate, value, out):
    """out[i] = 0 where gate[i] <= 0, else value[i]; flat arrays."""
    for chunk in prange((len(gate) + CHUNK - 1) // CHUNK):
        g, v = gate[chunk * CHUNK : (chunk + 1) * CHUNK], value[chunk * CHUNK : (chunk + 1) * CHUNK]
        result = out[chunk * CHUNK : (chunk + 1) * CHUNK]
        zero = g.dtype.type(0)  # a plain 0 would make float64 of it all
        for i in range(len(g)):
            result[i] = zero if g[i] <= zero else v[i]


def relu_cuda(x: Array) -> Array:
    axes = memory_axes(x)
    source = flat(x, axes)
    return unflatten(rectified(source, source), x.shape, axes)


def relu_grad_cuda(dy: Array, y: Array) -> Array:
    axes = memory_axes(y)
    return unflatten(rectified(flat(y, axes), flat(dy, axes)), y.shape, axes)


def rectified(gate: Array, value: Array) -> Array:
    """`rectify` on the GPU; flat arrays."""
    out = empty_like(gate)
    launch("relu.cu", "rectify", *elements(out.size), dense(gate), dense(value), out, out.size)
    return out


relu = Kernel("relu", relu_reference, relu_cpu, relu_cuda)
relu_grad = Kernel("relu_grad", relu_grad_reference, relu_grad_cpu, relu_grad_cuda)
