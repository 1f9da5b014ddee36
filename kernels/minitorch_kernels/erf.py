"""The error function, which NumPy lacks."""

from __future__ import annotations

import math

import numpy as np

from .jit import jit, prange
from .kernel import Kernel
from .memory import empty


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


erf = Kernel("erf", erf_reference, erf_cpu)
