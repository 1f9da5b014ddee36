"""The logistic function and its gradient, one pass over memory each."""

from __future__ import annotations

import math

import numpy as np

from .jit import jit, prange
from .kernel import Kernel
from .memory import empty
from .strides import flat, memory_axes, unflatten

CHUNK = 1 << 13  # elements that a thread takes at a time
SMALLEST = np.float32(-87.3)  # below, the result is under 1.2e-38, the smallest normal float32: it becomes 0
LOG2_E = np.float32(1.44269504)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)  # ln 2 in two parts: n LN2_HIGH is exact
# e^r = 1 + r + r² P(r) for |r| <= ln 2 / 2; P is the Chebyshev fit of degree 5 to (e^r - 1 - r) / r²
P = tuple(np.float32(c) for c in (0.5, 0.166666667, 0.0416664642, 0.00833331084, 0.00139337307, 0.000198910804))


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
    (sigmoid_float32 if x.dtype == np.float32 else sigmoid_float64)(flat(x, axes), y)
    return unflatten(y, x.shape, axes)


def sigmoid_grad_cpu(dy: np.ndarray, y: np.ndarray) -> np.ndarray:
    axes = memory_axes(y)
    dx = empty((y.size,), y.dtype)
    slope_times(flat(dy, axes), flat(y, axes), dx)
    return unflatten(dx, y.shape, axes)


@jit(parallel=True, fastmath={"contract"})
def sigmoid_float32(x, y):
    """y = 1 / (1 + e⁻ˣ) within 3 units in the last place.

    The library's exp is a call for each number. This one is arithmetic only, so that LLVM takes a vector at a time:
    -x = n ln 2 + r, and e⁻ˣ = 2ⁿ e^r, where 2ⁿ is written straight into the exponent bits of a float.
    """
    for chunk in prange((len(x) + CHUNK - 1) // CHUNK):
        source, result = x[chunk * CHUNK : (chunk + 1) * CHUNK], y[chunk * CHUNK : (chunk + 1) * CHUNK]
        for i in range(len(source)):
            value = source[i]
            number = value if value == value else np.float32(0)
            z = -min(max(number, SMALLEST), -SMALLEST)
            n = np.floor(z * LOG2_E + np.float32(0.5))
            r = (z - n * LN2_HIGH) - n * LN2_LOW
            p = P[0] + r * (P[1] + r * (P[2] + r * (P[3] + r * (P[4] + r * P[5]))))
            e_r = np.float32(1) + (r + r * r * p)
            two_n = np.int32((np.int32(n) + 127) << 23).view(np.float32)
            s = np.float32(1) / (np.float32(1) + e_r * two_n)
            s = np.float32(0) if value < SMALLEST else s
            result[i] = s if value == value else value


@jit(parallel=True)
def sigmoid_float64(x, y):
    for chunk in prange((len(x) + CHUNK - 1) // CHUNK):
        for i in range(chunk * CHUNK, min(len(x), (chunk + 1) * CHUNK)):
            y[i] = 0 if x[i] < -709 else 1 / (1 + math.exp(-x[i]))  # beyond, the exponential overflows


@jit(parallel=True, fastmath={"contract"})
def slope_times(dy, y, dx):
    """dx = dy y (1 - y) on flat arrays."""
    for chunk in prange((len(y) + CHUNK - 1) // CHUNK):
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        g, s, result = dy[part], y[part], dx[part]
        for i in range(len(g)):
            result[i] = g[i] * (s[i] * (1 - s[i]))


sigmoid = Kernel("sigmoid", sigmoid_reference, sigmoid_cpu)
sigmoid_grad = Kernel("sigmoid_grad", sigmoid_grad_reference, sigmoid_grad_cpu)
