"""The error function, which NumPy lacks."""

from __future__ import annotations

import math

import numpy as np

from .arrays import Array, empty_like
from .cuda.launch import elements, launch
from .jit import jit, prange
from .kernel import Kernel
from .memory import empty
from .strides import flat, memory_axes, unflatten


def erf_reference(x: np.ndarray) -> np.ndarray:
    """y = 2/√π ∫₀ˣ exp(-t²) dt, element by element; any shape."""
    return np.vectorize(math.erf, otypes=[x.dtype])(x)


def erf_cpu(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, order="C")
    y = empty(x.shape, x.dtype)
    _erf_loop(x.reshape(-1), y.reshape(-1))
    return y


@jit(parallel=True)
def _erf_loop(x: np.ndarray, y: np.ndarray) -> None:
    for i in prange(x.size):
        y[i] = math.erf(x[i])


def erf_cuda(x: Array) -> Array:
    axes = memory_axes(x)
    y = empty_like(x, (x.size,))
    launch("erf.cu", "error_function", *elements(x.size), flat(x, axes), y, x.size)
    return unflatten(y, x.shape, axes)


erf = Kernel("erf", erf_reference, erf_cpu, erf_cuda)
